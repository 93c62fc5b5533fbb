"""The ladder of a probe: its packets in the order of time, the nodes on their path, and how far each packet came."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal, TypeAlias

from whodunet.evidence.facts import spoofed_sender
from whodunet.evidence.packets import CapturedPacket, NeighbourMessage, kinds
from whodunet.evidence.probe_evidence import ProbeEvidence
from whodunet.evidence.topology import Topology
from whodunet.evidence.trails import Trail, in_order
from whodunet.view.models.numbering import NumberedPacket, Numbering, numbering_of

MOST_QUIET_ROWS = 2

Ending = Literal["arrived", "taken over", "dropped", "unsettled"]


@dataclass(frozen=True)
class Journey:
    """How a packet went: at which nodes it was seen, and what became of it at the last of them, or beyond."""

    nodes: tuple[str, ...]  # in its order; empty where it was seen at none of the topology's
    ending: Ending  # taken over: by a node that has the connection in the destination's name
    goal: str | None  # the node that it was for; None for what has none in the topology
    has_left: bool  # True for what was last seen as it left the last node: it ended on the way to the next
    encrypted: frozenset[str] = frozenset()  # the nodes that saw but the tunnel's datagram around it

    @property
    def has_come(self) -> bool:
        """True for what ended where it was to, or where somebody took it in its place."""
        return self.ending in ("arrived", "taken over")


@dataclass(frozen=True)
class PacketRow:
    """A packet, and when the same was retransmitted and came as far."""

    time_ms: float  # since the packet that the probe is about
    packet: NumberedPacket  # as it was where it was first seen
    journey: Journey
    last_ttl: int | None  # where it was last seen (IPv6: hop limit); None for what has none
    spoofed: str | None  # the node in whose name it came, and that did not send it
    again_s: tuple[float, ...] = ()  # since the first
    is_retransmitted: bool = False  # True where its sender waits for an answer, and so sends it again

    @property
    def first_ttl(self) -> int | None:
        """Its TTL where it was first seen (IPv6: hop limit); None for what has none."""
        return self.packet.captured.ip.ttl if self.packet.captured.ip is not None else None


@dataclass(frozen=True)
class RoutineRow:
    """Several packets of which there is nothing to tell: data and ACKs that all arrived."""

    time_ms: float  # of the first, since the packet that the probe is about
    packets: int


Row: TypeAlias = PacketRow | RoutineRow


@dataclass(frozen=True)
class Ladder:
    """A column a node, a row a packet."""

    nodes: tuple[str, ...] = ()  # in the order of the topology
    rows: tuple[Row, ...] = ()  # by time; none: no packet was seen at any capture point
    culprit: tuple[str, ...] = ()  # the node that is marked, or the two nodes of a link


def ladder_of(evidence: ProbeEvidence, culprit: str | None = None) -> Ladder:
    """The packets of a probe over the nodes of their path, up to the destination even when nothing reached it.

    Args:
        culprit: the node, or the link ("a - b", by its nodes or its interfaces), to mark.
    """
    trails = _telling(evidence.trails)
    if not trails:
        return Ladder()
    numbering = numbering_of(evidence)
    zero_ns = _opening(trails).first.time_ns
    rows = (_row(same, zero_ns, numbering, evidence) for same in _alike(trails, evidence))
    return Ladder(_columns(trails, evidence), tuple(_without_routine(list(rows))), _marked(culprit, evidence.topology))


def _opening(trails: Sequence[Trail]) -> Trail:
    """The packet that the probe is about, from which time is counted: not ARP, DNS or an ICMP error."""
    return next((trail for trail in trails if trail.first.flow is not None and trail.first.dns is None), trails[0])


def _telling(trails: Sequence[Trail]) -> Sequence[Trail]:
    """Without what is part of every path, and tells nothing about this one: ARP and NDP that was answered, and a VPN's
    datagrams, which stand in the rows of the packets that they carry.
    """
    trails = [trail for trail in trails if not trail.first.is_outer] or trails
    messages = [trail.first.neighbour for trail in trails]
    replies = {(each.sender, each.target) for each in messages if each is not None and not each.is_request}
    telling = [
        trail for trail, each in zip(trails, messages, strict=True) if each is None or not _is_settled(each, replies)
    ]
    return telling or trails


def _is_settled(message: NeighbourMessage, replies: Collection[tuple[str, str]]) -> bool:
    asked = (message.target, message.sender) if message.is_request else (message.sender, message.target)
    return asked in replies


def _alike(trails: Sequence[Trail], evidence: ProbeEvidence) -> list[list[Trail]]:
    """Equal packets on an equal way together; the IP id, which every retransmission has anew, does not count."""
    same: dict[tuple[object, ...], list[Trail]] = {}
    for trail in trails:
        points = tuple(seen.point for seen in _sightings(trail, evidence))
        same.setdefault((_content(trail.first), points, evidence.fate(trail)), []).append(trail)
    return list(same.values())


def _content(packet: CapturedPacket) -> tuple[object, ...]:
    icmp = packet.icmp and replace(packet.icmp, sequence=0)
    ip = packet.ip and (packet.ip.source, packet.ip.destination, packet.ip.ttl)
    return ip, packet.tcp, packet.udp, icmp, packet.arp, packet.dns


def _row(same: Sequence[Trail], zero_ns: int, numbering: Numbering, evidence: ProbeEvidence) -> PacketRow:
    trail, *again = same
    first = trail.first
    awaits_ack = first.tcp is not None and (first.tcp.payload_bytes > 0 or not set("SF").isdisjoint(first.tcp.flags))
    return PacketRow(
        time_ms=(first.time_ns - zero_ns) / 1e6,
        packet=numbering.of(first),
        journey=_journey(trail, evidence),
        last_ttl=trail.last.ip.ttl if trail.last.ip is not None else None,
        spoofed=spoofed_sender(trail, evidence.topology),
        again_s=tuple((each.first.time_ns - first.time_ns) / 1e9 for each in again),
        is_retransmitted=awaits_ack or (first.dns is not None and not first.dns.is_answer),
    )


def _journey(trail: Trail, evidence: ProbeEvidence) -> Journey:
    sightings, topology = _sightings(trail, evidence), evidence.topology
    nodes = _nodes(sightings, topology)
    return Journey(
        nodes,
        _ending(trail, evidence),
        topology.node_with(trail.last.destination),
        sightings[-1].direction == "out",
        frozenset(nodes) - set(_nodes(trail.sightings, topology)),
    )


def _sightings(trail: Trail, evidence: ProbeEvidence) -> Sequence[CapturedPacket]:
    """Where a packet was seen, in plain or in a tunnel's datagram, in the order of time."""
    datagram = evidence.carriers.get(trail)
    return in_order([trail, datagram]) if datagram is not None else trail.sightings


def _ending(trail: Trail, evidence: ProbeEvidence) -> Ending:
    if trail in evidence.taken_over:
        return "taken over"
    fate = evidence.fate(trail)
    return "dropped" if fate == "lost" else fate


def _nodes(sightings: Iterable[CapturedPacket], topology: Topology) -> tuple[str, ...]:
    """The nodes at which a packet was seen, in its order."""
    seen = filter(None, (topology.node_at(each.point) for each in sightings))
    return tuple(node for node, _ in groupby(seen))


def _without_routine(rows: Sequence[PacketRow]) -> Iterator[Row]:
    """Long runs of data and ACKs that all arrived become one row, unless there is nothing else to show."""
    for is_routine, group in groupby(rows, _is_routine):
        run = list(group)
        if is_routine and MOST_QUIET_ROWS < len(run) < len(rows):
            yield RoutineRow(run[0].time_ms, sum(1 + len(row.again_s) for row in run))
        else:
            yield from run


def _is_routine(row: PacketRow) -> bool:
    packet = row.packet.captured
    is_talk = packet.tcp is not None and set(packet.tcp.flags) <= {"P", "."} and "SSH banner" not in kinds(packet)
    return is_talk and row.journey.has_come


def _columns(trails: Sequence[Trail], evidence: ProbeEvidence) -> tuple[str, ...]:
    """The nodes that the packets touched, and those that the first would have passed next, in the topology's order."""
    first, topology = _opening(trails), evidence.topology
    goal = topology.node_with(first.first.destination)
    touched = {node for trail in trails for node in _nodes(_sightings(trail, evidence), topology)}
    passed = _nodes(_sightings(first, evidence), topology)
    if goal is not None and passed and goal not in passed:
        touched |= set(topology.path(passed[-1], goal, avoiding=passed[:-1]))
    order = dict.fromkeys(interface.node for interface in topology.interfaces.values())
    return tuple(node for node in order if node in touched)


def _marked(culprit: str | None, topology: Topology) -> tuple[str, ...]:
    """The node, or the two nodes of a link."""
    ends = culprit.split(" - ") if culprit else []
    return tuple(topology.node_at(end) or end for end in ends)
