"""An instance that is stopped, in a cloud, whose routers then drop what is for it and say nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_interface, ip_network
from typing import Literal

from pydantic import Field

from whodunet.cases.fault import Fault, Misfit, Network, NodeFault, Settings, list_in
from whodunet.cases.fields import HostName
from whodunet.evidence.topology import Interface, Topology
from whodunet.faults.link_down import LinkDown
from whodunet.faults.route import Route


class InstanceStopped(NodeFault):
    """Its interfaces are down, and its subnet's router, where a plain one would ask by ARP, discards its packets."""

    kind: Literal["instance-stopped"] = "instance-stopped"
    node: HostName = Field(description="the instance")
    router: HostName = Field(description="router of its subnet")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A router that is none, or is on no network with the instance."""
        if not topology.nodes[self.router].forwards:
            routers = ", ".join(topology.routers()) or "none"
            yield Misfit(("router",), f"is {self.router}, which forwards nothing", f"name a router: {routers}")
        elif self.node == self.router or not self._on_link(topology):
            yield Misfit(("router",), f"is {self.router}, which is on no network with {self.node}", "name its gateway")

    def _on_link(self, topology: Topology) -> bool:
        mine, others = self._interfaces(topology, self.node), self._interfaces(topology, self.router)
        networks = [ip_interface(address).network for each in others for address in each.addresses]
        return any(ip_interface(address).network in networks for each in mine for address in each.addresses)

    def _interfaces(self, topology: Topology, node: str) -> list[Interface]:
        return [each for each in topology.interfaces.values() if each.node == node]

    def _parts(self, topology: Topology) -> tuple[Fault, ...]:
        """What it is made of: links that are down, and a route for each address of an interface."""
        interfaces = self._interfaces(topology, self.node)
        hosts = [ip_network(ip_interface(address).ip) for each in interfaces for address in each.addresses]
        routes = (Route(node=self.router, destination=str(host), type="blackhole") for host in hosts)
        return (*(LinkDown(node=self.node, interface=each.name) for each in interfaces), *routes)

    def inject(self, network: Network) -> Settings:
        """Puts all parts in."""
        return {"parts": [part.inject(network) for part in self._parts(network.topology)]}

    def remove(self, network: Network, before: Settings) -> None:
        """Takes them out."""
        for part, each in zip(self._parts(network.topology), list_in(before, "parts"), strict=True):
            part.remove(network, each if isinstance(each, Mapping) else {})

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The interfaces' flags and the router's routes, as the kernel has them."""
        return tuple(sign for part in self._parts(network.topology) for sign in part.signs(network))
