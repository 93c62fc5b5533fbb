"""A link that is narrower than the others, and whose ends know it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, mapping_in, run_checked
from whodunet.cases.fields import HostName, InterfaceName
from whodunet.evidence.topology import Topology

_LEAST_IPV6_BYTES: Final = 1280  # Source: RFC 8200, section 5


class LinkMtu(NodeFault):
    """Both ends of a link have a smaller MTU, so that routers say "fragmentation needed" or "packet too big".

    Source: RFC 1191; RFC 8201; ip-link(8).
    """

    kind: Literal["link-mtu"] = "link-mtu"
    node: HostName = Field(description="router at one end")
    interface: InterfaceName = Field(description="its interface to the link, whose other end is a host or a router")
    mtu_bytes: int = Field(ge=576, le=1499, description="at least 1280 where the link has addresses of IPv6")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that is not a router, an interface of another, a switch at the other end."""
        yield from self.forwards(topology)
        yield from self.has_interface(topology, self.interface)
        if self.mtu_bytes < _LEAST_IPV6_BYTES and topology.interfaces[self.interface].address("ipv6"):
            wrong = f"is {self.mtu_bytes}, with which no link may carry IPv6, as {self.interface} does"
            yield Misfit(("mtu_bytes",), wrong, f"write at least {_LEAST_IPV6_BYTES}")
        for node, interface in self._ends(topology):
            if topology.nodes[node].is_switch:
                wrong = f"is {self.interface}, whose other end {interface} is of a switch"
                yield Misfit(("interface",), wrong, "name one that is cabled to a host or a router")

    def _ends(self, topology: Topology) -> list[tuple[str, str]]:
        """Both ends: a node, and its interface."""
        peer = topology.peer_of(self.interface)
        return [(topology.interfaces[each].node, each) for each in (self.interface, peer)]

    def inject(self, network: Network) -> Settings:
        """Makes both ends narrower."""
        ends = self._ends(network.topology)
        before = {interface: _mtu_bytes(network, node, interface) for node, interface in ends}
        for node, interface in ends:
            _set_mtu(network, node, interface, self.mtu_bytes)
        return {"mtu_bytes": before}

    def remove(self, network: Network, before: Settings) -> None:
        """Gives each end the MTU back that it had, and has everybody forget what they have learnt of the path."""
        widths = mapping_in(before, "mtu_bytes")
        for node, interface in self._ends(network.topology):
            _set_mtu(network, node, interface, int(str(widths[interface])))
        for node, each in network.topology.nodes.items():
            if not each.is_switch:
                run_checked(network, node, "ip route flush cache && ip -6 route flush cache")

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The MTU of each end, as the kernel has it."""
        found = {each: _mtu_bytes(network, node, each) for node, each in self._ends(network.topology)}
        return tuple(f"{each}: mtu {mtu}" if mtu == self.mtu_bytes else None for each, mtu in found.items())


def _mtu_bytes(network: Network, node: str, interface: str) -> int:
    (link,) = json.loads(run_checked(network, node, f"ip -json link show dev {interface}"))
    return int(link["mtu"])


def _set_mtu(network: Network, node: str, interface: str, mtu_bytes: int) -> None:
    run_checked(network, node, f"ip link set dev {interface} mtu {mtu_bytes}")
