"""An MTU black hole: a narrower link, and a router that does not say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from whodunet.core.fault import Network
from whodunet.faults.nftables import NftablesFault


class PathMtu(NftablesFault):
    """A router's way on takes smaller packets only, and its "fragmentation needed" messages are filtered.

    Source: RFC 1191 for what should happen, RFC 2923 section 2.1 for what happens when it does not.
    """

    kind: Literal["path-mtu"] = "path-mtu"
    node: str = Field(description="router before the narrow link")
    interface: str = Field(description="the router's interface to the narrow link")
    mtu_bytes: int = Field(ge=576, le=1499)

    def names(self) -> dict[str, str]:
        """The router and its interface."""
        return {"node": self.node, "interface": self.interface}

    def chains(self) -> str:
        """The router's own "fragmentation needed" messages are lost."""
        drop = "icmp type destination-unreachable icmp code frag-needed counter drop"
        return f"chain own {{\ntype filter hook output priority -10\n{drop}\n}}"

    def inject(self, network: Network) -> Mapping[str, Any]:
        """Narrows the link, then silences the router."""
        mtu_bytes = int(self.run(network, f"cat /sys/class/net/{self.interface}/mtu"))
        self.run(network, f"ip link set dev {self.interface} mtu {self.mtu_bytes}")
        super().inject(network)
        return {"mtu_bytes": mtu_bytes}

    def remove(self, network: Network, before: Mapping[str, Any]) -> None:
        """Widens the link again and lets the router speak."""
        super().remove(network, before)
        self.run(network, f"ip link set dev {self.interface} mtu {before['mtu_bytes']}")

    def proof(self, network: Network) -> str | None:
        """The link's MTU and the filter."""
        filtered = super().proof(network)
        link = self.run(network, f"ip -o link show dev {self.interface}")
        return f"{link.split(' qdisc')[0].strip()}; {filtered}" if filtered else None
