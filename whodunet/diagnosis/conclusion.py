"""What the rules come to: suspects, where, and by which facts; and how sure one may be of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from whodunet.diagnosis.seen import Seen
from whodunet.diagnosis.signals import (
    ACKNOWLEDGEMENT,
    AUTHENTICATED,
    CLOSED_WINDOW,
    IP_ID,
    LOWEST_TTL,
    OFFENDER,
    RETURN_TTL,
    ROUND_TRIP,
    SEQUENCE_GAP,
    SEVERAL_ANSWERS,
    SPOKEN,
    TIME_EXCEEDED,
)
from whodunet.diagnosis.suspects import Suspects
from whodunet.diagnosis.verdict import Citation, Confidence, HopInterval, Verdict
from whodunet.evidence.symptom import Symptom

# Signals about who it was, none of which follows from another. A control, a repetition or a claim is none of them.
INDEPENDENT: Final = frozenset(
    signal.name
    for signal in (
        ACKNOWLEDGEMENT,
        CLOSED_WINDOW,
        IP_ID,
        LOWEST_TTL,
        OFFENDER,
        RETURN_TTL,
        ROUND_TRIP,
        SEQUENCE_GAP,
        SEVERAL_ANSWERS,
        SPOKEN,
        TIME_EXCEEDED,
    )
)
_ORDER: Final[tuple[Confidence, ...]] = ("low", "medium", "high")


@dataclass(frozen=True)
class Conclusion:
    """What follows from what was seen."""

    symptom: Symptom
    suspects: Suspects
    summary: str
    evidence: tuple[Citation, ...] = ()
    hops: HopInterval | None = None
    box: str | None = None
    at_most: Confidence = "high"
    is_local: bool = False  # this machine itself said so: no answer of the destination is needed to believe it


def confidence(conclusion: Conclusion, seen: Seen) -> Confidence:
    """How sure a conclusion is.

    High takes two independent signals and an answer that only the destination can have given; without that, and
    without a router's word that a TTL ended there, it is low. Of what this machine says about itself it is the
    conclusion's own.
    """
    if conclusion.is_local:
        return conclusion.at_most
    cited = {citation.signal for citation in conclusion.evidence}
    independent = len(cited & INDEPENDENT)
    is_authenticated = AUTHENTICATED.name in cited or seen.baseline is not None
    if is_authenticated and independent >= 2:
        reached: Confidence = "high"
    elif independent and (is_authenticated or seen.routers_seen):
        reached = "medium"
    else:
        reached = "low"
    return min(reached, conclusion.at_most, key=_ORDER.index)


def verdict_of(conclusion: Conclusion, seen: Seen, next_steps: tuple[str, ...]) -> Verdict:
    """The conclusion as a verdict, with all that led to it."""
    reached = confidence(conclusion, seen)
    words = {
        "host": seen.question.host,
        "port": seen.port,
        "source": (seen.way_out and seen.way_out.source) or "CLIENT",
    }
    return Verdict(
        host=seen.question.host,
        port=seen.question.port,
        family=seen.family,
        symptom=conclusion.symptom,
        parties=conclusion.suspects.parties,
        causes=conclusion.suspects.causes,
        cause_class=conclusion.suspects.cause_class,
        hops=conclusion.hops,
        box=conclusion.box,
        confidence=reached,
        summary=conclusion.summary,
        evidence=conclusion.evidence,
        settled_by=tuple(each.format(**words) for each in conclusion.suspects.settled_by),
        next_steps=next_steps,
        not_seen=tuple(seen.not_looked),
        steps=(*seen.steps, f"So: {conclusion.summary} Confidence: {reached}."),
    )
