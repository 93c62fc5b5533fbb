"""A name whose DNS server has other addresses than the host of that name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, Settings
from whodunet.cases.fields import Address, DomainOrWildcard, HostName
from whodunet.evidence.topology import Topology
from whodunet.faults.dns_server import SERVER, VERSIONS, DnsServerFault, records_in
from whodunet.faults.hosts_file import means_the_asker

_WILDCARD: Final = "*."  # Source: RFC 4592, 2.1.1


class DnsRecordWrong(DnsServerFault):
    """The server answers for a name, or for all names below one (*.), with other addresses."""

    kind: Literal["dns-record-wrong"] = "dns-record-wrong"
    node: HostName = Field(description="host that runs dnsmasq")
    name: DomainOrWildcard = Field(description="the full name, e.g. instance.cloud.example, or *.cloud.example")
    addresses: tuple[Address, ...] = Field(min_length=1, description="all that it has, in place of those it had")
    keeps_other_family: bool = Field(default=False, description="true: addresses of a family that is not named stay")

    def facts(self, topology: Topology) -> dict[str, str]:
        """Where the name leads.

        To the asker; inside, which is where another server says, while this one had no such name; elsewhere over IPv6
        alone; or elsewhere.
        """
        others = [self._stated(topology, host) for host in topology.services if host != self.node]
        versions = {ip_address(each).version for each in self.addresses}
        if all(map(means_the_asker, self.addresses)):
            leads_to = "the asker"
        elif not self._stated(topology, self.node) and any(set(self.addresses) <= set(each) for each in others):
            leads_to = "inside"
        elif self.keeps_other_family and versions == {6}:
            leads_to = "elsewhere over IPv6"
        else:
            leads_to = "elsewhere"
        return super().facts(topology) | {"leads_to": leads_to}

    def _stated(self, topology: Topology, host: str) -> list[str]:
        """What a host's server has of the name, as the topology states it."""
        return records_in(topology.services.get(host, {}).get(SERVER, {})).get(self.name, [])

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A host without a DNS server; the addresses that the name has anyway; a family that it keeps and lacks."""
        yield from super().misfits(topology)
        had = self._stated(topology, self.node)
        if set(self.addresses) <= set(had):
            yield Misfit(("addresses",), f"are those that {self.name} has anyway", "name others")
        if self.keeps_other_family and not self._kept(had):
            wrong = f"is true, and {self.node} has no address of {self.name} of another family"
            yield Misfit(("keeps_other_family",), wrong, "leave it out")

    def _kept(self, had: Sequence[str]) -> list[str]:
        """The addresses that stay."""
        named = {ip_address(each).version for each in self.addresses}
        return [each for each in had if self.keeps_other_family and ip_address(each).version not in named]

    def changed(self, settings: Settings) -> Settings:
        """The name has the other addresses in the server's zone."""
        records = records_in(settings)
        return {"records": records | {self.name: [*self._kept(records.get(self.name, ())), *self.addresses]}}

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """What the server itself answers, asked for addresses of each family that is named.

        A name that nobody has given to anything stands for all those below a wildcard.
        """
        asked = self.name.replace(_WILDCARD, "whoever.", 1) if self.name.startswith(_WILDCARD) else self.name
        meant = {
            kind: [each for each in self.addresses if ip_address(each).version == version]
            for kind, version in VERSIONS.items()
        }
        return tuple(
            f"{asked} {kind}: {', '.join(of_kind)}"
            if sorted(self.addresses_of(network, asked, kind)) == sorted(of_kind)
            else None
            for kind, of_kind in meant.items()
            if of_kind
        )
