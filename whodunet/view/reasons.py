"""What the packets of a probe say, in sentences: the answer at the client, and the evidence for the verdict."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from whodunet.cases.findings import gaps_ms
from whodunet.cases.scenario import AnswerTime, EvidenceClaim
from whodunet.evidence.answers import answered, unanswered
from whodunet.evidence.packets import CapturedPacket, Flow, PacketKind
from whodunet.evidence.symptoms import Symptom
from whodunet.evidence.topology import Topology
from whodunet.evidence.trails import Trail, arrived, node_with, sender_of, trails_of
from whodunet.view.ladder import forged_name
from whodunet.view.wording import Isns, label

# Which packet explains a symptom, the likeliest first; a RST where none is named. Where a program was served, the
# connection's end explains nothing.
SERVED = (Symptom.CONNECTED, Symptom.DENIED, Symptom.NOT_TRUSTED, Symptom.NOT_CONNECTED)
ENDINGS: Mapping[Symptom | None, tuple[PacketKind, ...]] = {
    **dict.fromkeys(SERVED, ()),
    Symptom.CLOSED: ("FIN", "RST"),
    Symptom.REFUSED: ("RST", "ICMP port unreachable"),
    Symptom.UNREACHABLE: ("ICMP unreachable", "ICMP time exceeded"),
}
INITIAL_TTLS = (64, 128, 255)  # Source: Linux and BSD 64, Windows 128, many routers 255


@dataclass(frozen=True)
class Exchange:
    """A packet of a connection, as the probe's own host sent it, and the packet that came back about it."""

    asked: CapturedPacket
    answer: CapturedPacket | None
    handshake: CapturedPacket | None = None  # the SYN-ACK, where another packet is the answer
    missing: Trail | None = None  # without an answer: the packet that did not arrive, or got none
    closer: str | None = None  # where the answer is a FIN: who sent the connection's first
    is_acknowledged: bool = False  # without an answer: TCP had it, and what was to come after that did not
    is_ended_here: bool = False  # without an answer: the host ended the connection, and that was answered

    @property
    def took_ms(self) -> float | None:
        """Time from the packet to its answer; None when none came."""
        return None if self.answer is None else (self.answer.time_ns - self.asked.time_ns) / 1e6


def exchange_at(
    host: str, packets: Sequence[CapturedPacket], topology: Topology, symptom: Symptom | None = None
) -> Exchange | None:
    """The packet of the host's last connection that explains a symptom, and what it answers.

    For closed the FIN, for reset and refused the RST, for stalled and timed out the last that got no answer, else the
    first that came back. None when nothing but ARP and DNS left the host. Connections before the last only prepared it,
    as those to single sign-on do. A host without one: its first packet.
    """
    trails = trails_of(packets, topology)
    sent = [trail for trail in trails if _is_sent(trail, host, topology)]
    flows = {trail.first.flow: trail for trail in reversed(sent) if trail.first.tcp is not None}  # its first packet
    opener = max(flows.values(), key=lambda trail: trail.first.time_ns, default=next(iter(sent), None))
    if opener is None or opener.first.flow is None:
        return None
    talk = _Talk.of(opener, [trail for trail in trails if _is_about(trail.first, opener.first.flow)], host, topology)
    return talk.explaining(symptom)


def _is_sent(trail: Trail, host: str, topology: Topology) -> bool:
    interface = topology.interfaces.get(trail.first.point)
    is_of_host = interface is not None and interface.node == host and trail.first.direction == "out"
    return is_of_host and trail.first.flow is not None and trail.first.dns is None


def _is_about(packet: CapturedPacket, flow: Flow) -> bool:
    return flow in (packet.flow, packet.icmp and packet.icmp.quoted)


@dataclass(frozen=True)
class _Talk:
    """One connection of a host, or its datagrams to one other."""

    opener: Trail
    sent: Sequence[Trail]
    came: Sequence[tuple[Trail, CapturedPacket]]  # each with its sighting at the host
    others: Sequence[Trail]  # what others sent, to the host or in its name, whether it came or not
    host: str
    topology: Topology

    @classmethod
    def of(cls, opener: Trail, trails: Sequence[Trail], host: str, topology: Topology) -> Self:
        """The connection that a packet opened."""
        sent = [trail for trail in trails if _is_sent(trail, host, topology)]
        others = [trail for trail in trails if trail not in sent]
        known = topology.interfaces
        came = [
            (trail, seen)
            for trail in others
            for seen in trail.sightings
            if seen.direction == "in" and seen.point in known and known[seen.point].node == host
        ]
        return cls(opener, sent, sorted(came, key=lambda pair: pair[1].time_ns), others, host, topology)

    def explaining(self, symptom: Symptom | None) -> Exchange:
        """The packets that explain a symptom."""
        silence = self._silence(symptom) if symptom in (Symptom.STALLED, Symptom.TIMED_OUT) else None
        if silence is not None:
            return silence
        ending = self._ending(symptom)
        if ending is None:
            return self._answered(self.came[0]) if self.came else self._unanswered(self.opener)
        return self._answered(ending)

    def _ending(self, symptom: Symptom | None) -> tuple[Trail, CapturedPacket] | None:
        """What ended the connection; nothing did where the program was content."""
        wanted = ENDINGS.get(symptom, ("RST",))
        return next((pair for kind in wanted for pair in self.came if kind in pair[0].kinds), None)

    def _answered(self, pair: tuple[Trail, CapturedPacket]) -> Exchange:
        trail, answer = pair
        asked = answered(trail, self.sent, self.topology) or self.opener
        handshake = next((seen for each, seen in self.came if "SYN-ACK" in each.kinds and each is not trail), None)
        fins = sorted((t for t in (*self.sent, *self.others) if "FIN" in t.kinds), key=lambda t: t.first.time_ns)
        closer = self._name(fins[0]) if "FIN" in trail.kinds else None
        return Exchange(asked.first, answer, handshake, closer=closer)

    def _unanswered(self, trail: Trail) -> Exchange:
        return Exchange(trail.first, None, missing=trail)

    def _silence(self, symptom: Symptom) -> Exchange | None:
        """The last packet that got no answer, or that was sent to the host and did not come; None when all went on.

        The program waited until the host ended the connection: what went on after that explains nothing.
        """
        ends_ns = (trail.first.time_ns for trail in self.sent if not {"FIN", "RST"}.isdisjoint(trail.kinds))
        end_ns = min(ends_ns, default=None)
        sent = [trail for trail in self.sent if end_ns is None or trail.first.time_ns < end_ns] or self.sent
        here = {id(trail) for trail, _ in self.came}
        lost = [
            trail
            for trail in self.others
            if self._is_meant(trail) and id(trail) not in here and (end_ns is None or trail.first.time_ns < end_ns)
        ]
        lacking = unanswered(sent, [seen for _, seen in self.came]) if self.came else self.opener
        if lacking is not None and not (lost and arrived(lacking, self.topology)):
            return self._unanswered(lacking)
        if lacking is None and not lost and (self.opener.first.tcp is None or symptom is Symptom.TIMED_OUT):
            return None  # its answer came, as far as this host's interface
        went_on = end_ns is not None and any(seen.time_ns > end_ns for _, seen in self.came)
        asked = (lacking or sent[-1]).first
        missing = lost[0] if lost else None
        return Exchange(asked, None, missing=missing, is_acknowledged=lacking is None, is_ended_here=went_on)

    def _is_meant(self, trail: Trail) -> bool:
        """True for what was sent to the host itself, and not in its name to the other end."""
        return trail.first.ip is not None and node_with(trail.first.ip.destination, self.topology) == self.host

    def _name(self, trail: Trail) -> str:
        source = trail.first.ip.source if trail.first.ip else "?"
        return sender_of(trail.first, self.topology) or source


def reasons(exchange: Exchange, baseline_rtt_ms: float | None, isns: Isns) -> Iterator[str]:
    """What an answer's time and TTL tell of its sender, a sentence each."""
    asked, answer, took_ms = label(exchange.asked, isns), exchange.answer, exchange.took_ms
    if answer is None or took_ms is None:
        yield from _silence(exchange, isns)
        return
    name = label(answer, isns)
    yield f"{name} came {took_ms:.1f} ms after the {asked}{_against_baseline(took_ms, baseline_rtt_ms)}."
    if exchange.closer is not None:
        yield f"The first FIN of the connection was sent by {exchange.closer}: that side closed it."
    if answer.ip is not None:
        yield _ttl_reason(answer.ip.ttl)
        yield from _against_handshake(answer.ip.ttl, exchange.handshake)


def _silence(exchange: Exchange, isns: Isns) -> Iterator[str]:
    asked, missing = exchange.asked, exchange.missing
    until = ", until the connection was ended from there" if exchange.is_ended_here else ""
    if asked.tcp is not None and asked.tcp.end == asked.tcp.seq:
        yield f"Nothing came after the {label(asked, isns)} at {asked.point}{until}."
    elif exchange.is_acknowledged:
        yield f"The {label(asked, isns)} was acknowledged, and nothing more came to {asked.point}{until}."
    else:
        yield f"No answer to the {label(asked, isns)} came back at {asked.point}."
    if missing is not None:
        name = "It" if missing.first is asked else f"The {label(missing.first, isns)} that was sent there"
        yield f"{name} was last seen at {missing.last.point}."


def _against_handshake(ttl: int, handshake: CapturedPacket | None) -> Iterator[str]:
    if handshake is not None and handshake.ip is not None and handshake.ip.ttl != ttl:
        yield f"The SYN-ACK of the same connection came with TTL {handshake.ip.ttl}: not from the same sender."


def _against_baseline(took_ms: float, baseline_ms: float | None) -> str:
    if not baseline_ms:
        return "; the baseline round trip was not measured"
    share = took_ms / baseline_ms
    verdict = "too soon for the whole path" if share < 0.5 else "as long as the whole path takes"  # half: one way
    if share > 2:
        verdict = "longer than the path takes"
    return f"; the baseline round trip is {baseline_ms:.1f} ms: {verdict}"


def _ttl_reason(ttl: int) -> str:
    initial, passed = _routers_passed(ttl)
    hops = "one hop" if passed == 0 else f"{passed + 1} hops"
    passing = f"if it was sent with {initial}, it passed {_routers(passed)}"
    return f"Its TTL is {ttl}: {passing}, and its sender is {hops} away."


def _routers_passed(ttl: int) -> tuple[int, int]:
    """The TTL that a packet was probably sent with, and the routers it then passed."""
    initial = next((initial for initial in INITIAL_TTLS if initial >= ttl), 255)
    return initial, initial - ttl


def _routers(count: int) -> str:
    return "no router" if count == 0 else "one router" if count == 1 else f"{count} routers"


def in_brief(host: str, packets: Sequence[CapturedPacket], topology: Topology, symptom: Symptom | None = None) -> str:
    """A probe's packets in a phrase: "RST after 3.7 ms, TTL 64", or how far its first packet came."""
    exchange = exchange_at(host, packets, topology, symptom)
    if exchange is None:
        return _names_in_brief(host, trails_of(packets, topology))
    if exchange.answer is None:
        missing = exchange.missing
        if missing is None:
            return f"nothing came after its {_bare_label(exchange.asked)}"
        whose = "its" if missing.first is exchange.asked else "the"
        return f"{whose} {_bare_label(missing.first)} was last seen at {missing.last.point}"
    ttl = f", TTL {exchange.answer.ip.ttl}" if exchange.answer.ip else ""
    return f"{_bare_label(exchange.answer)} after {exchange.took_ms:.1f} ms{ttl}"


def _names_in_brief(host: str, trails: Sequence[Trail]) -> str:
    """Of a probe that did nothing but look names up: how often it was answered."""
    messages = [trail.first.dns for trail in trails if trail.first.dns is not None]
    answers = sum(message.is_answer for message in messages)
    if not messages:
        return f"nothing but ARP left {host}"
    return f"DNS answered {_times(answers)}"


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _bare_label(packet: CapturedPacket) -> str:
    """What a packet is, without numbers."""
    return re.sub(r" seq \d+| ack \d+|(?<=^ACK) \d+", "", label(packet, Isns(())))


def have_same_packets(some: Sequence[CapturedPacket], others: Sequence[CapturedPacket], topology: Topology) -> bool:
    """True when two probes sent the same kinds of packets, which were lost or delivered at the same places."""
    return _outcomes(some, topology) == _outcomes(others, topology)


def _outcomes(packets: Sequence[CapturedPacket], topology: Topology) -> set[tuple[object, ...]]:
    trails = (trail for trail in trails_of(packets, topology) if trail.first.arp is None)
    return {(trail.kinds, trail.points, trail.last.ip and trail.last.ip.ttl) for trail in trails}


def evidence_sentence(
    claim: EvidenceClaim, trails: Sequence[Trail], topology: Topology, baseline_rtt_ms: float | None
) -> str:
    """What a claim that held says, with the values that were measured."""
    own = [trail for trail in trails if _is_meant(claim, trail, topology)]
    if not own:
        return f"No {claim.packet} of {claim.probe} was seen at {_listed(claim.not_seen_at, 'or')}."
    where = " and ".join(_whereabouts(claim, own[0], topology))
    parts = [where] if where else []
    if claim.after is not None:
        gaps = sorted(gaps_ms(claim.after, own, trails, topology))
        parts += _timing(claim.after, gaps, baseline_rtt_ms, "it came" if where else "came")
    if claim.not_seen_at:
        unseen = f"was not seen at {_listed(claim.not_seen_at, 'or')}"
        parts.append(f"{_listed(claim.not_seen_at)} saw nothing of it" if parts else unseen)
    for point in claim.at_least:
        times = _times(sum(trail.at(point) is not None for trail in own))
        parts.append(f"{point} saw it {times}" if parts else f"was seen {times} at {point}")
    for point, ttl in claim.ttl.items():
        passed = f"{_routers(_routers_passed(ttl)[1])} passed it on"
        parts.append(f"its TTL at {point} was {ttl}: {passed}" if parts else f"had TTL {ttl} at {point}: {passed}")
    return f"The {claim.packet} of {claim.probe} {'; '.join(parts) or 'was seen'}."


def _is_meant(claim: EvidenceClaim, trail: Trail, topology: Topology) -> bool:
    return claim.packet in trail.kinds and claim.sender in (None, sender_of(trail.first, topology))


def _whereabouts(claim: EvidenceClaim, trail: Trail, topology: Topology) -> Iterator[str]:
    if claim.first_seen_at:
        forged = forged_name(trail, topology)
        yield f"was first seen at {claim.first_seen_at}" + (f", in the name of {forged}" if forged else "")
    if claim.seen_at:
        yield f"was seen at {_listed(claim.seen_at)}"
    if claim.last_seen_at:
        yield f"got as far as {claim.last_seen_at} and no further"


def _timing(wanted: AnswerTime, gaps: Sequence[float], baseline_rtt_ms: float | None, came: str) -> Iterator[str]:
    if gaps and baseline_rtt_ms:
        soonest = f", the soonest of {len(gaps)}" if len(gaps) > 1 else ""
        baseline = f"against a baseline round trip of {baseline_rtt_ms:.1f} ms"
        yield f"{came} {gaps[0]:.1f} ms after the {wanted.packet}{soonest}, {baseline}"


def _listed(names: Sequence[str], last: str = "and") -> str:
    """Names as in a sentence: "a, b and c"."""
    return f" {last} ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else "any capture point"
