"""A gateway that does not answer ARP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from whodunet.core.fault import Network, NodeFault, run_checked


class ArpSilence(NodeFault):
    """An interface ignores ARP requests, and its neighbour has forgotten its hardware address."""

    kind: Literal["arp-silence"] = "arp-silence"
    interface: str = Field(description="the interface that is silent")
    neighbour: str = Field(description="host that has to ask again")

    def names(self) -> Mapping[str, str]:
        """The two nodes and the interface."""
        return {**super().names(), "interface": self.interface, "neighbour": self.neighbour}

    def inject(self, network: Network) -> Mapping[str, Any]:
        """Silences the interface and has the neighbour forget it."""
        self._set_arp(network, "off")
        run_checked(network, self.neighbour, "ip neigh flush all")
        return {}

    def remove(self, network: Network, before: Mapping[str, Any]) -> None:
        """Lets the interface answer again."""
        self._set_arp(network, "on")
        run_checked(network, self.neighbour, "ip neigh flush all")

    def _set_arp(self, network: Network, state: str) -> None:
        run_checked(network, self.node, f"ip link set dev {self.interface} arp {state}")

    def proof(self, network: Network) -> str | None:
        """The interface's NOARP flag."""
        link = run_checked(network, self.node, f"ip -o link show dev {self.interface}")
        return link.split(" mtu")[0].strip() if "NOARP" in link else None
