"""A DNS server that refuses to answer about a name."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, Settings, list_in
from whodunet.cases.fields import DomainName, HostName
from whodunet.evidence.topology import Topology
from whodunet.faults.dns_server import VERSIONS, DnsServerFault, RecordType, records_in

_REFUSED: Final = "REFUSED"  # about what is not its own, where it has nobody to ask. Source: RFC 1035, 4.1.1


class DnsRefused(DnsServerFault):
    """The server is not told that the name's zone is its own, and lacks the name's records of some types.

    What it has records of it still answers; all else in that zone it refuses.
    """

    kind: Literal["dns-refused"] = "dns-refused"
    node: HostName = Field(description="host that runs dnsmasq")
    name: DomainName = Field(description="the full name, e.g. instance.cloud.example")
    types: tuple[RecordType, ...] = Field(default=("A", "AAAA"), min_length=1, description="those that it refuses")

    def facts(self, topology: Topology) -> dict[str, str]:
        """Whether it refuses all types, or one."""
        return super().facts(topology) | {"types": "all" if set(self.types) == set(VERSIONS) else "one"}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A host without a DNS server, a record that it does not have."""
        yield from super().misfits(topology)
        yield from self.knows(topology, self.name)

    def changed(self, settings: Settings) -> Settings:
        """Without the zone, and the name with its addresses of the other types alone."""
        refused = {VERSIONS[each] for each in self.types}
        records = records_in(settings)
        left = [each for each in records.pop(self.name, ()) if ip_address(each).version not in refused]
        zones = [each for each in map(str, list_in(settings, "zones")) if not self.name.endswith(f".{each}")]
        return {"zones": zones, "records": records | ({self.name: left} if left else {})}

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """What the server itself answers, asked for each type: that it refuses, or that there is such a name."""
        return tuple(
            f"{self.name} {kind}: status {status}"
            if status == (_REFUSED if kind in self.types else "NOERROR")
            else None
            for kind, status in self.statuses(network, self.name).items()
        )

    def remains(self, network: Network) -> str | None:
        """Any answer but that there is such a name."""
        return self.unlike_no_error(network, self.name)
