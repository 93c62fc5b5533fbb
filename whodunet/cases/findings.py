"""Does the capture show what a claim says? One function a field of `EvidenceClaim`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from whodunet.cases.scenario import AnswerTime, EvidenceClaim
from whodunet.evidence.answers import acknowledges
from whodunet.evidence.facts import AnswerGap, named_sender
from whodunet.evidence.packets import CapturedPacket, PacketKind
from whodunet.evidence.probe_evidence import ProbeEvidence
from whodunet.evidence.topology import Topology
from whodunet.evidence.trails import Trail

Outcome = Literal["held", "broken", "could-not-measure"]


@dataclass(frozen=True)
class Finding:
    """What came of one field of a claim."""

    outcome: Outcome
    expected: str
    seen: str


def described(packet: CapturedPacket, evidence: ProbeEvidence) -> str:
    """Where a packet was seen, with its TTL, and the time since its conversation began."""
    facts = [] if packet.ip is None else [f"ttl {packet.ip.ttl}"]
    flow = packet.flow or (packet.icmp and packet.icmp.quoted)
    first = next((trail for trail in evidence.trails if flow and trail.first.flow == flow), None)
    if first is not None and packet not in first.sightings:
        opening = "SYN" if "SYN" in first.kinds else "first packet"
        facts.append(f"{(packet.time_ns - first.first.time_ns) / 1e6:.1f} ms after the {opening}")
    return f"{packet.point} ({', '.join(facts)})" if facts else packet.point


@dataclass(frozen=True)
class _Witness:
    """The packets that a claim is about, before all that they are part of."""

    kind: PacketKind
    trails: tuple[Trail, ...]
    evidence: ProbeEvidence

    def sighting_at(self, point: str) -> CapturedPacket | None:
        """The first of the packets at a capture point."""
        return next((packet for trail in self.trails if (packet := trail.at(point))), None)

    def missing(self, expected: str, point: str, seen: str, *, may_come: bool = True) -> Finding:
        """Something is not seen at a point: broken, unless it may have been there, or may have come there later."""
        later = self.evidence.on_its_way(self.trails) if may_come else None
        why = self.evidence.blind_spot((point,), self.kind) or later
        return Finding("could-not-measure", expected, why) if why else Finding("broken", expected, seen)

    def absent(self, expected: str, points: Iterable[str], seen: str, *doubts: str | None) -> Finding:
        """Nothing is seen at some points: held, unless it may have been there, or for another doubt."""
        why = next(filter(None, (self.evidence.blind_spot(points, self.kind), *doubts)), None)
        return Finding("could-not-measure", expected, why) if why else Finding("held", expected, seen)

    @property
    def another(self) -> str | None:
        """Why there may be more such packets, about which a claim about every one of them is as well; None when not."""
        return self.evidence.not_understood(self.kind)


def findings(claim: EvidenceClaim, evidence: ProbeEvidence) -> list[Finding]:
    """What came of each thing that the claim says, in the order of its fields."""
    witness = _Witness(claim.packet, evidence.of(claim.packet, claim.sender), evidence)
    found = [_seen_at(point, witness) for point in claim.seen_at]
    found += [_not_seen_at(point, witness) for point in claim.not_seen_at]
    if claim.first_seen_at is not None:
        found.append(_first_seen_at(claim.first_seen_at, witness))
    if claim.last_seen_at is not None:
        found.append(_last_seen_at(claim.last_seen_at, witness))
    found += [_ttl(point, ttl, witness) for point, ttl in claim.ttl.items()]
    found += [_at_least(point, times, witness) for point, times in claim.at_least.items()]
    if claim.after is not None:
        found.append(_after(claim.after, witness))
    if claim.acknowledges is not None:
        found.append(_acknowledges(claim.acknowledges, witness))
    return found


def _seen_at(point: str, witness: _Witness) -> Finding:
    expected = f"seen at {point}"
    sighting = witness.sighting_at(point)
    if sighting is not None:
        return Finding("held", expected, f"seen at {described(sighting, witness.evidence)}")
    return witness.missing(expected, point, _elsewhere(witness))


def _elsewhere(witness: _Witness) -> str:
    if not witness.trails:
        return "seen nowhere"
    return f"last seen at {described(witness.trails[0].last, witness.evidence)}"


def _not_seen_at(point: str, witness: _Witness) -> Finding:
    expected = f"not seen at {point}"
    sighting = witness.sighting_at(point)
    if sighting is not None:
        return Finding("broken", expected, f"seen at {described(sighting, witness.evidence)}")
    return witness.absent(expected, (point,), "not seen there", witness.evidence.on_its_way(witness.trails))


def _first_seen_at(point: str, witness: _Witness) -> Finding:
    """Every packet of the kind has to begin there: one that came from elsewhere is another's."""
    expected, trails, evidence = f"first seen at {point}", witness.trails, witness.evidence
    if not trails:
        return witness.missing(expected, point, "seen nowhere")
    other = next((trail for trail in trails if trail.first.point != point), None)
    if other is not None:
        seen = f"first seen at {described(other.first, evidence)}"
        if other.at(point):  # recorded there later than elsewhere, it did not begin there, whatever else was lost
            return Finding("broken", expected, seen)
        return witness.missing(expected, point, seen, may_come=False)
    first, topology = trails[0].first, evidence.topology
    before = () if _begins_there(first, topology) else _beside(first, "in", topology)
    return witness.absent(expected, before, f"first seen at {described(first, evidence)}", witness.another)


def _last_seen_at(point: str, witness: _Witness) -> Finding:
    """No packet of the kind may get farther, and none may end before: a retransmission counts with the first one."""
    expected, trails, evidence = f"last seen at {point}", witness.trails, witness.evidence
    if not trails:
        return witness.missing(expected, point, "seen nowhere")
    other = next((trail for trail in trails if trail.last.point != point), None)
    if other is not None:
        seen = f"last seen at {described(other.last, evidence)}"
        return Finding("broken", expected, seen) if other.at(point) else witness.missing(expected, point, seen)
    last, topology = trails[0].last, evidence.topology
    after = () if _ends_there(last, topology) else _beside(last, "out", topology)
    seen = f"last seen at {described(last, evidence)}"
    return witness.absent(expected, after, seen, evidence.on_its_way(trails), witness.another)


def _begins_there(packet: CapturedPacket, topology: Topology) -> bool:
    """True for what goes out at the node whose address it bears as its source: it came from nowhere else."""
    node = topology.node_at(packet.point)
    return packet.direction == "out" and node is not None and named_sender(packet, topology) == node


def _ends_there(packet: CapturedPacket, topology: Topology) -> bool:
    """True for what has come in at the node that it is for: it goes on nowhere."""
    node, goal = topology.node_at(packet.point), packet.ip.destination if packet.ip is not None else None
    return packet.direction == "in" and node is not None and topology.node_with(goal) == node


def _beside(packet: CapturedPacket, over_the_cable: Literal["in", "out"], topology: Topology) -> tuple[str, ...]:
    """The capture points that the packet passed just before (it came "in" by cable), or would pass next ("out")."""
    if packet.point not in topology.interfaces:
        return ()
    if packet.direction == over_the_cable:
        try:
            return (topology.peer_of(packet.point),)
        except KeyError:  # no cable: a tunnel's or the loopback interface
            return ()
    node = topology.interfaces[packet.point].node
    return tuple(
        name for name, interface in topology.interfaces.items() if interface.node == node and name != packet.point
    )


def _ttl(point: str, ttl: int, witness: _Witness) -> Finding:
    expected = f"TTL {ttl} at {point}"
    there = [packet for trail in witness.trails if (packet := trail.at(point)) and packet.ip]
    if not there:
        return witness.missing(expected, point, _elsewhere(witness))
    seen = sorted({packet.ip.ttl for packet in there if packet.ip})
    said = f"TTL {' and '.join(map(str, seen))} at {point}"
    if seen != [ttl]:
        return Finding("broken", expected, said)
    gap = witness.evidence.omission((point,), witness.kind)
    return Finding("could-not-measure", expected, gap) if gap else Finding("held", expected, said)


def _at_least(point: str, times: int, witness: _Witness) -> Finding:
    expected = f"seen at least {times} times at {point}"
    count = sum(trail.at(point) is not None for trail in witness.trails)
    seen = f"seen {count} times at {point}"
    return Finding("held", expected, seen) if count >= times else witness.missing(expected, point, seen)


def _after(wanted: AnswerTime, witness: _Witness) -> Finding:
    """The soonest of the probe's such packets: a busy machine can delay an answer, but never hasten it."""
    expected, evidence = answer_time_words(wanted), witness.evidence
    rtt = evidence.baseline_rtt_ms
    if not rtt:
        return Finding("could-not-measure", expected, "the baseline round trip was not measured in this phase")
    # The one that was answered may be lost, here or where the answer was made; and a sooner answer may be.
    of_asked = evidence.omission((wanted.at, *_points_of_senders(witness)), wanted.packet)
    gap = of_asked or evidence.omission((wanted.at,), witness.kind)
    soonest = min((each.took_ms for each in answer_gaps(wanted, witness.trails, evidence)), default=None)
    if soonest is None:
        seen = f"answers no {wanted.packet} at {wanted.at}"
        return Finding("could-not-measure", expected, gap) if gap else witness.missing(expected, wanted.at, seen)
    share = soonest / rtt
    held = (wanted.below_rtt is None or share < wanted.below_rtt) and (
        wanted.above_rtt is None or share > wanted.above_rtt
    )
    seen = (
        f"{soonest:.1f} ms after the {wanted.packet} at {wanted.at}: "
        f"{share:.2f} of the baseline round trip of {rtt:.1f} ms"
    )
    if gap:
        return Finding("could-not-measure", expected, gap)
    waited_ms = None if held else _what_waiting_may_explain(wanted, soonest, evidence)
    if waited_ms is not None:
        busy = f"the machine was too busy: what carries the packets waited {waited_ms:.1f} ms for a processor meanwhile"
        return Finding("could-not-measure", expected, f"{seen}; {busy}")
    return Finding("held" if held else "broken", expected, seen)


def _what_waiting_may_explain(wanted: AnswerTime, took_ms: float, evidence: ProbeEvidence) -> float | None:
    """How long packets may have waited for a processor, if without that an answer may have come in time; else None.

    Waiting makes an answer late, and the round trip longer that it is compared with; never an answer early.
    """
    rtt = evidence.baseline_rtt_ms or 0.0
    if wanted.below_rtt is not None and took_ms >= wanted.below_rtt * rtt:
        waited_ms = evidence.observation.waited_ms or 0.0
        may_explain = took_ms - waited_ms < wanted.below_rtt * rtt
    else:
        waited_ms = evidence.baseline_waited_ms or 0.0
        may_explain = took_ms > (wanted.above_rtt or 0.0) * (rtt - waited_ms)
    return waited_ms if may_explain else None


def answer_time_words(wanted: AnswerTime) -> str:
    """An answer time as a phrase: "less than 0.1 round trips after the SYN at client-eth0"."""
    bounds = [f"less than {wanted.below_rtt:g}"] if wanted.below_rtt is not None else []
    bounds += [f"more than {wanted.above_rtt:g}"] if wanted.above_rtt is not None else []
    return f"{' and '.join(bounds) or 'some'} round trips after the {wanted.packet} at {wanted.at}"


def answer_gaps(wanted: AnswerTime, answers: Iterable[Trail], evidence: ProbeEvidence) -> tuple[AnswerGap, ...]:
    """The time that each of some packets took to answer what it answers; without those that are no such answer."""
    return evidence.gaps(answers, evidence.of(wanted.packet, wanted.sender), wanted.at)


def _points_of_senders(witness: _Witness) -> tuple[str, ...]:
    """The capture points of the nodes that the packets come from, and those that they passed just before, if any."""
    topology = witness.evidence.topology
    known, firsts = topology.interfaces, [trail.first for trail in witness.trails]
    senders = {known[first.point].node for first in firsts if first.point in known}
    before = {point for first in firsts for point in _beside(first, "in", topology)}
    return tuple(name for name, interface in known.items() if interface.node in senders or name in before)


def _acknowledges(kind: PacketKind, witness: _Witness) -> Finding:
    expected, evidence = f"seq 0 and the acknowledgement number of the {kind} plus one", witness.evidence
    everywhere = evidence.topology.interfaces
    answers = [trail.first for trail in witness.trails if trail.first.tcp is not None]
    if not answers:
        gap = evidence.omission(everywhere, witness.kind)
        return Finding("could-not-measure", expected, gap) if gap else Finding("broken", expected, "seen nowhere")
    asked = [trail.first for trail in evidence.of(kind)]
    wrong = next((packet for packet in answers if not any(acknowledges(packet, other) for other in asked)), None)
    if wrong is None or wrong.tcp is None:
        return witness.absent(expected, (), f"seq 0, ack = the {kind}'s sequence number + 1", witness.another)
    # The packet with that number may be the one that was lost.
    gap = evidence.omission(everywhere, kind) if wrong.tcp.seq == 0 else None
    if gap:
        return Finding("could-not-measure", expected, gap)
    return Finding("broken", expected, f"seq {wrong.tcp.seq}, ack {wrong.tcp.ack} at {described(wrong, evidence)}")
