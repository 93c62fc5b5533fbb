"""A route that is missing, that leads elsewhere, or that leads nowhere. Source: ip-route(8)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import ip_address, ip_interface, ip_network
from typing import Literal, Self

from pydantic import Field, model_validator

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, list_in, run_checked
from whodunet.cases.fields import Address, Cidr, HostName, refused
from whodunet.errors import CannotRun
from whodunet.evidence.topology import Interface, Topology


class Route(NodeFault):
    """In place of a node's own routes to a destination there is another one, or none.

    What the node sends itself fails at once, with another error for each type. What it forwards is answered with an
    ICMP error, or (blackhole) vanishes.
    """

    kind: Literal["route"] = "route"
    node: HostName = Field(description="host or router")
    destination: Cidr = Field(description="exactly this network; {anywhere} is the default route")
    type: Literal["absent", "blackhole", "prohibit", "unreachable", "via"] = Field(
        description="absent: the node's route to the destination is gone, and no other covers it"
    )
    via: Address | None = Field(default=None, description="of type via: the next hop")
    source: Address | None = Field(default=None, description="of type via: the node's address that it sends with")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.type == "via" and self.via is None:
            raise refused("is of type via, and says no next hop", "add via: and its address")
        if self.type != "via" and (self.via or self.source):
            raise refused(f"is of type {self.type}, which has no next hop and no source", "use type: via")
        ends = [ip_address(each) for each in (self.via, self.source) if each is not None]
        if any(each.version != ip_network(self.destination).version for each in ends):
            raise refused("mixes addresses of two families", "write destination, via and source of one")
        return self

    def facts(self, topology: Topology) -> dict[str, str]:
        """What the node plays (router, host), the route's type, whose way it is on, and where a next hop leads.

        `way` is back where the route is one to the host that asks, the baseline's, else out; a router's default route
        is out, for a router knows its own side by name. `leads` is in a loop where no way on from the next hop avoids
        the node, elsewhere where one does, nowhere without a next hop.
        """
        return super().facts(topology) | {
            "plays": "router" if topology.nodes[self.node].forwards else "host",
            "type": self.type,
            "way": "back" if self._is_way_back(topology) else "out",
            "leads": self._leads(topology),
        }

    def _is_way_back(self, topology: Topology) -> bool:
        asking = topology.baseline[0]
        if ip_network(self.destination).prefixlen == 0 and topology.nodes[self.node].forwards:
            return False
        return any(each.node == asking for each in self._destinations(topology))

    def _destinations(self, topology: Topology) -> list[Interface]:
        """The interfaces of other nodes that have an address in the destination."""
        network = ip_network(self.destination)
        others = [each for each in topology.interfaces.values() if each.node != self.node]
        return [each for each in others if any(ip_interface(address).ip in network for address in each.addresses)]

    def _leads(self, topology: Topology) -> str:
        next_hop = topology.node_with(self.via)
        if next_hop is None:
            return "nowhere"
        asking, far_end = topology.baseline[0], topology.node_with(topology.baseline[1])
        there = self._destinations(topology)
        goals = [each for each in there if each.node == (asking if self._is_way_back(topology) else far_end)] or there
        ends = {each.node for each in goals}
        passing = [name for name, each in topology.nodes.items() if each.forwards or each.is_switch]
        avoided = {*topology.nodes} - {*passing} | {self.node} | (ends - {next_hop})
        befores = [topology.node_at(topology.peer_of(each.name)) for each in goals]
        can_go_on = next_hop in ends or any(topology.path(next_hop, each, avoided) for each in befores if each)
        return "elsewhere" if can_go_on else "in a loop"

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A next hop that is on no link of the node, or its own; a source that the node does not have."""
        own = [
            ip_interface(address)
            for each in topology.interfaces.values()
            if each.node == self.node
            for address in each.addresses
        ]
        if self.via is not None:
            hop = ip_address(self.via)
            if hop in [each.ip for each in own] or not any(hop in each.network for each in own):
                networks = ", ".join(str(each.network) for each in own if each.version == hop.version)
                wrong = f"is {self.via}, which is no neighbour of {self.node}"
                yield Misfit(("via",), wrong, f"name another host in one of: {networks or 'none'}")
        if self.source is not None and ip_address(self.source) not in [each.ip for each in own]:
            addresses = ", ".join(str(each.ip) for each in own)
            yield Misfit(("source",), f"is {self.source}, which {self.node} does not have", f"use one of: {addresses}")

    def inject(self, network: Network) -> Settings:
        """Takes the routes to the destination out, and puts the other one in."""
        listed = self._ip(network, f"-oneline route show exact {self.destination}")
        routes = [" ".join(line.replace("\\", " ").split()) for line in listed.splitlines()]
        if self.type == "absent" and not routes:
            raise CannotRun(f"{self.node} has no route to {self.destination} that could be taken away")
        for route in routes:
            self._ip(network, f"route del {route}")
        if self.type != "absent":
            self._ip(network, f"route add {self._line()}")
        return {"routes": routes}

    def remove(self, network: Network, before: Settings) -> None:
        """Takes the other one out, and puts those that were there back."""
        if self.type != "absent":
            self._ip(network, f"route del {self._line()}")
        for route in map(str, list_in(before, "routes")):
            self._ip(network, f"route add {route}")

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The kernel's only route to exactly the destination; of one that is absent, that none covers it."""
        if self.type == "absent":
            covering = json.loads(self._ip(network, f"-json route show match {self.destination}"))
            return (None if covering else f"{self.node}: no route to {self.destination}",)
        routes = json.loads(self._ip(network, f"-json route show exact {self.destination}"))
        told = [tuple(route.get(key) for key in ("type", "gateway", "prefsrc")) for route in routes]
        meant = (None if self.type == "via" else self.type, self.via, self.source)
        return (f"{self.node}: {self._line()}" if told == [meant] else None,)

    def _line(self) -> str:
        """The route as ip(8) takes it."""
        if self.type != "via":
            return f"{self.type} {self.destination}"
        source = f" src {self.source}" if self.source else ""
        return f"{self.destination} via {self.via}{source}"

    def _ip(self, network: Network, command: str) -> str:
        family = ip_network(self.destination).version
        return run_checked(network, self.node, f"ip -{family} {command}")
