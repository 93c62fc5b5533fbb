"""A packet filter on a Linux host or router."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from whodunet.core.topology import Topology
from whodunet.faults.nftables import NftablesFault

_VERDICTS = {
    "drop": "drop",
    "tcp-reset": "reject with tcp reset",
    "icmp-admin-prohibited": "reject with icmp admin-prohibited",
    "icmp-port-unreachable": "reject with icmp port-unreachable",
}


class PacketFilter(NftablesFault):
    """Packets that pass a hook and match are dropped, reset or rejected."""

    kind: Literal["packet-filter"] = "packet-filter"
    node: str = Field(description="host or router")
    hook: Literal["input", "output", "forward"]
    protocol: Literal["tcp", "udp"] = "tcp"
    destination_port: int | None = Field(default=None, ge=1, le=65535)
    source_port: int | None = Field(default=None, ge=1, le=65535)
    payload: str | None = Field(
        default=None, min_length=1, max_length=16, description="ASCII text that the packet's payload begins with"
    )
    verdict: Literal["drop", "tcp-reset", "icmp-admin-prohibited", "icmp-port-unreachable"]

    def facts(self, topology: Topology) -> dict[str, str]:
        """Where it stands, what it looks at, what it does."""
        looks_at = "payload" if self.payload else "header"
        return super().facts(topology) | {"hook": self.hook, "looks_at": looks_at, "verdict": self.verdict}

    def chains(self) -> str:
        """One base chain with one statement, in front of other tables' chains."""
        matches = [f"{self.protocol} dport {self.destination_port}" if self.destination_port else ""]
        matches += [f"{self.protocol} sport {self.source_port}" if self.source_port else ""]
        matches += [_payload_match(self.payload) if self.payload else ""]
        selection = " ".join(filter(None, matches)) or f"meta l4proto {self.protocol}"
        return (
            f"chain {self.hook} {{\ntype filter hook {self.hook} priority -10\n"
            f"{selection} counter {_VERDICTS[self.verdict]}\n}}"
        )


def _payload_match(payload: str) -> str:
    """The first bytes after the transport header. Source: nft(8), raw payload expression `@ih`."""
    text = payload.encode("ascii")
    return f"@ih,0,{len(text) * 8} 0x{text.hex()}"
