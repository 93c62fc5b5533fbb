"""Several equal paths to a destination, over which a router spreads connections."""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import ip_address, ip_interface, ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, list_in, run_checked
from whodunet.cases.fields import Address, Cidr, HostName
from whodunet.evidence.topology import Topology


def _written_shortest(addresses: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(ip_address(each)) for each in addresses)


class MultipathRoute(NodeFault):
    """In place of a router's own route there is one with several next hops, each of which gets a share.

    A connection stays with one of them: its addresses and ports decide.

    Source: ip-route(8), `nexthop`; ip-sysctl of the kernel, fib_multipath_hash_policy.
    """

    kind: Literal["multipath-route"] = "multipath-route"
    node: HostName = Field(description="router that spreads connections")
    destination: Cidr = Field(description="exactly this network; {anywhere} is the default route")
    via: Annotated[tuple[Address, ...], AfterValidator(_written_shortest)] = Field(
        min_length=2, max_length=8, description="the next hops; a host that does not forward is a dead one"
    )

    def facts(self, topology: Topology) -> dict[str, str]:
        """Whether all next hops forward, or some, or none."""
        nodes = [topology.node_with(each) for each in self.via]
        forwarding = [node is not None and topology.nodes[node].forwards for node in nodes]
        alive = "all" if all(forwarding) else "some" if any(forwarding) else "none"
        return super().facts(topology) | {"alive": alive}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that forwards nothing; next hops of another family, on no link of the node, or that are all alike."""
        yield from self.forwards(topology)
        own = [
            ip_interface(address).network
            for each in topology.interfaces.values()
            if each.node == self.node
            for address in each.addresses
        ]
        version = ip_network(self.destination).version
        for number, each in enumerate(self.via):
            if ip_address(each).version != version:
                wrong = f"is {each}, and the destination is IPv{version}"
                yield Misfit(("via", number), wrong, "write addresses of one family")
            elif not any(ip_address(each) in network for network in own):
                yield Misfit(("via", number), f"is {each}, which is no neighbour of {self.node}", "name one")
        alive = self.facts(topology)["alive"]
        if alive != "some":
            yield Misfit(
                ("via",), f"has next hops of which {alive} forward", "name one that does and one that does not"
            )

    def inject(self, network: Network) -> Settings:
        """Puts the route in place of those to the destination, and has ports decide, too."""
        listed = self._ip(network, f"-oneline route show exact {self.destination}")
        routes = [" ".join(line.replace("\\", " ").split()) for line in listed.splitlines()]
        policy = run_checked(network, self.node, f"cat {self._hash_policy()}").strip()
        run_checked(network, self.node, f"echo 1 > {self._hash_policy()}")
        for route in routes:
            self._ip(network, f"route del {route}")
        hops = " ".join(f"nexthop via {each}" for each in self.via)
        self._ip(network, f"route add {self.destination} {hops}")
        return {"routes": routes, "hash_policy": policy}

    def remove(self, network: Network, before: Settings) -> None:
        """Puts back what was there."""
        self._ip(network, f"route del {self.destination}")
        for route in map(str, list_in(before, "routes")):
            self._ip(network, f"route add {route}")
        run_checked(network, self.node, f"echo {before['hash_policy']} > {self._hash_policy()}")

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The next hops of the kernel's only route to the destination, and that ports decide."""
        routes = json.loads(self._ip(network, f"-json route show exact {self.destination}"))
        hops = [[str(hop.get("gateway")) for hop in route.get("nexthops", ())] for route in routes]
        is_there = hops == [list(self.via)]
        policy = run_checked(network, self.node, f"cat {self._hash_policy()}").strip()
        told = f"{self.node}: {self.destination} via {' and '.join(self.via)}"
        return (told if is_there else None, "ports decide" if policy == "1" else None)

    def _hash_policy(self) -> str:
        return f"/proc/sys/net/ipv{ip_network(self.destination).version}/fib_multipath_hash_policy"

    def _ip(self, network: Network, command: str) -> str:
        return run_checked(network, self.node, f"ip -{ip_network(self.destination).version} {command}")
