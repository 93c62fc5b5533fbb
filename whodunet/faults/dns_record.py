"""A name that its DNS server does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from whodunet.core.fault import Network, NodeFault

_SERVER: Final = "dnsmasq"


class DnsRecordMissing(NodeFault):
    """The record is gone from the zone; the server, asked for it, says that there is no such name."""

    kind: Literal["dns-record-missing"] = "dns-record-missing"
    node: str = Field(description="host that runs dnsmasq")
    name: str = Field(description="the full name, e.g. instance.cloud.example")

    def inject(self, network: Network) -> Mapping[str, Any]:
        """Takes the record out of the server's zone."""
        before = network.service_settings(self.node, _SERVER)
        records = {name: address for name, address in before["records"].items() if name != self.name}
        network.configure_service(self.node, _SERVER, before | {"records": records})
        return before

    def remove(self, network: Network, before: Mapping[str, Any]) -> None:
        """Puts the records back."""
        network.configure_service(self.node, _SERVER, before)

    def proof(self, network: Network) -> str | None:
        """What the server itself answers."""
        answer = network.execute(self.node, f"dig +noall +comments @127.0.0.1 {self.name} A").stdout
        line = next((line for line in answer.splitlines() if "status: NXDOMAIN" in line), None)
        return f"{self.name}: {line.removeprefix(';; ')}" if line else None
