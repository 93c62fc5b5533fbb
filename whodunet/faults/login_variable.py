"""A variable of the login shells of a host's user that leads a program elsewhere."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, run_checked
from whodunet.cases.fields import refused
from whodunet.evidence.topology import Topology

_PROFILE: Final = "/root/.bash_profile"  # Source: bash(1), INVOCATION
_PROXY_VARIABLES: Final = ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")  # curl(1)
_USUAL_PORTS: Final = {"http": 80, "https": 443}


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in _USUAL_PORTS or not parts.hostname:
        raise refused(f"{value!r} is not a URL of HTTP", "write one as http://{proxy.url}:{proxy.port.proxy}")
    return value


class LoginVariable(NodeFault):
    """The profile of the host's root sets the variable to another URL, last of all that it does."""

    kind: Literal["login-variable"] = "login-variable"
    variable: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")] = Field(description="e.g. https_proxy")
    value: Annotated[str, AfterValidator(_url)] = Field(description="URL of HTTP or HTTPS that it is set to")

    def facts(self, topology: Topology) -> dict[str, str]:
        """Whether it is a proxy's, the scheme of its URL, and what is served there: nothing, http, ssh ..."""
        means = "proxy" if self.variable in _PROXY_VARIABLES else "server"
        parts = urlsplit(self.value)
        return super().facts(topology) | {"means": means, "scheme": parts.scheme, "there": self._served(topology)}

    def _served(self, topology: Topology) -> str:
        """What the topology says is served at the host and port of the URL: the port's name."""
        parts = urlsplit(self.value)
        port = parts.port or _USUAL_PORTS[parts.scheme]
        meant = topology.node_with(parts.hostname)
        nodes = [each for each in topology.nodes.values() if parts.hostname in (each.properties.get("dns_name"),)]
        ports = topology.nodes[meant].ports if meant else nodes[0].ports if nodes else {}
        return next((name for name, its_port in ports.items() if its_port == port), "nothing")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A host without a profile of such variables, a URL of which the program would get what it wants."""
        if "login-environment" not in topology.furnishings.get(self.node, {}):
            hosts = [host for host, there in topology.furnishings.items() if "login-environment" in there]
            wrong = f"is {self.node}, whose logins have no environment of their own"
            yield Misfit(("node",), wrong, f"use one of: {', '.join(hosts) or 'none'}")
        facts = self.facts(topology)
        if facts["means"] == "proxy" and facts["there"] != "nothing":
            wrong = f"leads to a port with a service ({facts['there']}), and not to a dead proxy"
            yield Misfit(("value",), wrong, "name a port on which nothing is served")
        if facts["means"] == "server" and (facts["scheme"], facts["there"]) != ("http", "ssh"):
            wrong = f"leads to a port of {facts['there']} by {facts['scheme']}"
            yield Misfit(("value",), wrong, "write http:// and a port of ssh, or name a variable of curl's for a proxy")

    def inject(self, network: Network) -> Settings:
        """Adds a line to the profile."""
        before = run_checked(network, self.node, f"cat {_PROFILE}")
        line = f"export {self.variable}={shlex.quote(self.value)}\n"
        run_checked(network, self.node, f"cat >{_PROFILE}", stdin=f"{before.rstrip()}\n{line}")
        return {"profile": before}

    def remove(self, network: Network, before: Settings) -> None:
        """Writes the profile as it was."""
        run_checked(network, self.node, f"cat >{_PROFILE}", stdin=str(before["profile"]))

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """What a new login shell has in the variable."""
        said = network.execute(self.node, f"bash -lc 'printenv {self.variable}'").stdout.strip()
        return (f"{self.variable}={said}" if said == self.value else None,)
