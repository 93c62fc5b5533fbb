"""A web server that is set up in another way than its clients need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, list_in
from whodunet.cases.fields import DomainName
from whodunet.evidence.topology import Topology
from whodunet.openflow.policy import meant

_SERVER: Final = "nginx"
State = Literal[
    "certificate-expired",
    "certificate-of-unknown-authority",
    "certificate-without-intermediate",
    "client-certificate-required",
    "newest-tls-only",
    "plain-on-https-port",
    "site-missing",
    "forbidden",
    "out-of-service",
    "requests-limited",
]


class _SetUp(NamedTuple):
    """A state of the server: its settings, and what curl says of it."""

    settings: Settings
    told: str  # by curl, of a request that is refused for it
    asked: str = ""  # further options with which it asks
    path: str = ""  # what it asks for; with [1-4], so many times
    issuer: str = ""  # who has signed the certificate, where curl says the same of two states


_SET_UPS: Final[Mapping[State, _SetUp]] = {
    "certificate-expired": _SetUp({"certificate": "expired"}, "certificate has expired"),
    "certificate-of-unknown-authority": _SetUp(
        {"certificate": "of-unknown-authority"}, "unable to get local issuer", issuer="Own Authority"
    ),
    "certificate-without-intermediate": _SetUp(
        {"certificate": "without-intermediate"}, "unable to get local issuer", issuer="trustme"
    ),
    "client-certificate-required": _SetUp({"wants_client_certificate": True}, "error: 400"),
    "newest-tls-only": _SetUp({"versions": ["TLSv1.3"]}, "protocol version", "--tls-max 1.2"),
    "plain-on-https-port": _SetUp({"speaks_tls": False}, "wrong version number"),
    "site-missing": _SetUp({}, "no alternative certificate subject name matches"),
    "forbidden": _SetUp({"status": 403}, "error: 403"),
    "out-of-service": _SetUp({"status": 503}, "error: 503"),
    "requests-limited": _SetUp({"requests_per_minute": 1}, "error: 429", path="application/?[1-4]"),
}


class WebServer(NodeFault):
    """The server runs, and has another certificate, other versions of TLS, another answer, or one site fewer."""

    kind: Literal["web-server"] = "web-server"
    state: State
    site: DomainName = Field(description="the name of the site that clients ask for")

    def facts(self, topology: Topology) -> dict[str, str]:
        """What is wrong with it."""
        return super().facts(topology) | {"state": self.state}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A host without a web server of HTTPS, a site that it does not have, the one that all others get, too."""
        yield from self.serves(topology, self.node, _SERVER, "node")
        settings = topology.services.get(self.node, {}).get(_SERVER)
        if settings is None:
            return
        sites = [str(each) for each in list_in(settings, "sites")]
        if not list_in(settings, "https_ports"):
            yield Misfit(("node",), f"is {self.node}, which serves no HTTPS", "name another web server")
        elif self.site not in sites:
            yield Misfit(("site",), f"is {self.site}, which is no site of {self.node}", meant(self.site, sites))
        elif self.state == "requests-limited" and not list_in(settings, "targets"):
            yield Misfit(("node",), f"is {self.node}, which has no application", "name another web server")
        elif self.state == "site-missing" and self.site == sites[0]:
            wrong = f"is {self.site}, which answers for all sites that are missing"
            yield Misfit(("site",), wrong, meant(self.site, sites[1:]))

    def inject(self, network: Network) -> Settings:
        """Starts it again with the other settings."""
        before = network.service_settings(self.node, _SERVER)
        others = [each for each in list_in(before, "sites") if each != self.site]
        fewer = {"sites": others} if self.state == "site-missing" else {}
        network.configure_service(self.node, _SERVER, {**before, **_SET_UPS[self.state].settings, **fewer})
        return before

    def remove(self, network: Network, before: Settings) -> None:
        """Starts it again as it was."""
        network.configure_service(self.node, _SERVER, before)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """What curl says that asks the server for the site, on its own host."""
        said, set_up = self._said(network), _SET_UPS[self.state]
        if set_up.told not in said:
            return (None,)
        issuer = self._issuer(network) if set_up.issuer else ""
        return ("; ".join(filter(None, (said, issuer))) if set_up.issuer in issuer else None,)

    def remains(self, network: Network) -> str | None:
        """Anything that curl has to say against it."""
        return self._said(network) or None

    def _said(self, network: Network) -> str:
        port = self._https_port(network)
        ask = f"curl -sS --fail -o /dev/null --max-time 5 {_SET_UPS[self.state].asked}".rstrip()
        page = f"https://{self.site}:{port}/{_SET_UPS[self.state].path}"
        there = f"--resolve {self.site}:{port}:127.0.0.1 '{page}'"
        done = network.execute(self.node, f"{ask} {there}")
        return "" if done.exit_status == 0 else done.stderr.splitlines()[0] if done.stderr else "no answer"

    def _issuer(self, network: Network) -> str:
        """Who has signed the certificate that the server shows."""
        there = f"-connect 127.0.0.1:{self._https_port(network)} -servername {self.site}"
        shown = f"timeout 5 openssl s_client {there} </dev/null 2>/dev/null | openssl x509 -noout -issuer"
        return network.execute(self.node, shown).stdout.strip()

    def _https_port(self, network: Network) -> object:
        return list_in(network.topology.services[self.node][_SERVER], "https_ports")[0]
