"""Trails: each packet of a probe followed over all capture points."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from whodunet.evidence.exchanges import Exchanges
from whodunet.evidence.observation import Observation, Phase
from whodunet.evidence.packets import CapturedPacket, Flow, PacketKind, kinds
from whodunet.evidence.topology import Topology

__all__ = [
    "CapturedPacket",
    "Flow",
    "Trail",
    "answer_margin_ns",
    "arrived",
    "is_unsettled",
    "kinds",
    "node_with",
    "packets_of",
    "sender_of",
    "trails_of",
    "unread_of",
    "unsettled_since_ns",
]


@dataclass(frozen=True)
class Trail:
    """One packet at every capture point that saw it, in the order of time."""

    sightings: tuple[CapturedPacket, ...]

    @property
    def first(self) -> CapturedPacket:
        """The packet where it was first seen."""
        return self.sightings[0]

    @property
    def last(self) -> CapturedPacket:
        """The packet where it was last seen."""
        return self.sightings[-1]

    @property
    def points(self) -> tuple[str, ...]:
        """The capture points that saw it, in the order of time."""
        return tuple(sighting.point for sighting in self.sightings)

    @property
    def kinds(self) -> frozenset[PacketKind]:
        """What kinds of packet it is."""
        return kinds(self.first)

    def at(self, point: str) -> CapturedPacket | None:
        """The packet as that capture point saw it."""
        return next((sighting for sighting in self.sightings if sighting.point == point), None)


def answer_margin_ns(topology: Topology, baseline_rtt_ms: float | None = None) -> int:
    """How long after a command's end its last packets and the answers to them may still be under way.

    The last packet may be sent as the command ends; it and its answer are one round trip under way. Twice the
    measured round trip covers the jitter of an emulated path; without a measurement, the topology's own delays there
    and back stand for it. A genuine retransmission takes longer, and belongs to nobody once its command has gone.
    """
    nominal_ms = 2 * sum(link.delay_ms + link.jitter_ms for link in topology.links)
    return round(2e6 * (baseline_rtt_ms if baseline_rtt_ms is not None else nominal_ms))


def packets_of(
    observation: Observation,
    packets: Iterable[CapturedPacket],
    topology: Topology,
    baseline_rtt_ms: float | None = None,
) -> tuple[CapturedPacket, ...]:
    """The packets that one probe caused, each at every point that saw it, in the order of time.

    Those of the exchanges that began while the command ran (a late retransmission of an earlier probe is of an exchange
    that began before), the ICMP errors and the fragments that go with them, and the ARP of that time.
    """
    ordered = sorted(packets, key=attrgetter("time_ns"))
    started, ended = observation.started_ns, observation.ended_ns
    margin = answer_margin_ns(topology, baseline_rtt_ms)
    exchanges = Exchanges(ordered)
    near = [packet for packet in ordered if started - margin <= packet.time_ns <= ended + 2 * margin]
    own = [
        trail
        for trail in trails_of(near, topology)
        if started <= trail.first.time_ns <= ended + margin
        and (began_ns := exchanges.began_ns(trail.first)) is not None
        and started <= began_ns <= ended
    ]
    return tuple(sorted((packet for trail in own for packet in trail.sightings), key=attrgetter("time_ns")))


def unread_of(
    observation: Observation,
    packets: Iterable[CapturedPacket],
    own: Collection[CapturedPacket],
    topology: Topology,
    baseline_rtt_ms: float | None = None,
) -> tuple[CapturedPacket, ...]:
    """The packets of a probe's time that were not understood and are, or may be, its own: whose nobody can tell.

    Args:
        own: those that are known to be the probe's.
    """
    last_ns = observation.ended_ns + answer_margin_ns(topology, baseline_rtt_ms)
    at_that_time = (p for p in packets if p.unread and observation.started_ns <= p.time_ns <= last_ns)
    mine = frozenset(packet for packet in own if packet.unread)
    return tuple(packet for packet in at_that_time if packet.flow is None or packet in mine)


def trails_of(packets: Iterable[CapturedPacket], topology: Topology) -> tuple[Trail, ...]:
    """The packets' trails, by the time of their first sighting.

    Equal packets (the RST that answers each retransmission has IP id 0 and the same numbers) are told apart by place: a
    sighting continues the trail that was last seen next to it, and none that has been there already.
    """
    open_trails: dict[tuple[object, ...], list[list[CapturedPacket]]] = defaultdict(list)
    for packet in sorted(packets, key=attrgetter("time_ns")):
        same = open_trails[packet.identity]
        trail = _continued(same, packet, topology)
        if trail is None:
            same.append([packet])
        else:
            trail.append(packet)
    trails = (Trail(tuple(sightings)) for same in open_trails.values() for sightings in same)
    return tuple(sorted(trails, key=lambda trail: trail.first.time_ns))


def _continued(
    same: Sequence[list[CapturedPacket]], packet: CapturedPacket, topology: Topology
) -> list[CapturedPacket] | None:
    possible = [trail for trail in same if all(seen.point != packet.point for seen in trail)]
    beside = [trail for trail in possible if _adjacent(trail[-1].point, packet.point, topology)]
    return next(reversed(beside or possible), None)  # the latest: an older one that waited so long was lost


def _adjacent(one: str, other: str, topology: Topology) -> bool:
    """True for the two ends of a cable and for two interfaces of one node."""
    known = topology.interfaces
    if one in known and other in known and known[one].node == known[other].node:
        return True
    return any(set(link.ends) == {one, other} for link in topology.links)


def arrived(trail: Trail, topology: Topology) -> bool:
    """True at the destination, and for what has none in the topology, which ends anywhere.

    What switches flood comes to others as well, and to some of them later.
    """
    last, known = trail.last, topology.interfaces
    goal = node_with(last.ip.destination if last.ip else last.arp.target if last.arp else None, topology)
    return goal is None or last.point not in known or any(known[point].node == goal for point in trail.points)


def is_unsettled(trail: Trail, since_ns: int | None, topology: Topology) -> bool:
    """True when a packet has not arrived, and recording ended too soon to tell whether it would have.

    Args:
        since_ns: of `unsettled_since_ns`; None: recording is known to have gone on for long enough.
    """
    return since_ns is not None and trail.last.time_ns > since_ns and not arrived(trail, topology)


def unsettled_since_ns(phase: Phase, topology: Topology) -> int | None:
    """From when on a packet that has not arrived may still have been on its way when its phase ended.

    That is one round trip before the end, twice what a packet needs. None: the end is not known.
    """
    if phase.settled_ns is None:
        return None
    return phase.settled_ns - answer_margin_ns(topology, phase.baseline_rtt_ms) // 2


def sender_of(packet: CapturedPacket, topology: Topology) -> str | None:
    """The node whose address the packet carries as its source (a forged packet carries another's); None for none."""
    source = packet.ip.source if packet.ip is not None else packet.arp.sender if packet.arp is not None else None
    return node_with(source, topology)


def node_with(address: str | None, topology: Topology) -> str | None:
    """The node that has the address; None when the topology has none."""
    if address is None:
        return None
    for interface in topology.interfaces.values():
        if any(own.split("/")[0] == address for own in interface.addresses):
            return interface.node
    return None
