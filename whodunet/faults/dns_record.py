"""A name that its DNS server does not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, Settings
from whodunet.cases.fields import DomainName, HostName
from whodunet.evidence.topology import Topology
from whodunet.faults.dns_server import DnsServerFault, records_in


class DnsRecordMissing(DnsServerFault):
    """The record is gone from the zone; the server, asked for it, says that there is no such name."""

    kind: Literal["dns-record-missing"] = "dns-record-missing"
    node: HostName = Field(description="host that runs dnsmasq")
    name: DomainName = Field(description="the full name, e.g. instance.cloud.example")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A host without a DNS server, a record that it does not have."""
        yield from super().misfits(topology)
        yield from self.knows(topology, self.name)

    def changed(self, settings: Settings) -> Settings:
        """The record is taken out of the server's zone."""
        return {"records": {name: each for name, each in records_in(settings).items() if name != self.name}}

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """What the server itself answers, asked for an address of either family."""
        return tuple(
            f"{self.name} {kind}: status {status}" if status == "NXDOMAIN" else None
            for kind, status in self.statuses(network, self.name).items()
        )

    def remains(self, network: Network) -> str | None:
        """Any answer but that there is such a name."""
        return self.unlike_no_error(network, self.name)
