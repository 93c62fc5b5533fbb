"""A topology as judging and reports see it: names, roles and addresses, without a running network."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv6Address, ip_interface
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pydantic import ConfigDict  # a dictionary when it runs

# In a record, a topology with a key that nobody knows, or a delay that is not a number, is damaged.
STRICT: ConfigDict = {"extra": "forbid", "allow_inf_nan": False}

Family = Literal["ipv4", "ipv6"]
FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")
_LINK_LOCAL, _INTERFACE_IDENTIFIER = int(IPv6Address("fe80::")), 2**64 - 1


@dataclass(frozen=True)
class Interface:
    """One interface of a node; every interface is a capture point of the same name."""

    __pydantic_config__ = STRICT

    name: str  # "client-eth0"
    node: str  # "client"
    addresses: tuple[str, ...] = ()  # "10.8.0.10/24", "fd00:8::10/64": at most one of each family; none on a switch
    label: str = ""  # what it is called at its node, whatever its number: "inside"

    def address(self, family: Family = "ipv4") -> str | None:
        """Its address of a family, with the length of the prefix; None without one."""
        version = 4 if family == "ipv4" else 6
        return next((each for each in self.addresses if ip_interface(each).version == version), None)

    @property
    def link_local(self) -> str | None:
        """Its link-local address, with the length of the prefix; None where it has no other address of IPv6.

        Its number is the same on the link and on the network ("fe80::10/64" beside "fd00:8::10/64"), so that rules can
        list it and whoever reads a capture knows who that is. Source: RFC 4291, section 2.5.6.
        """
        address = self.address("ipv6")
        if address is None:
            return None
        number = int(ip_interface(address).ip) & _INTERFACE_IDENTIFIER
        return f"{IPv6Address(_LINK_LOCAL | number)}/64"


@dataclass(frozen=True)
class Node:
    """A host (routers included) or a switch, with the part it plays in stories and causes."""

    __pydantic_config__ = STRICT

    name: str
    role: str  # "client", "egress-firewall", "vpn-gateway", "transit", "instance" ...
    is_switch: bool = False
    forwards: bool = False  # True for a router
    ports: Mapping[str, int] = field(default_factory=dict)  # by the name of what is served there: {"ssh": 22}
    properties: Mapping[str, str] = field(default_factory=dict)  # what else it is known by: {"id": "i-0abc"}
    initial_ttl: int = 64  # with which it sends; IPv6: hop limit
    lowers_ttl: bool = True  # False: it forwards and leaves TTL and hop limit as they are, as some firewalls do


@dataclass(frozen=True)
class Link:
    """A cable between two interfaces and what it does to packets, each way."""

    __pydantic_config__ = STRICT

    ends: tuple[str, str]
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss_pct: float = 0.0
    rate_mbit: float | None = None

    @property
    def is_shaped(self) -> bool:
        """True when packets have to be delayed, lost or slowed down on it."""
        return bool(self.delay_ms or self.jitter_ms or self.loss_pct or self.rate_mbit)


@dataclass(frozen=True)
class Tunnel:
    """Two interfaces that no cable joins: programs pass packets from one to the other, in datagrams of their own.

    Those go over cables, and nobody there can read what they carry.
    """

    __pydantic_config__ = STRICT

    ends: tuple[str, str]  # the interfaces, first that of who calls


@dataclass(frozen=True)
class Topology:
    """One network: what exists, before any fault."""

    __pydantic_config__ = STRICT

    name: str
    nodes: Mapping[str, Node]
    interfaces: Mapping[str, Interface]  # in the order of the path, as capture points are reported
    links: tuple[Link, ...]
    baseline: tuple[str, str]  # (host, address to ping): whose round trip every timing is compared with
    uplinks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # host: its ways out; the first is the default
    services: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)  # host: daemon: its settings
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # switch: what its controller carries out
    # host: what else it is furnished with, such as keys: its settings
    furnishings: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by name, a CIDR of each family: "corporate"
    family: Family = "ipv4"  # the one that its probes go over; the network has both
    seed: int | None = None  # what its particulars were drawn from; None: those that its file states
    tunnels: tuple[Tunnel, ...] = ()

    @property
    def joined(self) -> tuple[tuple[str, str], ...]:
        """The pairs of interfaces between which packets pass: the ends of each cable and of each tunnel."""
        return (*(link.ends for link in self.links), *(tunnel.ends for tunnel in self.tunnels))

    @cached_property
    def tunnel_ends(self) -> frozenset[str]:
        """The interfaces that no cable makes."""
        return frozenset(end for tunnel in self.tunnels for end in tunnel.ends)

    def peer_of(self, interface: str) -> str:
        """The interface at the other end of the cable or tunnel."""
        for one, other in self.joined:
            if interface in (one, other):
                return other if interface == one else one
        raise KeyError(interface)

    @cached_property
    def labelled(self) -> Mapping[str, str]:
        """The interfaces that have a label, by node and label: {"egress-fw.inside": "egress-fw-eth1"}."""
        return {f"{each.node}.{each.label}": name for name, each in self.interfaces.items() if each.label}

    def node_at(self, point: str) -> str | None:
        """The node whose interface a capture point is; None for a capture point that is none of the topology's."""
        return self.interfaces[point].node if point in self.interfaces else None

    def node_with(self, address: str | None) -> str | None:
        """The node that has an address; None when the topology has none."""
        return None if address is None else self._nodes_by_address.get(address)

    def beside(self, address: str) -> tuple[str, ...]:
        """The other addresses that the interface with this one was given: those of the other family."""
        each_interface = ([part.partition("/")[0] for part in each.addresses] for each in self.interfaces.values())
        there = next((addresses for addresses in each_interface if address in addresses), [])
        return tuple(other for other in there if other != address)

    @cached_property
    def _nodes_by_address(self) -> Mapping[str, str]:
        """Of link-local addresses those that one node alone has: on another link, another may have the same."""
        every = self.interfaces.values()
        found = {
            str(ip_interface(address).ip): each.node for each in reversed(list(every)) for address in each.addresses
        }
        local = [(str(ip_interface(each.link_local).ip), each.node) for each in every if each.link_local]
        having = Counter(address for address, _ in dict.fromkeys(local))
        return found | {address: node for address, node in local if having[address] == 1}

    def are_beside(self, one: str, other: str) -> bool:
        """True for the two ends of a cable or tunnel, and for two interfaces of one node."""
        node = self.node_at(one)
        return (node is not None and node == self.node_at(other)) or frozenset((one, other)) in self._pairs

    @cached_property
    def _pairs(self) -> frozenset[frozenset[str]]:
        return frozenset(map(frozenset, self.joined))

    def outside(self, tunnel: Tunnel) -> tuple[str, ...]:
        """The interfaces by which a tunnel's datagrams go from one end to the other, the shortest way over cables."""
        start, goal = (self.interfaces[end].node for end in tunnel.ends)
        ways: deque[tuple[str, ...]] = deque([()])
        reached = {start}
        while ways:
            way = ways.popleft()
            at = self.interfaces[way[-1]].node if way else start
            if at == goal:
                return way
            for one, other in [*(link.ends for link in self.links), *(link.ends[::-1] for link in self.links)]:
                if self.interfaces[one].node == at and (beyond := self.interfaces[other].node) not in reached:
                    reached.add(beyond)
                    ways.append((*way, one, other))
        return ()

    @cached_property
    def outer_ends(self) -> frozenset[str]:
        """Where a tunnel's datagrams leave its one end and reach the other: whatever comes there goes no further."""
        ways = filter(None, map(self.outside, self.tunnels))
        return frozenset(end for way in ways for end in (way[0], way[-1]))

    def path(self, start: str, goal: str, avoiding: Collection[str] = ()) -> tuple[str, ...]:
        """The nodes of a shortest way that goes by none of some others; empty where there is none."""
        ways: deque[tuple[str, ...]] = deque([(start,)])
        reached = {start, *avoiding}
        while ways:
            way = ways.popleft()
            if way[-1] == goal:
                return way
            for neighbour in self._neighbours.get(way[-1], ()):
                if neighbour not in reached:
                    reached.add(neighbour)
                    ways.append((*way, neighbour))
        return ()

    @cached_property
    def _neighbours(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        for one, other in [*self.joined, *(ends[::-1] for ends in self.joined)]:
            found.setdefault(self.interfaces[one].node, []).append(self.interfaces[other].node)
        return found

    def routers(self) -> tuple[str, ...]:
        """The names of all nodes that forward."""
        return tuple(name for name, node in self.nodes.items() if node.forwards)
