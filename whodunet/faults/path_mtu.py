"""An MTU black hole: a narrower link, and a router that does not say so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network
from whodunet.cases.fields import HostName, InterfaceName
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import Chain, NftablesFault, equals, header


class PathMtu(NftablesFault):
    """A router's way on takes smaller packets only, and its "fragmentation needed" messages are filtered.

    Source: RFC 1191 for what should happen, RFC 2923 section 2.1 for what happens when it does not.
    """

    kind: Literal["path-mtu"] = "path-mtu"
    node: HostName = Field(description="router before the narrow link")
    interface: InterfaceName = Field(description="the router's interface to the narrow link")
    mtu_bytes: int = Field(ge=576, le=1499)

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that is not a router, an interface of another."""
        yield from self.forwards(topology)
        yield from self.has_interface(topology, self.interface)

    def chains(self) -> tuple[Chain, ...]:
        """The router's own "fragmentation needed" messages are lost."""
        message = (
            equals(header("icmp", "type"), "destination-unreachable"),
            equals(header("icmp", "code"), "frag-needed"),
        )
        return (Chain("output", (*message, {"counter": None}, {"drop": None})),)

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

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The link's MTU and the filter."""
        (link,) = json.loads(self.run(network, f"ip -json link show dev {self.interface}"))
        narrow = f"{self.interface} mtu {self.mtu_bytes}" if link["mtu"] == self.mtu_bytes else None
        return (narrow, *super().signs(network))
