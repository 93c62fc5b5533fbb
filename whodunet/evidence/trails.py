"""Trails: each packet of a probe followed over all capture points."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter

from whodunet.evidence.exchanges import Exchanges
from whodunet.evidence.observation import Observation, Phase
from whodunet.evidence.packets import CapturedPacket, PacketKind, kinds
from whodunet.evidence.topology import Topology

_TIME = attrgetter("time_ns")


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

    @cached_property
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


def trails_of_probe(
    observation: Observation, capture: Exchanges, topology: Topology, baseline_rtt_ms: float | None = None
) -> tuple[Trail, ...]:
    """The trails of the packets that one probe caused, by the time of their first sighting.

    Those of the exchanges that began while the command ran (a late retransmission of an earlier probe is of an exchange
    that began before), the ICMP errors and the fragments that go with them, and what neighbours asked at that time.
    """
    started, ended = observation.started_ns, observation.ended_ns
    margin = answer_margin_ns(topology, baseline_rtt_ms)
    return tuple(
        trail
        for trail in trails_of(_between(capture.packets, started - margin, ended + 2 * margin), topology)
        if started <= trail.first.time_ns <= ended + margin
        and (began_ns := capture.began_ns(trail.first)) is not None
        and started <= began_ns <= ended
    )


def in_order(trails: Iterable[Trail]) -> tuple[CapturedPacket, ...]:
    """The packets of some trails, each at every point that saw it, in the order of time."""
    return tuple(sorted((packet for trail in trails for packet in trail.sightings), key=_TIME))


def unread_of(
    observation: Observation,
    capture: Exchanges,
    own: Collection[CapturedPacket],
    topology: Topology,
    baseline_rtt_ms: float | None = None,
) -> tuple[CapturedPacket, ...]:
    """The packets of a probe's time that were not understood and are, or may be, its own: whose nobody can tell.

    Args:
        own: those that are known to be the probe's.
    """
    last_ns = observation.ended_ns + answer_margin_ns(topology, baseline_rtt_ms)
    at_that_time = (packet for packet in _between(capture.packets, observation.started_ns, last_ns) if packet.unread)
    mine = frozenset(packet for packet in own if packet.unread)
    return tuple(packet for packet in at_that_time if packet.flow is None or packet in mine)


def _between(ordered: Sequence[CapturedPacket], first_ns: int, last_ns: int) -> Sequence[CapturedPacket]:
    """The packets of a span of time, both ends included."""
    return ordered[bisect_left(ordered, first_ns, key=_TIME) : bisect_right(ordered, last_ns, key=_TIME)]


def trails_of(packets: Iterable[CapturedPacket], topology: Topology) -> tuple[Trail, ...]:
    """The packets' trails, by the time of their first sighting.

    Equal packets (the RST that answers each retransmission has IP id 0 and the same numbers) are told apart by place: a
    sighting continues the trail that was last seen next to it, and none that has been there already.
    """
    open_trails: dict[tuple[object, ...], list[list[CapturedPacket]]] = defaultdict(list)
    for packet in sorted(packets, key=_TIME):
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
    beside = [trail for trail in possible if topology.are_beside(trail[-1].point, packet.point)]
    return next(reversed(beside or possible), None)  # the latest: an older one that waited so long was lost


def unsettled_since_ns(phase: Phase, topology: Topology) -> int | None:
    """From when on a packet that has not arrived may still have been on its way when its phase ended.

    That is one round trip before the end, twice what a packet needs. None: the end is not known.
    """
    if phase.settled_ns is None:
        return None
    return phase.settled_ns - answer_margin_ns(topology, phase.baseline_rtt_ms) // 2
