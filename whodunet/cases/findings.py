"""Does the capture show what a claim says? One function a field of `EvidenceClaim`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from whodunet.cases.scenario import AnswerTime, EvidenceClaim
from whodunet.evidence.answers import acknowledges, answered
from whodunet.evidence.packets import CapturedPacket, PacketKind, may_be
from whodunet.evidence.topology import Topology
from whodunet.evidence.trails import Trail, is_unsettled, node_with, sender_of

Outcome = Literal["held", "broken", "could-not-measure"]


@dataclass(frozen=True)
class Finding:
    """What came of one field of a claim."""

    outcome: Outcome
    expected: str
    seen: str


@dataclass(frozen=True)
class Scene:
    """All that one probe left in the capture, and how far the capture can be trusted."""

    trails: tuple[Trail, ...]
    topology: Topology
    baseline_rtt_ms: float | None
    dropped: Mapping[str, int]  # capture point: packets that the recorder lost there
    silent: frozenset[str]  # capture points without one packet in the whole run
    unread: tuple[CapturedPacket, ...] = ()  # the probe's, or perhaps the probe's, and not understood
    unsettled_since_ns: int | None = None  # a packet seen later may have been on its way when recording ended
    not_run: str | None = None  # why the probe's program did not run: what it would have sent, nobody knows

    def of(self, kind: PacketKind, sender: str | None = None) -> tuple[Trail, ...]:
        """The trails of one kind of packet, of one sender where one is named."""
        return tuple(
            trail
            for trail in self.trails
            if kind in trail.kinds and sender in (None, sender_of(trail.first, self.topology))
        )

    def blind_spot(self, points: Iterable[str], kind: PacketKind) -> str | None:
        """Why these capture points together cannot prove that no packet of a kind was there; None when they can.

        A recorder that lost packets may have lost the very one, and a packet that was not understood may be it. A point
        that saw nothing at all in the whole run, not even the baseline's packets or ARP, may not have been recording:
        without one packet it is not a witness.
        """
        points = tuple(points)
        partly = self.gap(points, kind)
        if partly is None and points and all(point in self.silent for point in points):
            return f"{', '.join(points)} recorded no packet in the whole run, so its silence proves nothing"
        return partly

    def gap(self, points: Iterable[str], kind: PacketKind) -> str | None:
        """Why one of these capture points may have missed a packet of a kind among others; None when none did."""
        if self.not_run is not None:
            return self.not_run
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
        unsettled = next((t for t in trails if is_unsettled(t, self.unsettled_since_ns, self.topology)), None)
        if unsettled is None:
            return None
        return f"it was still on its way at {unsettled.last.point} when recording ended"

    def described(self, packet: CapturedPacket) -> str:
        """Where a packet was seen, with its TTL, and the time since its conversation began."""
        facts = [] if packet.ip is None else [f"ttl {packet.ip.ttl}"]
        flow = packet.flow or (packet.icmp and packet.icmp.quoted)
        first = next((trail for trail in self.trails if flow and trail.first.flow == flow), None)
        if first is not None and packet not in first.sightings:
            opening = "SYN" if "SYN" in first.kinds else "first packet"
            facts.append(f"{(packet.time_ns - first.first.time_ns) / 1e6:.1f} ms after the {opening}")
        return f"{packet.point} ({', '.join(facts)})" if facts else packet.point


@dataclass(frozen=True)
class _Witness:
    """The packets that a claim is about, before the scene that they are part of."""

    kind: PacketKind
    trails: tuple[Trail, ...]
    scene: Scene

    def sighting_at(self, point: str) -> CapturedPacket | None:
        """The first of the packets at a capture point."""
        return next((packet for trail in self.trails if (packet := trail.at(point))), None)

    def missing(self, expected: str, point: str, seen: str, *, may_come: bool = True) -> Finding:
        """Something is not seen at a point: broken, unless it may have been there, or may have come there later."""
        later = self.scene.on_its_way(self.trails) if may_come else None
        why = self.scene.blind_spot((point,), self.kind) or later
        return Finding("could-not-measure", expected, why) if why else Finding("broken", expected, seen)

    def absent(self, expected: str, points: Iterable[str], seen: str, *doubts: str | None) -> Finding:
        """Nothing is seen at some points: held, unless it may have been there, or for another doubt."""
        why = next(filter(None, (self.scene.blind_spot(points, self.kind), *doubts)), None)
        return Finding("could-not-measure", expected, why) if why else Finding("held", expected, seen)

    @property
    def another(self) -> str | None:
        """Why there may be more such packets, about which a claim about every one of them is as well; None when not."""
        return self.scene.not_understood(self.kind)


def findings(claim: EvidenceClaim, scene: Scene) -> list[Finding]:
    """What came of each thing that the claim says, in the order of its fields."""
    witness = _Witness(claim.packet, scene.of(claim.packet, claim.sender), scene)
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
        return Finding("held", expected, f"seen at {witness.scene.described(sighting)}")
    return witness.missing(expected, point, _elsewhere(witness))


def _elsewhere(witness: _Witness) -> str:
    if not witness.trails:
        return "seen nowhere"
    return f"last seen at {witness.scene.described(witness.trails[0].last)}"


def _not_seen_at(point: str, witness: _Witness) -> Finding:
    expected = f"not seen at {point}"
    sighting = witness.sighting_at(point)
    if sighting is not None:
        return Finding("broken", expected, f"seen at {witness.scene.described(sighting)}")
    return witness.absent(expected, (point,), "not seen there", witness.scene.on_its_way(witness.trails))


def _first_seen_at(point: str, witness: _Witness) -> Finding:
    """Every packet of the kind has to begin there: one that came from elsewhere is another's."""
    expected, trails, scene = f"first seen at {point}", witness.trails, witness.scene
    if not trails:
        return witness.missing(expected, point, "seen nowhere")
    other = next((trail for trail in trails if trail.first.point != point), None)
    if other is not None:
        seen = f"first seen at {scene.described(other.first)}"
        if other.at(point):  # recorded there later than elsewhere, it did not begin there, whatever else was lost
            return Finding("broken", expected, seen)
        return witness.missing(expected, point, seen, may_come=False)
    before = () if _begins_there(trails[0].first, scene.topology) else _beside(trails[0].first, "in", scene.topology)
    return witness.absent(expected, before, f"first seen at {scene.described(trails[0].first)}", witness.another)


def _last_seen_at(point: str, witness: _Witness) -> Finding:
    """No packet of the kind may get farther, and none may end before: a retransmission counts with the first one."""
    expected, trails, scene = f"last seen at {point}", witness.trails, witness.scene
    if not trails:
        return witness.missing(expected, point, "seen nowhere")
    other = next((trail for trail in trails if trail.last.point != point), None)
    if other is not None:
        seen = f"last seen at {scene.described(other.last)}"
        return Finding("broken", expected, seen) if other.at(point) else witness.missing(expected, point, seen)
    after = () if _ends_there(trails[0].last, scene.topology) else _beside(trails[0].last, "out", scene.topology)
    seen = f"last seen at {scene.described(trails[0].last)}"
    return witness.absent(expected, after, seen, scene.on_its_way(trails), witness.another)


def _begins_there(packet: CapturedPacket, topology: Topology) -> bool:
    """True for what goes out at the node whose address it bears as its source: it came from nowhere else."""
    known = topology.interfaces
    return (
        packet.direction == "out" and packet.point in known and sender_of(packet, topology) == known[packet.point].node
    )


def _ends_there(packet: CapturedPacket, topology: Topology) -> bool:
    """True for what has come in at the node that it is for: it goes on nowhere."""
    known, goal = topology.interfaces, packet.ip.destination if packet.ip is not None else None
    return packet.direction == "in" and packet.point in known and node_with(goal, topology) == known[packet.point].node


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
    gap = witness.scene.gap((point,), witness.kind)
    return Finding("could-not-measure", expected, gap) if gap else Finding("held", expected, said)


def _at_least(point: str, times: int, witness: _Witness) -> Finding:
    expected = f"seen at least {times} times at {point}"
    count = sum(trail.at(point) is not None for trail in witness.trails)
    seen = f"seen {count} times at {point}"
    return Finding("held", expected, seen) if count >= times else witness.missing(expected, point, seen)


def _after(wanted: AnswerTime, witness: _Witness) -> Finding:
    """The soonest of the probe's such packets: a busy machine can delay an answer, but never hasten it."""
    expected, scene = answer_time_words(wanted), witness.scene
    rtt = scene.baseline_rtt_ms
    if not rtt:
        return Finding("could-not-measure", expected, "the baseline round trip was not measured in this phase")
    # The one that was answered may be lost, here or where the answer was made; and a sooner answer may be.
    gap = scene.gap((wanted.at, *_points_of_senders(witness)), wanted.packet) or scene.gap((wanted.at,), witness.kind)
    soonest = min(gaps_ms(wanted, witness.trails, scene.trails, scene.topology), default=None)
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
    return Finding("held" if held else "broken", expected, seen)


def answer_time_words(wanted: AnswerTime) -> str:
    """An answer time as a phrase: "less than 0.1 round trips after the SYN at client-eth0"."""
    bounds = [f"less than {wanted.below_rtt:g}"] if wanted.below_rtt is not None else []
    bounds += [f"more than {wanted.above_rtt:g}"] if wanted.above_rtt is not None else []
    return f"{' and '.join(bounds) or 'some'} round trips after the {wanted.packet} at {wanted.at}"


def gaps_ms(
    wanted: AnswerTime, answers: Iterable[Trail], trails: Iterable[Trail], topology: Topology
) -> tuple[float, ...]:
    """The time from the packet that each answer answers to the answer, at one capture point; none where neither passed.

    Args:
        answers: the packets that are timed.
        trails: all of the probe's.
    """
    asked = [trail for trail in trails if _is_asked(wanted, trail, topology)]
    pairs = ((answer, answered(answer, asked, topology)) for answer in answers)
    seen = ((question.at(wanted.at), answer.at(wanted.at)) for answer, question in pairs if question is not None)
    return tuple((after.time_ns - before.time_ns) / 1e6 for before, after in seen if before and after)


def _points_of_senders(witness: _Witness) -> tuple[str, ...]:
    """The capture points of the nodes that the packets come from, and those that they passed just before, if any."""
    topology = witness.scene.topology
    known, firsts = topology.interfaces, [trail.first for trail in witness.trails]
    senders = {known[first.point].node for first in firsts if first.point in known}
    before = {point for first in firsts for point in _beside(first, "in", topology)}
    return tuple(name for name, interface in known.items() if interface.node in senders or name in before)


def _is_asked(wanted: AnswerTime, trail: Trail, topology: Topology) -> bool:
    return wanted.packet in trail.kinds and wanted.sender in (None, sender_of(trail.first, topology))


def _acknowledges(kind: PacketKind, witness: _Witness) -> Finding:
    expected, scene = f"seq 0 and the acknowledgement number of the {kind} plus one", witness.scene
    everywhere = scene.topology.interfaces
    answers = [trail.first for trail in witness.trails if trail.first.tcp is not None]
    if not answers:
        gap = scene.gap(everywhere, witness.kind)
        return Finding("could-not-measure", expected, gap) if gap else Finding("broken", expected, "seen nowhere")
    asked = [trail.first for trail in scene.of(kind)]
    wrong = next((packet for packet in answers if not any(acknowledges(packet, other) for other in asked)), None)
    if wrong is None or wrong.tcp is None:
        return witness.absent(expected, (), f"seq 0, ack = the {kind}'s sequence number + 1", witness.another)
    gap = scene.gap(everywhere, kind) if wrong.tcp.seq == 0 else None  # the packet with that number may be the lost one
    if gap:
        return Finding("could-not-measure", expected, gap)
    return Finding("broken", expected, f"seq {wrong.tcp.seq}, ack {wrong.tcp.ack} at {scene.described(wrong)}")
