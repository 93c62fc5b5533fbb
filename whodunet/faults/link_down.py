"""A link whose one end is down, so that whatever the other end sends is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, list_in, run_checked
from whodunet.cases.fields import HostName, InterfaceName
from whodunet.evidence.topology import Topology

_VERSIONS: Final = (4, 6)
_UP: Final = "UP"


class LinkDown(NodeFault):
    """The interface at one end of a link is down, and the host at the other end has forgotten who was there.

    That one may keep its carrier, as where a bridge is between.

    Source: ip-link(8); ip-sysctl.txt of the kernel, keep_addr_on_down
    """

    kind: Literal["link-down"] = "link-down"
    node: HostName = Field(description="host or router at the end that is down")
    interface: InterfaceName

    def facts(self, topology: Topology) -> dict[str, str]:
        """Whether the host that asks, the baseline's, is at the other end: its own link, or one of the path."""
        other = topology.interfaces[topology.peer_of(self.interface)].node
        return super().facts(topology) | {"link": "its own" if other == topology.baseline[0] else "of the path"}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """An interface of another node, or one that no cable makes."""
        yield from self.has_interface(topology, self.interface)
        if self.interface in topology.tunnel_ends:
            yield Misfit(("interface",), f"is {self.interface}, the end of a tunnel", "name one with a cable")

    def inject(self, network: Network) -> Settings:
        """Takes the interface down; its addresses stay, and what goes with it is remembered."""
        routes = [
            f"-{version} route replace {line.strip()} dev {self.interface}"
            for version in _VERSIONS
            for line in self._run(network, f"ip -{version} route show dev {self.interface}").splitlines()
            if "proto kernel" not in line
        ]
        self._keep_addresses(network, 1)
        self._run(network, f"ip link set dev {self.interface} down")
        self._forget(network)
        return {"routes": routes}

    def remove(self, network: Network, before: Settings) -> None:
        """Brings it up again, with its link-local address, the group of all hosts, and the routes."""
        self._run(network, f"ip link set dev {self.interface} up")
        self._keep_addresses(network, 0)
        link_local = network.topology.interfaces[self.interface].link_local
        if link_local is not None:
            self._run(network, f"ip address replace {link_local} dev {self.interface} nodad")
            # The kernel's own comes up to a second later, and until then no question for a neighbour is heard.
            self._run(network, f"ip -6 route replace multicast ff00::/8 dev {self.interface} table local")
        for route in map(str, list_in(before, "routes")):
            self._run(network, f"ip {route}")
        self._forget(network)

    def _forget(self, network: Network) -> None:
        peer = network.topology.interfaces[network.topology.peer_of(self.interface)]
        if not network.topology.nodes[peer.node].is_switch:
            run_checked(network, peer.node, f"ip neigh flush dev {peer.name}")

    def _keep_addresses(self, network: Network, keep: int) -> None:
        self._run(network, f"echo {keep} >/proc/sys/net/ipv6/conf/{self.interface}/keep_addr_on_down")

    def _run(self, network: Network, command: str) -> str:
        return run_checked(network, self.node, command)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The interface's flags, as the kernel has them."""
        (link,) = json.loads(self._run(network, f"ip -json link show dev {self.interface}"))
        return (f"{self.interface}: <{','.join(link['flags'])}>" if _UP not in link["flags"] else None,)
