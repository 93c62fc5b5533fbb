"""A topology as judging and reports see it: names, roles and addresses, without a running network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Interface:
    """One interface of a node; every interface is a capture point of the same name."""

    name: str  # "client-eth0"
    node: str  # "client"
    address: str | None = None  # "10.8.0.10/24"; None on a switch


@dataclass(frozen=True)
class Node:
    """A host (routers included) or a switch, with the part it plays in stories and causes."""

    name: str
    role: str  # "client", "egress-firewall", "vpn-gateway", "transit", "instance" ...
    is_switch: bool = False
    forwards: bool = False  # True for a router


@dataclass(frozen=True)
class Link:
    """A cable between two interfaces and what it does to packets, each way."""

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
class Topology:
    """One network: what exists, before any fault."""

    name: str
    nodes: Mapping[str, Node]
    interfaces: Mapping[str, Interface]  # in the order of the path, as capture points are reported
    links: tuple[Link, ...]
    baseline: tuple[str, str]  # (host, address to ping): whose round trip every timing is compared with
    uplinks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # host: its ways out; the first is the default
    services: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)  # host: daemon: its settings
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # switch: what its controller carries out
    signed_in: Mapping[str, str] = field(default_factory=dict)  # host: the role that its user has signed in with

    def peer_of(self, interface: str) -> str:
        """The interface at the other end of the cable."""
        for one, other in (link.ends for link in self.links):
            if interface in (one, other):
                return other if interface == one else one
        raise KeyError(interface)

    def routers(self) -> tuple[str, ...]:
        """The names of all nodes that forward."""
        return tuple(name for name, node in self.nodes.items() if node.forwards)
