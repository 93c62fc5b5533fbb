"""Trails: each packet of a probe followed over all capture points."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from whodunet.core.observation import Observation
from whodunet.core.packets import CapturedPacket, Flow, kinds
from whodunet.core.scenario import PacketKind
from whodunet.core.topology import Topology

__all__ = [
    "CapturedPacket",
    "Flow",
    "Trail",
    "answer_margin_ns",
    "kinds",
    "node_with",
    "packets_of",
    "sender_of",
    "trails_of",
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
    """The packets that one probe caused, in the order of time.

    Those of the flows that began while the command ran (a late retransmission of an earlier probe belongs to a flow
    that began before), the ICMP errors about them, and the ARP of that time.
    """
    ordered = sorted(packets, key=attrgetter("time_ns"))
    started, ended = observation.started_ns, observation.ended_ns
    margin = answer_margin_ns(topology, baseline_rtt_ms)
    own = {flow for flow, first_ns in _beginnings(ordered) if started <= first_ns <= ended}
    window = (packet for packet in ordered if started <= packet.time_ns <= ended + margin)
    return tuple(packet for packet in window if _belongs(packet, own, ended))


def _beginnings(ordered: Iterable[CapturedPacket]) -> Iterator[tuple[Flow, int]]:
    """When each flow began; again, when its ports are used for another connection, whose SYN has another number."""
    initial: dict[Flow, int | None] = {}
    for packet in ordered:
        flow = packet.flow
        if flow is None:
            continue
        number = packet.tcp.seq if packet.tcp is not None and "SYN" in kinds(packet) else None
        if flow not in initial or (number is not None and number != initial[flow]):
            initial[flow] = number
            yield flow, packet.time_ns


def _belongs(packet: CapturedPacket, own: set[Flow], ended_ns: int) -> bool:
    if packet.arp is not None:
        return packet.time_ns <= ended_ns
    if packet.icmp is not None and packet.icmp.quoted is not None:
        return packet.icmp.quoted in own
    return packet.flow in own


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


def sender_of(packet: CapturedPacket, topology: Topology) -> str | None:
    """The node whose address the packet carries as its source (a forged packet carries another's); None for none."""
    source = packet.ip.source if packet.ip is not None else packet.arp.sender if packet.arp is not None else None
    return node_with(source, topology)


def node_with(address: str | None, topology: Topology) -> str | None:
    """The node that has the address; None when the topology has none."""
    for interface in topology.interfaces.values():
        if address is not None and interface.address is not None and interface.address.split("/")[0] == address:
            return interface.node
    return None
