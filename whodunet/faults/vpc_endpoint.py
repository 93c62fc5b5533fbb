"""A VPC that lacks an interface endpoint, or an endpoint without its private name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, mapping_in
from whodunet.cases.fields import DomainName, HostName
from whodunet.evidence.topology import Topology
from whodunet.openflow.policy import meant

_SERVER: Final = "dnsmasq"
# Stand for the service's public addresses. Source: RFC 5737 and RFC 3849, addresses for documentation
_PUBLIC: Final = {"A": "198.51.100.10", "AAAA": "2001:db8::10"}


class VpcEndpoint(NodeFault):
    """Inside the VPC the services' names lead to their public addresses, to which a private subnet has no way."""

    kind: Literal["vpc-endpoint"] = "vpc-endpoint"
    node: HostName = Field(description="host of the endpoints")
    resolver: HostName = Field(description="the VPC's DNS server, a host that runs dnsmasq")
    services: tuple[DomainName, ...] = Field(
        min_length=1, description="their names, e.g. ssm.eu-central-1.amazonaws.com"
    )
    state: Literal["absent", "private-dns-off"] = Field(description="why the names are not the endpoints' own")

    def facts(self, topology: Topology) -> dict[str, str]:
        """Why the names lead elsewhere, and whose they are: ssm, ssmmessages ..., or several."""
        whose = {name.partition(".")[0] for name in self.services}
        return super().facts(topology) | {"state": self.state, "service": whose.pop() if len(whose) == 1 else "several"}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that is not a resolver, a name that it has no record of."""
        yield from self.serves(topology, self.resolver, _SERVER, "resolver")
        records = topology.services.get(self.resolver, {}).get(_SERVER, {}).get("records")
        for number, name in enumerate(self.services):
            if records is not None and name not in records:
                wrong = f"is {name}, of which {self.resolver} has no record"
                yield Misfit(("services", number), wrong, meant(name, records))

    def inject(self, network: Network) -> Settings:
        """Gives the names a public address inside the VPC."""
        before = network.service_settings(self.resolver, _SERVER)
        records = mapping_in(before, "records") | {name: list(_PUBLIC.values()) for name in self.services}
        network.configure_service(self.resolver, _SERVER, {**before, "records": records})
        return before

    def remove(self, network: Network, before: Settings) -> None:
        """Puts the private addresses back."""
        network.configure_service(self.resolver, _SERVER, before)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """What the VPC's DNS server answers for each name, in either family."""
        return tuple(
            f"{name} is {address} in the VPC" if address == _PUBLIC[kind] else None
            for (name, kind), address in self._answers(network).items()
        )

    def remains(self, network: Network) -> str | None:
        """An address that still is public, or a name that has none at all."""
        answers = self._answers(network)
        public = [f"{name} is {address}" for (name, kind), address in answers.items() if address == _PUBLIC[kind]]
        unknown = [f"{name} is unknown" for name in self.services if not any(answers[name, kind] for kind in _PUBLIC)]
        return "; ".join([*public, *unknown]) or None

    def _answers(self, network: Network) -> dict[tuple[str, str], str]:
        """The address of each name in each family; empty where it has none."""
        ask = "dig +short +tries=1 +time=2 @127.0.0.1"
        return {
            (name, kind): network.execute(self.resolver, f"{ask} {name} {kind}").stdout.strip()
            for name in self.services
            for kind in _PUBLIC
        }
