"""An MTU black hole: a narrower link, and a router that does not say so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, Settings
from whodunet.cases.fields import HostName, InterfaceName
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import Chain, NftablesFault, equals, header

_LEAST_IPV6_BYTES: Final = 1280  # Source: RFC 8200, section 5; below, Linux takes a link's addresses away


class PathMtu(NftablesFault):
    """A router's way on takes smaller packets only, and what it says of that is filtered.

    Source: RFC 1191 and RFC 8201 for what should happen ("fragmentation needed", "packet too big"), RFC 2923 section
    2.1 for what happens when it does not.
    """

    kind: Literal["path-mtu"] = "path-mtu"
    node: HostName = Field(description="router before the narrow link")
    interface: InterfaceName = Field(description="the router's interface to the narrow link")
    mtu_bytes: int = Field(ge=576, le=1499, description="at least 1280 where the link has addresses of IPv6")

    def facts(self, topology: Topology) -> dict[str, str]:
        """Where it sits, and what goes over the narrow link: the datagrams of a tunnel, or packets as they are."""
        ends = {self.interface, topology.peer_of(self.interface)}
        is_outer = any(ends <= set(topology.outside(tunnel)) for tunnel in topology.tunnels)
        return super().facts(topology) | {"carries": "a tunnel" if is_outer else "packets"}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that is not a router, an interface of another."""
        yield from self.forwards(topology)
        yield from self.has_interface(topology, self.interface)
        if self.mtu_bytes < _LEAST_IPV6_BYTES and topology.interfaces[self.interface].address("ipv6"):
            wrong = f"is {self.mtu_bytes}, with which {self.interface} has no IPv6 any more"
            yield Misfit(("mtu_bytes",), wrong, f"write at least {_LEAST_IPV6_BYTES}")

    def chains(self) -> tuple[Chain, ...]:
        """The router's own messages about packets that are too big are lost."""
        over_ipv4 = (
            equals(header("icmp", "type"), "destination-unreachable"),
            equals(header("icmp", "code"), "frag-needed"),
        )
        over_ipv6 = (equals(header("icmpv6", "type"), "packet-too-big"),)
        lost = ({"counter": None}, {"drop": None})
        return (Chain("output", ((*over_ipv4, *lost), (*over_ipv6, *lost))),)

    def inject(self, network: Network) -> Settings:
        """Narrows the link, then silences the router."""
        mtu_bytes = int(self.run(network, f"cat /sys/class/net/{self.interface}/mtu"))
        self.run(network, f"ip link set dev {self.interface} mtu {self.mtu_bytes}")
        super().inject(network)
        return {"mtu_bytes": mtu_bytes}

    def remove(self, network: Network, before: Settings) -> None:
        """Widens the link again and lets the router speak."""
        super().remove(network, before)
        self.run(network, f"ip link set dev {self.interface} mtu {before['mtu_bytes']}")

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The link's MTU and the filter."""
        (link,) = json.loads(self.run(network, f"ip -json link show dev {self.interface}"))
        narrow = f"{self.interface} mtu {self.mtu_bytes}" if link["mtu"] == self.mtu_bytes else None
        return (narrow, *super().signs(network))
