"""All that one probe left in one phase of a run, computed once for whoever judges, tells or diagnoses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from whodunet.evidence import facts
from whodunet.evidence.answers import answered
from whodunet.evidence.exchanges import Exchanges
from whodunet.evidence.explanation import Explanation, explanation_of
from whodunet.evidence.facts import AnswerGap, Fate, named_sender
from whodunet.evidence.observation import Observation, Phase, PhaseName, Run
from whodunet.evidence.packets import CapturedPacket, PacketKind, may_be
from whodunet.evidence.symptoms import SymptomReading, read_symptom
from whodunet.evidence.topology import Topology
from whodunet.evidence.traffic import traffic_of
from whodunet.evidence.trails import Trail, in_order, trails_of_probe, unread_of, unsettled_since_ns
from whodunet.evidence.tunnels import carriers


@dataclass(frozen=True)
class ProbeEvidence:
    """What came of one probe in one phase: its symptom, its packets, and how far their record can be trusted."""

    observation: Observation
    reading: SymptomReading
    trails: tuple[Trail, ...]  # of the probe's own packets, in the order of time
    topology: Topology
    baseline_rtt_ms: float | None = None  # in this phase; None: not measured
    doubt: str | None = None  # why the capture as a whole says nothing about the probe; None when it does
    dropped: Mapping[str, int] = field(default_factory=dict)  # capture point: packets that the recorder lost there
    silent: frozenset[str] = frozenset()  # capture points without one packet in the whole run
    unread: tuple[CapturedPacket, ...] = ()  # the probe's, or perhaps the probe's, and not understood
    unsettled_since_ns: int | None = None  # a packet seen later may have been on its way when recording ended
    baseline_waited_ms: float | None = None  # by what carries the packets, for a processor, while that was measured

    # The packets, and the facts about them.

    @cached_property
    def packets(self) -> tuple[CapturedPacket, ...]:
        """The probe's own, each at every point that saw it, in the order of time."""
        return in_order(self.trails)

    def of(self, kind: PacketKind, sender: str | None = None) -> tuple[Trail, ...]:
        """The trails of one kind of packet, of those that bear one node's address where one is named."""
        return tuple(
            trail
            for trail in self.trails
            if kind in trail.kinds and sender in (None, named_sender(trail.first, self.topology))
        )

    @cached_property
    def taken_over(self) -> frozenset[Trail]:
        """What came as far as a node that took the connection over in its destination's name."""
        return facts.taken_over(self.trails, self.topology)

    @cached_property
    def carriers(self) -> Mapping[Trail, Trail]:
        """For each packet that went through a tunnel, the datagram that carried it, where that can be told."""
        return carriers(self.trails, self.topology)

    def has_arrived(self, trail: Trail) -> bool:
        """True at the destination, where somebody took the connection over, and for what has no destination here."""
        return facts.has_arrived(trail, self.topology) or trail in self.taken_over

    def fate(self, trail: Trail) -> Fate:
        """What became of a packet; unsettled when recording ended too soon to tell whether it would have arrived."""
        if self.has_arrived(trail):
            return "arrived"
        since_ns = self.unsettled_since_ns
        return "unsettled" if since_ns is not None and trail.last.time_ns > since_ns else "lost"

    def question_of(self, answer: Trail, among: Iterable[Trail] | None = None) -> Trail | None:
        """The packet that another one answers, of several copies the last; None when none of them can be it."""
        return answered(answer, self.trails if among is None else among, self.topology)

    def gap(self, asked: CapturedPacket, answer: CapturedPacket) -> AnswerGap:
        """The time from one packet to another, beside the baseline round trip."""
        return AnswerGap(asked, answer, self.baseline_rtt_ms)

    def gaps(self, answers: Iterable[Trail], asked: Sequence[Trail], point: str) -> tuple[AnswerGap, ...]:
        """The time that each answer took at one capture point; without those that, or whose questions, never passed."""
        pairs = ((self.question_of(answer, asked), answer) for answer in answers)
        seen = ((question.at(point), answer.at(point)) for question, answer in pairs if question is not None)
        return tuple(self.gap(before, after) for before, after in seen if before and after)

    @cached_property
    def explanation(self) -> Explanation | None:
        """The packets that explain the symptom; None when nothing but ARP and DNS left the host."""
        host = self.observation.host
        return explanation_of(self.reading.symptom, host, self.trails, self.topology, self.has_arrived)

    def has_same_packets_as(self, other: ProbeEvidence) -> bool:
        """True when both probes sent the same kinds of packets, which were lost or delivered at the same places."""
        return self._ways == other._ways

    @cached_property
    def _ways(self) -> frozenset[tuple[object, ...]]:
        """Of each packet that is about more than link addresses, what it is, how it went, and its TTL in the end."""
        every = (trail for trail in self.trails if trail.first.neighbour is None and not trail.first.is_outer)
        return frozenset((trail.kinds, trail.points, trail.last.ip and trail.last.ip.ttl) for trail in every)

    # How far the record can be trusted.

    def blind_spot(self, points: Iterable[str], kind: PacketKind) -> str | None:
        """Why these capture points together cannot prove that no packet of a kind was there; None when they can.

        A recorder that lost packets may have lost the very one, and a packet that was not understood may be it. A point
        that saw nothing at all in the whole run, not even the baseline's packets or ARP, may not have been recording:
        without one packet it is not a witness.
        """
        points = tuple(points)
        partly = self.omission(points, kind)
        if partly is None and points and all(point in self.silent for point in points):
            return f"{', '.join(points)} recorded no packet in the whole run, so its silence proves nothing"
        return partly

    def omission(self, points: Iterable[str], kind: PacketKind) -> str | None:
        """Why one of these capture points may have missed a packet of a kind among others; None when none did."""
        if not self.reading.has_run:
            return self.reading.reason
        points = tuple(points)
        lost = [f"{point} lost {self.dropped[point]} packets" for point in points if self.dropped.get(point)]
        if lost:
            return "the recorder at " + ", ".join(lost)
        return self.not_understood(kind, points)

    def not_understood(self, kind: PacketKind, points: Iterable[str] | None = None) -> str | None:
        """Which packets may be of a kind, were they understood, at some points or anywhere; None when none may."""
        near = self.topology.interfaces if points is None else points
        unread = Counter(packet.point for packet in self.unread if may_be(packet, kind) and packet.point in near)
        counted = ", ".join(f"{count} at {point}" for point, count in unread.items())
        return f"packets were not understood: {counted}" if counted else None

    def on_its_way(self, trails: Iterable[Trail]) -> str | None:
        """Why the end of these trails is not known; None when it is."""
        unsettled = next((trail for trail in trails if self.fate(trail) == "unsettled"), None)
        if unsettled is None:
            return None
        return f"it was still on its way at {unsettled.last.point} when recording ended"


Evidence: TypeAlias = Mapping[PhaseName, Mapping[str, ProbeEvidence]]  # by phase and probe


def evidence_of(run: Run, packets: Iterable[CapturedPacket], topology: Topology) -> Evidence:
    """What each probe of a run left.

    Args:
        packets: the whole capture; empty when there is none.
    """
    capture = Exchanges(packets)
    return {
        phase.name: {
            probe: _of_probe(observation, phase, capture, topology, run.dropped, _capture_doubt(observation, run))
            for probe, observation in phase.observations.items()
        }
        for phase in run.phases
    }


def evidence_of_probe(
    observation: Observation,
    packets: Iterable[CapturedPacket],
    topology: Topology,
    dropped: Mapping[str, int] | None = None,
) -> ProbeEvidence:
    """What one command left that was run on its own, outside a run of a scenario.

    Args:
        packets: the whole capture; empty when there is none.
        dropped: by capture point, how many packets the recorder lost there.
    """
    phase = Phase("faulty", {observation.probe: observation})
    return _of_probe(observation, phase, Exchanges(packets), topology, dropped or {}, None)


def _of_probe(
    observation: Observation,
    phase: Phase,
    capture: Exchanges,
    topology: Topology,
    dropped: Mapping[str, int],
    doubt: str | None,
) -> ProbeEvidence:
    rtt_ms = phase.baseline_rtt_ms
    trails = trails_of_probe(observation, capture, topology, rtt_ms)
    own = in_order(trails)
    unread = unread_of(observation, capture, own, topology, rtt_ms)
    traffic = None
    if capture.packets and doubt is None:  # else its words alone are read
        blind = {point for point, count in dropped.items() if count} | {packet.point for packet in unread}
        traffic = traffic_of(observation.host, own, topology, blind)
    return ProbeEvidence(
        observation,
        read_symptom(observation.command, observation, traffic),
        trails,
        topology,
        rtt_ms,
        doubt,
        dropped,
        silent=frozenset(topology.interfaces) - {packet.point for packet in capture.packets},
        unread=unread,
        unsettled_since_ns=unsettled_since_ns(phase, topology),
        baseline_waited_ms=phase.baseline_waited_ms,
    )


def _capture_doubt(observation: Observation, run: Run) -> str | None:
    """Why the capture as a whole says nothing about a probe; None when it does."""
    if run.damage:
        return run.damage[0]
    return observation.clock_doubt(run.capture.clock_offset_ns if run.capture else None)
