"""What the packets of a probe say, in sentences: the answer at the client, and the evidence for the verdict."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from whodunet.cases.findings import answer_gaps
from whodunet.cases.scenario import AnswerTime, EvidenceClaim
from whodunet.evidence.explanation import Explanation
from whodunet.evidence.facts import AnswerGap, distance, spoofed_sender
from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.probe_evidence import ProbeEvidence
from whodunet.evidence.topology import Topology
from whodunet.evidence.trails import Trail
from whodunet.view.wording import Isns, label


def reasons(exchange: Explanation, evidence: ProbeEvidence, isns: Isns) -> Iterator[str]:
    """What an answer's time and TTL tell of its sender, a sentence each."""
    asked, answer = label(exchange.asked, isns), exchange.answer
    if answer is None:
        yield from _silence(exchange, isns)
        return
    name, gap = label(answer, isns), evidence.gap(exchange.asked, answer)
    yield f"{name} came {gap.took_ms:.1f} ms after the {asked}{_against_baseline(gap)}."
    if exchange.closer is not None:
        yield f"The first FIN of the connection was sent by {exchange.closer}: that side closed it."
    if answer.ip is not None:
        yield _ttl_reason(answer.ip.ttl)
        yield from _against_handshake(answer.ip.ttl, exchange.handshake)


def _silence(exchange: Explanation, isns: Isns) -> Iterator[str]:
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


def _against_baseline(gap: AnswerGap) -> str:
    if gap.share is None:
        return "; the baseline round trip was not measured"
    verdict = "too soon for the whole path" if gap.is_too_soon else "as long as the whole path takes"
    if gap.is_too_late:
        verdict = "longer than the path takes"
    return f"; the baseline round trip is {gap.baseline_rtt_ms:.1f} ms: {verdict}"


def _ttl_reason(ttl: int) -> str:
    far = distance(ttl)
    hops = "one hop" if far.hops == 1 else f"{far.hops} hops"
    passing = f"if it was sent with {far.initial_ttl}, it passed {_routers(far.routers)}"
    return f"Its TTL is {ttl}: {passing}, and its sender is {hops} away."


def _routers(count: int) -> str:
    return "no router" if count == 0 else "one router" if count == 1 else f"{count} routers"


def in_brief(evidence: ProbeEvidence) -> str:
    """A probe's packets in a phrase: "RST after 3.7 ms, TTL 64", or how far its first packet came."""
    explained = evidence.explanation
    if explained is None:
        return _names_in_brief(evidence.observation.host, evidence.trails)
    if explained.answer is None:
        missing = explained.missing
        if missing is None:
            return f"nothing came after its {_bare_label(explained.asked)}"
        whose = "its" if missing.first is explained.asked else "the"
        return f"{whose} {_bare_label(missing.first)} was last seen at {missing.last.point}"
    ttl = f", TTL {explained.answer.ip.ttl}" if explained.answer.ip else ""
    took_ms = evidence.gap(explained.asked, explained.answer).took_ms
    return f"{_bare_label(explained.answer)} after {took_ms:.1f} ms{ttl}"


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


def have_same_packets(one: ProbeEvidence, other: ProbeEvidence) -> bool:
    """True when two probes sent the same kinds of packets, which were lost or delivered at the same places."""
    return _fates(one.trails) == _fates(other.trails)


def _fates(trails: Iterable[Trail]) -> set[tuple[object, ...]]:
    every = (trail for trail in trails if trail.first.arp is None)
    return {(trail.kinds, trail.points, trail.last.ip and trail.last.ip.ttl) for trail in every}


def evidence_sentence(claim: EvidenceClaim, evidence: ProbeEvidence) -> str:
    """What a claim that held says, with the values that were measured."""
    own = evidence.of(claim.packet, claim.sender)
    if not own:
        return f"No {claim.packet} of {claim.probe} was seen at {_listed(claim.not_seen_at, 'or')}."
    where = " and ".join(_whereabouts(claim, own[0], evidence.topology))
    parts = [where] if where else []
    if claim.after is not None:
        gaps = sorted(answer_gaps(claim.after, own, evidence), key=lambda gap: gap.took_ms)
        parts += _timing(claim.after, gaps, "it came" if where else "came")
    if claim.not_seen_at:
        unseen = f"was not seen at {_listed(claim.not_seen_at, 'or')}"
        parts.append(f"{_listed(claim.not_seen_at)} saw nothing of it" if parts else unseen)
    for point in claim.at_least:
        times = _times(sum(trail.at(point) is not None for trail in own))
        parts.append(f"{point} saw it {times}" if parts else f"was seen {times} at {point}")
    for point, ttl in claim.ttl.items():
        passed = f"{_routers(distance(ttl).routers)} passed it on"
        parts.append(f"its TTL at {point} was {ttl}: {passed}" if parts else f"had TTL {ttl} at {point}: {passed}")
    return f"The {claim.packet} of {claim.probe} {'; '.join(parts) or 'was seen'}."


def _whereabouts(claim: EvidenceClaim, trail: Trail, topology: Topology) -> Iterator[str]:
    if claim.first_seen_at:
        forged = spoofed_sender(trail, topology)
        yield f"was first seen at {claim.first_seen_at}" + (f", in the name of {forged}" if forged else "")
    if claim.seen_at:
        yield f"was seen at {_listed(claim.seen_at)}"
    if claim.last_seen_at:
        yield f"got as far as {claim.last_seen_at} and no further"


def _timing(wanted: AnswerTime, gaps: Sequence[AnswerGap], came: str) -> Iterator[str]:
    if gaps and gaps[0].baseline_rtt_ms:
        soonest = f", the soonest of {len(gaps)}" if len(gaps) > 1 else ""
        baseline = f"against a baseline round trip of {gaps[0].baseline_rtt_ms:.1f} ms"
        yield f"{came} {gaps[0].took_ms:.1f} ms after the {wanted.packet}{soonest}, {baseline}"


def _listed(names: Sequence[str], last: str = "and") -> str:
    """Names as in a sentence: "a, b and c"."""
    return f" {last} ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else "any capture point"
