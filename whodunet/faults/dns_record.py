"""A name that its DNS server does not know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, mapping_in
from whodunet.cases.fields import DomainName, HostName
from whodunet.evidence.topology import Topology
from whodunet.openflow.policy import meant

_SERVER: Final = "dnsmasq"


class DnsRecordMissing(NodeFault):
    """The record is gone from the zone; the server, asked for it, says that there is no such name."""

    kind: Literal["dns-record-missing"] = "dns-record-missing"
    node: HostName = Field(description="host that runs dnsmasq")
    name: DomainName = Field(description="the full name, e.g. instance.cloud.example")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A host without a DNS server, a record that it does not have."""
        yield from self.serves(topology, self.node, _SERVER, "node")
        records = topology.services.get(self.node, {}).get(_SERVER, {}).get("records")
        if records is not None and self.name not in records:
            yield Misfit(("name",), f"is {self.name}, of which {self.node} has no record", meant(self.name, records))

    def inject(self, network: Network) -> Settings:
        """Takes the record out of the server's zone."""
        before = network.service_settings(self.node, _SERVER)
        records = mapping_in(before, "records")
        del records[self.name]
        network.configure_service(self.node, _SERVER, {**before, "records": records})
        return before

    def remove(self, network: Network, before: Settings) -> None:
        """Puts the records back."""
        network.configure_service(self.node, _SERVER, before)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """What the server itself answers, asked for an address of either family."""
        return tuple(
            f"{self.name} {kind}: status {status}" if status == "NXDOMAIN" else None
            for kind, status in self._statuses(network).items()
        )

    def remains(self, network: Network) -> str | None:
        """Any answer but that there is such a name."""
        left = {kind: status for kind, status in self._statuses(network).items() if status != "NOERROR"}
        return "; ".join(f"{self.name} {kind}: status {status or 'unknown'}" for kind, status in left.items()) or None

    def _statuses(self, network: Network) -> dict[str, str | None]:
        """The response code of each question; None of one that has no answer. Source: RFC 1035, 4.1.1; RFC 3596."""
        return {kind: self._status(network, kind) for kind in ("A", "AAAA")}

    def _status(self, network: Network, kind: str) -> str | None:
        ask = f"dig +noall +comments +tries=1 +time=2 @127.0.0.1 {self.name} {kind}"
        found = re.search(r"\bstatus: ([A-Z]+),", network.execute(self.node, ask).stdout)
        return found[1] if found else None
