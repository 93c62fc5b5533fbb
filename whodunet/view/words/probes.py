"""Probes in words: what came of one, in a phrase, and what its packets say, in sentences."""

from __future__ import annotations

from typing import Final

from whodunet.evidence.facts import AnswerGap, Distance
from whodunet.evidence.symptoms import Symptom
from whodunet.phrases import routers, times
from whodunet.view.models.brief import (
    Answered,
    Brief,
    Lost,
    NamesAlone,
    NoPackets,
    NothingMore,
    ProbeOutcome,
    SamePackets,
)
from whodunet.view.models.reasons import AnotherSender, AnswerCame, ClosedBy, FromAfar, LastSeen, NothingCame, Reason
from whodunet.view.words.packets import label, name

_RESOLUTION: Final = {"ipv4": "ARP", "ipv6": "NDP"}


def outcome(seen: ProbeOutcome) -> str:
    """The symptom and how long it took: "refused after 15 ms"; with the line that no rule knows where it is unknown."""
    reading = seen.reading
    if reading.symptom is Symptom.COULD_NOT_MEASURE:
        return f"{reading.symptom} ({reading.reason})"
    ending = ", killed at its deadline" if seen.is_killed else ""
    unknown = f", no rule knows {reading.quote}" if reading.symptom is Symptom.UNKNOWN and reading.line else ""
    return f"{reading.symptom} after {duration(seen.duration_ms)}{ending}{unknown}"


def duration(time_ms: float) -> str:
    """A time as people say it: "15 ms", "4.0 s"."""
    return f"{time_ms:.0f} ms" if time_ms < 1000 else f"{time_ms / 1000:.1f} s"


def in_brief(brief: Brief) -> str:
    """A probe in a phrase: "refused after 16 ms; RST after 3.7 ms, TTL 64", or how far its first packet came."""
    return f"{outcome(brief.outcome)}; {_packets(brief)}"


def _packets(brief: Brief) -> str:
    match brief.packets:
        case NoPackets():
            return "no packet of its own was seen"
        case SamePackets():
            return "the same packets"
        case NamesAlone() as names:
            return _names(names)
        case Answered(gap):
            ttl = f", {gap.answer.ip.ttl_name} {gap.answer.ip.ttl}" if gap.answer.ip is not None else ""
            return f"{name(gap.answer)} after {gap.took_ms:.1f} ms{ttl}"
        case NothingMore(asked):
            return f"nothing came after its {name(asked)}"
        case Lost(packet, is_asked):
            return f"{'its' if is_asked else 'the'} {name(packet)} was last seen at {packet.point}"


def _names(names: NamesAlone) -> str:
    """How often the questions about names were answered."""
    if not names.questions and not names.answers:
        return f"nothing but {_RESOLUTION[names.family]} left {names.host}"
    return f"DNS answered {times(names.answers)}"


def sentence(reason: Reason) -> str:
    """What an answer's time and TTL tell of its sender, or how far an unanswered packet came."""
    match reason:
        case AnswerCame(answer, asked, gap):
            return f"{label(answer)} came {gap.took_ms:.1f} ms after the {label(asked)}{_against_baseline(gap)}."
        case ClosedBy(closer):
            return f"The first FIN of the connection was sent by {closer}: that side closed it."
        case FromAfar(ip, far):
            return f"Its {ip.ttl_name} is {far.ttl}: {_far(far)}"
        case AnotherSender(ip):
            came = f"came with {ip.ttl_name} {ip.ttl}"
            return f"The SYN-ACK of the same connection {came}: not from the same sender."
        case NothingCame():
            return _silence(reason)
        case LastSeen(missing, point, is_asked, carried_to):
            which = "It" if is_asked else f"The {label(missing)} that was sent there"
            carried = f", and the tunnel's datagram that carried it at {carried_to}" if carried_to else ""
            return f"{which} was last seen at {point}{carried}."


def _against_baseline(gap: AnswerGap) -> str:
    if gap.share is None:
        return "; the baseline round trip was not measured"
    verdict = "too soon for the whole path" if gap.is_too_soon else "as long as the whole path takes"
    if gap.is_too_late:
        verdict = "longer than the path takes"
    return f"; the baseline round trip is {gap.baseline_rtt_ms:.1f} ms: {verdict}"


def _far(far: Distance) -> str:
    hops = "one hop" if far.hops == 1 else f"{far.hops} hops"
    return f"if it was sent with {far.initial_ttl}, it passed {routers(far.routers)}, and its sender is {hops} away."


def _silence(reason: NothingCame) -> str:
    asked, point = label(reason.asked), reason.asked.captured.point
    until = ", until the connection was ended from there" if reason.is_ended_here else ""
    match reason.silence:
        case "nothing due":
            return f"Nothing came after the {asked} at {point}{until}."
        case "acknowledged":
            return f"The {asked} was acknowledged, and nothing more came to {point}{until}."
        case "unanswered":
            return f"No answer to the {asked} came back at {point}."
