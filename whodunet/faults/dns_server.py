"""What faults of a DNS server have in common: its settings, and what it answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, mapping_in
from whodunet.evidence.topology import Topology
from whodunet.openflow.policy import meant

SERVER: Final = "dnsmasq"
RecordType = Literal["A", "AAAA"]
VERSIONS: Final[Mapping[RecordType, int]] = {"A": 4, "AAAA": 6}  # Source: RFC 1035, 3.4.1; RFC 3596, 2.1


class DnsServerFault(NodeFault):
    """The server of a node has other settings than it should; a kind says which."""

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A host without a DNS server."""
        yield from self.serves(topology, self.node, SERVER, "node")

    def knows(self, topology: Topology, name: str) -> Iterator[Misfit]:
        """The misfit of a name of which the server has no record."""
        records = topology.services.get(self.node, {}).get(SERVER, {}).get("records")
        if records is not None and name not in records:
            yield Misfit(("name",), f"is {name}, of which {self.node} has no record", meant(name, records))

    def inject(self, network: Network) -> Settings:
        """Starts the server with other settings."""
        before = network.service_settings(self.node, SERVER)
        network.configure_service(self.node, SERVER, {**before, **self.changed(before)})
        return before

    def changed(self, settings: Settings) -> Settings:
        """The settings that differ."""
        raise NotImplementedError

    def remove(self, network: Network, before: Settings) -> None:
        """Starts the server with those that it had."""
        network.configure_service(self.node, SERVER, before)

    def statuses(self, network: Network, name: str) -> dict[RecordType, str | None]:
        """The response code of the question for each type; None where nothing answers. Source: RFC 1035, 4.1.1."""
        asked = {each: self._ask(network, "+noall +comments", name, each) for each in VERSIONS}
        found = {each: re.search(r"\bstatus: ([A-Z]+),", said) for each, said in asked.items()}
        return {each: status[1] if status else None for each, status in found.items()}

    def addresses_of(self, network: Network, name: str, record_type: RecordType) -> Sequence[str]:
        """The addresses of a name, as the server itself answers."""
        return self._ask(network, "+short", name, record_type).split()

    def _ask(self, network: Network, options: str, name: str, record_type: RecordType) -> str:
        command = f"dig {options} +tries=1 +time=2 @127.0.0.1 {name} {record_type}"
        return network.execute(self.node, command).stdout

    def unlike_no_error(self, network: Network, name: str) -> str | None:
        """Any answer but that there is such a name; None where both types have that."""
        left = {each: status for each, status in self.statuses(network, name).items() if status != "NOERROR"}
        return "; ".join(f"{name} {each}: status {status or 'unknown'}" for each, status in left.items()) or None


def records_in(settings: Settings) -> dict[str, list[str]]:
    """The addresses of each name in a server's settings."""
    records = mapping_in(settings, "records")
    return {name: [*map(str, each)] for name, each in records.items() if isinstance(each, list | tuple)}
