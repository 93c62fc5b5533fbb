"""Facts that follow from packets, whoever asks: who sent one, how far away, how soon, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.topology import Topology
from whodunet.evidence.trails import Trail

INITIAL_TTLS: Final = (64, 128, 255)  # Source: Linux and BSD 64, Windows 128, many routers 255; hop limits as well
TOO_SOON, TOO_LATE = 0.5, 2.0  # shares of the baseline round trip: sooner than one way takes, later than any jitter

Fate = Literal["arrived", "unsettled", "lost"]


# Who sent it.


def true_sender(trail: Trail, topology: Topology) -> str | None:
    """The node at whose interface the packet first appeared; None where that is no interface of the topology."""
    return topology.node_at(trail.first.point)


def named_sender(packet: CapturedPacket, topology: Topology) -> str | None:
    """The node whose address the packet carries as its source (a forged packet carries another's); None for none."""
    return topology.node_with(packet.source)


def spoofed_sender(trail: Trail, topology: Topology) -> str | None:
    """The node whose address a packet bears that comes from another; None for a packet in its sender's own name.

    A switch has no address of its own and sends ICMP errors with its router's: forged is what bears the address of an
    end of the very conversation.
    """
    named, sender = named_sender(trail.first, topology), true_sender(trail, topology)
    if named is None or sender is None or named == sender:
        return None
    quoted = trail.first.icmp.quoted if trail.first.icmp else None
    ends = {topology.node_with(address) for address, _ in quoted.ends} if quoted else {named}
    return named if named in ends else None


# Where it begins and ends.


def begins_at_its_node(packet: CapturedPacket, topology: Topology) -> bool:
    """True for what goes out at the node whose address it bears as its source: it came from nowhere else."""
    node = topology.node_at(packet.point)
    return packet.direction == "out" and node is not None and named_sender(packet, topology) == node


def ends_at_its_node(packet: CapturedPacket, topology: Topology) -> bool:
    """True for what has come in at the node that it is for: it goes on nowhere."""
    node = topology.node_at(packet.point)
    return packet.direction == "in" and node is not None and topology.node_with(packet.destination) == node


def points_before(packet: CapturedPacket, topology: Topology) -> tuple[str, ...]:
    """The capture points that a packet passed just before this one: the cable's other end, or its node's others."""
    return _beside(packet.point, packet.direction == "in", topology)


def points_after(packet: CapturedPacket, topology: Topology) -> tuple[str, ...]:
    """The capture points that a packet would pass next."""
    return _beside(packet.point, packet.direction == "out", topology)


def _beside(point: str, is_over_the_cable: bool, topology: Topology) -> tuple[str, ...]:
    node = topology.node_at(point)
    if node is None:
        return ()
    if not is_over_the_cable:
        return tuple(each.name for each in topology.interfaces.values() if each.node == node and each.name != point)
    try:
        return (topology.peer_of(point),)
    except KeyError:  # no cable: a tunnel's or the loopback interface
        return ()


# How far away.


@dataclass(frozen=True)
class Distance:
    """How far away a packet's sender is, by the TTL (IPv6: hop limit) that the packet came with."""

    ttl: int
    initial_ttl: int  # with which it was probably sent: the next of those that systems begin with

    @property
    def routers(self) -> int:
        """Those that passed it on."""
        return self.initial_ttl - self.ttl

    @property
    def hops(self) -> int:
        """The number of cables and networks between: 1 for a sender next door."""
        return self.routers + 1


def distance(ttl: int) -> Distance:
    """The distance that a TTL (IPv6: hop limit) tells."""
    return Distance(ttl, next((initial for initial in INITIAL_TTLS if initial >= ttl), INITIAL_TTLS[-1]))


# How soon.


@dataclass(frozen=True)
class AnswerGap:
    """The time from a packet to the one that answers it, both as one capture point saw them."""

    asked: CapturedPacket
    answer: CapturedPacket
    baseline_rtt_ms: float | None  # None: not measured

    @property
    def took_ms(self) -> float:
        """The time itself."""
        return (self.answer.time_ns - self.asked.time_ns) / 1e6

    @property
    def share(self) -> float | None:
        """As a share of the baseline round trip; None when that was not measured."""
        return self.took_ms / self.baseline_rtt_ms if self.baseline_rtt_ms else None

    @property
    def is_too_soon(self) -> bool:
        """True when it cannot have come from the far end of the baseline's path."""
        return self.share is not None and self.share < TOO_SOON

    @property
    def is_too_late(self) -> bool:
        """True when the path alone does not explain the time."""
        return self.share is not None and self.share > TOO_LATE


# What became of it.


def taken_over(trails: Iterable[Trail], topology: Topology) -> frozenset[Trail]:
    """What came as far as a node that took the connection over in its destination's name, as a proxy does.

    Whoever says SYN-ACK has the connection: what is for it there has arrived, whatever its address says.
    """
    every = tuple(trails)
    takers = {
        (trail.first.flow, trail.first.ip.source, true_sender(trail, topology))
        for trail in every
        if "SYN-ACK" in trail.kinds and trail.first.ip is not None and true_sender(trail, topology) is not None
    }
    return frozenset(
        trail
        for trail in every
        if (last := trail.last).ip is not None
        and (last.flow, last.ip.destination, topology.node_at(last.point)) in takers
    )


def has_arrived(trail: Trail, topology: Topology) -> bool:
    """True at the destination, and for what has none in the topology, which ends anywhere.

    What switches flood comes to others as well, and to some of them later.
    """
    goal = topology.node_with(trail.last.destination)
    if goal is None or topology.node_at(trail.last.point) is None:
        return True
    return any(topology.node_at(point) == goal for point in trail.points)
