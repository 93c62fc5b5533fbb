"""Does the capture show what a claim says? One function a field of `EvidenceClaim`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from whodunet.core.packets import CapturedPacket
from whodunet.core.scenario import AnswerTime, EvidenceClaim, PacketKind
from whodunet.core.topology import Topology
from whodunet.core.trails import Trail, sender_of

Outcome = Literal["held", "broken", "could-not-measure"]
SEQUENCE_SPACE = 2**32  # Source: RFC 9293, section 3.4


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

    def of(self, kind: PacketKind, sender: str | None = None) -> tuple[Trail, ...]:
        """The trails of one kind of packet, of one sender where one is named."""
        return tuple(
            trail
            for trail in self.trails
            if kind in trail.kinds and sender in (None, sender_of(trail.first, self.topology))
        )

    def blind_spot(self, points: tuple[str, ...]) -> str | None:
        """Why these capture points together cannot prove that a packet was absent; None when they can.

        A recorder that lost packets may have lost the very one. A point that saw nothing at all in the whole run, not
        even the baseline's packets or ARP, may not have been recording: without one packet it is no witness.
        """
        lost = [f"{point} lost {self.dropped[point]} packets" for point in points if self.dropped.get(point)]
        if lost:
            return "the recorder at " + ", ".join(lost)
        if points and all(point in self.silent for point in points):
            return f"{', '.join(points)} recorded no packet in the whole run, so its silence proves nothing"
        return None

    def described(self, packet: CapturedPacket) -> str:
        """Where a packet was seen, with its TTL, and the time since its conversation began."""
        facts = [] if packet.ip is None else [f"ttl {packet.ip.ttl}"]
        flow = packet.flow or (packet.icmp and packet.icmp.quoted)
        first = next((trail for trail in self.trails if flow and trail.first.flow == flow), None)
        if first is not None and packet not in first.sightings:
            opening = "SYN" if "SYN" in first.kinds else "first packet"
            facts.append(f"{(packet.time_ns - first.first.time_ns) / 1e6:.1f} ms after the {opening}")
        return f"{packet.point} ({', '.join(facts)})" if facts else packet.point


def findings(claim: EvidenceClaim, scene: Scene) -> list[Finding]:
    """What came of each thing that the claim says, in the order of its fields."""
    trails = scene.of(claim.packet, claim.sender)
    found = [_seen_at(point, trails, scene) for point in claim.seen_at]
    found += [_not_seen_at(point, trails, scene) for point in claim.not_seen_at]
    if claim.first_seen_at is not None:
        found.append(_first_seen_at(claim.first_seen_at, trails, scene))
    if claim.last_seen_at is not None:
        found.append(_last_seen_at(claim.last_seen_at, trails, scene))
    found += [_ttl(point, ttl, trails, scene) for point, ttl in claim.ttl.items()]
    found += [_at_least(point, times, trails, scene) for point, times in claim.at_least.items()]
    if claim.after is not None:
        found.append(_after(claim.after, trails, scene))
    if claim.acknowledges is not None:
        found.append(_acknowledges(claim.acknowledges, trails, scene))
    return found


def _missing(expected: str, points: tuple[str, ...], seen: str, scene: Scene) -> Finding:
    """Something was not seen: broken, unless the recorder lost packets where it should have been."""
    lost = [point for point in points if scene.dropped.get(point)]
    why = scene.blind_spot(tuple(lost)) if lost else None
    return Finding("could-not-measure", expected, why) if why else Finding("broken", expected, seen)


def _seen_at(point: str, trails: tuple[Trail, ...], scene: Scene) -> Finding:
    expected = f"seen at {point}"
    sighting = next((packet for trail in trails if (packet := trail.at(point))), None)
    if sighting is not None:
        return Finding("held", expected, f"seen at {scene.described(sighting)}")
    return _missing(expected, (point,), _elsewhere(trails, scene), scene)


def _elsewhere(trails: tuple[Trail, ...], scene: Scene) -> str:
    if not trails:
        return "seen nowhere"
    return f"last seen at {scene.described(trails[0].last)}"


def _not_seen_at(point: str, trails: tuple[Trail, ...], scene: Scene) -> Finding:
    expected = f"not seen at {point}"
    sighting = next((packet for trail in trails if (packet := trail.at(point))), None)
    if sighting is not None:
        return Finding("broken", expected, f"seen at {scene.described(sighting)}")
    blind = scene.blind_spot((point,))
    return Finding("could-not-measure", expected, blind) if blind else Finding("held", expected, "not seen there")


def _first_seen_at(point: str, trails: tuple[Trail, ...], scene: Scene) -> Finding:
    """Every packet of the kind has to begin there: one that came from elsewhere is another's."""
    expected = f"first seen at {point}"
    if not trails:
        return _missing(expected, (point,), "seen nowhere", scene)
    other = next((trail.first for trail in trails if trail.first.point != point), None)
    if other is not None:
        return _missing(expected, (point,), f"first seen at {scene.described(other)}", scene)
    blind = scene.blind_spot(_beside(trails[0].first, "in", scene.topology))
    if blind:
        return Finding("could-not-measure", expected, blind)
    return Finding("held", expected, f"first seen at {scene.described(trails[0].first)}")


def _last_seen_at(point: str, trails: tuple[Trail, ...], scene: Scene) -> Finding:
    """No packet of the kind may get farther, and none may end before: a retransmission shares the first one's fate."""
    expected = f"last seen at {point}"
    if not trails:
        return _missing(expected, (point,), "seen nowhere", scene)
    other = next((trail.last for trail in trails if trail.last.point != point), None)
    if other is not None:
        return _missing(expected, (point,), f"last seen at {scene.described(other)}", scene)
    blind = scene.blind_spot(_beside(trails[0].last, "out", scene.topology))
    if blind:
        return Finding("could-not-measure", expected, blind)
    return Finding("held", expected, f"last seen at {scene.described(trails[0].last)}")


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


def _ttl(point: str, ttl: int, trails: tuple[Trail, ...], scene: Scene) -> Finding:
    expected = f"TTL {ttl} at {point}"
    there = [packet for trail in trails if (packet := trail.at(point)) and packet.ip]
    if not there:
        return _missing(expected, (point,), _elsewhere(trails, scene), scene)
    seen = sorted({packet.ip.ttl for packet in there if packet.ip})
    return Finding("held" if seen == [ttl] else "broken", expected, f"TTL {' and '.join(map(str, seen))} at {point}")


def _at_least(point: str, times: int, trails: tuple[Trail, ...], scene: Scene) -> Finding:
    expected = f"seen at least {times} times at {point}"
    count = sum(trail.at(point) is not None for trail in trails)
    seen = f"seen {count} times at {point}"
    return Finding("held", expected, seen) if count >= times else _missing(expected, (point,), seen, scene)


def _after(wanted: AnswerTime, trails: tuple[Trail, ...], scene: Scene) -> Finding:
    """The soonest of the probe's such packets: a busy machine can delay an answer, but never hasten it.

    Each is counted from the last other packet before it in the same conversation.
    """
    expected = answer_time_words(wanted)
    rtt = scene.baseline_rtt_ms
    if not rtt:
        return Finding("could-not-measure", expected, "the baseline round trip was not measured in this phase")
    gap = min(_gaps_ms(wanted, trails, scene), default=None)
    if gap is None:
        return _missing(expected, (wanted.at,), f"no {wanted.packet} before it at {wanted.at}", scene)
    share = gap / rtt
    held = (wanted.below_rtt is None or share < wanted.below_rtt) and (
        wanted.above_rtt is None or share > wanted.above_rtt
    )
    seen = (
        f"{gap:.1f} ms after the {wanted.packet} at {wanted.at}: {share:.2f} of the baseline round trip of {rtt:.1f} ms"
    )
    return Finding("held" if held else "broken", expected, seen)


def answer_time_words(wanted: AnswerTime) -> str:
    """An answer time as a phrase: "less than 0.1 round trips after the SYN at client-eth0"."""
    bounds = [f"less than {wanted.below_rtt:g}"] if wanted.below_rtt is not None else []
    bounds += [f"more than {wanted.above_rtt:g}"] if wanted.above_rtt is not None else []
    return f"{' and '.join(bounds) or 'some'} round trips after the {wanted.packet} at {wanted.at}"


def _gaps_ms(wanted: AnswerTime, trails: tuple[Trail, ...], scene: Scene) -> Iterator[float]:
    others = [packet for trail in scene.of(wanted.packet) if (packet := trail.at(wanted.at))]
    for trail in trails:
        packet = trail.at(wanted.at)
        before = [o.time_ns for o in others if packet and o.time_ns < packet.time_ns and _same_talk(o, packet)]
        if packet and before:
            yield (packet.time_ns - max(before)) / 1e6


def _same_talk(one: CapturedPacket, other: CapturedPacket) -> bool:
    """True for packets of one flow, an ICMP error counting to the flow that it quotes."""
    flows = [packet.flow or (packet.icmp and packet.icmp.quoted) for packet in (one, other)]
    return flows[0] == flows[1]


def _acknowledges(kind: PacketKind, trails: tuple[Trail, ...], scene: Scene) -> Finding:
    expected = f"seq 0 and the acknowledgement number of the {kind} plus one"
    answers = [trail.first for trail in trails if trail.first.tcp is not None]
    if not answers:
        return Finding("broken", expected, "seen nowhere")
    asked = [trail.first for trail in scene.of(kind)]
    wrong = next((packet for packet in answers if not any(_answers(packet, other) for other in asked)), None)
    if wrong is None or wrong.tcp is None:
        return Finding("held", expected, f"seq 0, ack = the {kind}'s sequence number + 1")
    return Finding("broken", expected, f"seq {wrong.tcp.seq}, ack {wrong.tcp.ack} at {scene.described(wrong)}")


def _answers(packet: CapturedPacket, asked: CapturedPacket) -> bool:
    """Source: RFC 9293, section 3.10.7.1: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>; a SYN counts as one."""
    if packet.tcp is None or asked.tcp is None or packet.flow != asked.flow:
        return False
    return packet.tcp.seq == 0 and packet.tcp.ack == (asked.tcp.seq + 1) % SEQUENCE_SPACE
