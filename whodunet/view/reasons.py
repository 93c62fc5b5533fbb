"""What the packets of a probe say, in sentences: the answer at the client, and the evidence for the verdict."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from whodunet.evidence.explanation import Explanation
from whodunet.evidence.facts import AnswerGap, distance
from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.probe_evidence import ProbeEvidence
from whodunet.evidence.trails import Trail
from whodunet.phrases import routers, times
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
    passing = f"if it was sent with {far.initial_ttl}, it passed {routers(far.routers)}"
    return f"Its TTL is {ttl}: {passing}, and its sender is {hops} away."


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
    return f"DNS answered {times(answers)}"


def _bare_label(packet: CapturedPacket) -> str:
    """What a packet is, without numbers."""
    return re.sub(r" seq \d+| ack \d+|(?<=^ACK) \d+", "", label(packet, Isns(())))


def have_same_packets(one: ProbeEvidence, other: ProbeEvidence) -> bool:
    """True when two probes sent the same kinds of packets, which were lost or delivered at the same places."""
    return _fates(one.trails) == _fates(other.trails)


def _fates(trails: Iterable[Trail]) -> set[tuple[object, ...]]:
    every = (trail for trail in trails if trail.first.arp is None)
    return {(trail.kinds, trail.points, trail.last.ip and trail.last.ip.ttl) for trail in every}
