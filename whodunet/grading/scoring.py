"""How good a verdict is: points by a proper rule, so that saying what one believes pays best.

Exact 1, a set of n that holds the truth 1/n, "cannot tell" 0.25, wrong -0.25, wrong with high confidence -1. Causes
that nobody can tell apart from the client count as one: whoever names their class has said all that can be said.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from whodunet.diagnosis.verdict import Confidence, HopInterval, Party
from whodunet.grading.submission import NoVerdict, Submission
from whodunet.grading.truth import CaseTruth


class Outcome(StrEnum):
    """What a verdict is worth, the best first."""

    EXACT = "exact"
    IN_SET = "in set"
    UNDETERMINED = "undetermined"
    NO_VERDICT = "no verdict"  # the tool was to print one and did not
    WRONG = "wrong"
    WRONG_WITH_CONFIDENCE = "wrong with confidence"


_POINTS: Final = {
    Outcome.EXACT: 1.0,
    Outcome.UNDETERMINED: 0.25,
    Outcome.NO_VERDICT: 0.0,
    Outcome.WRONG: -0.25,
    Outcome.WRONG_WITH_CONFIDENCE: -1.0,
}


@dataclass(frozen=True)
class Mark:
    """What one part of a verdict is worth."""

    outcome: Outcome
    points: float

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """One whose points follow from what it is."""
        return cls(outcome, _POINTS[outcome])


@dataclass(frozen=True)
class Score:
    """A verdict's parts, each marked by itself; the party's is the verdict's own."""

    party: Mark
    cause: Mark
    hops: Mark | None  # None: the culprit is not on the way, so there is nothing to be said of hops


def score(submission: Submission | NoVerdict, truth: CaseTruth) -> Score:
    """What a verdict on a case is worth."""
    if isinstance(submission, NoVerdict):
        nothing = Mark.of(Outcome.NO_VERDICT)
        return Score(nothing, nothing, nothing if truth.hops else None)
    return Score(
        _party(submission, truth), _cause(submission, truth), _hops(submission, truth.hops) if truth.hops else None
    )


def _party(submission: Submission, truth: CaseTruth) -> Mark:
    """Of a class that is named, each member's party is as right: which of them it is cannot be told."""
    named = truth.class_named(submission.cause_class)
    if named is not None and not submission.parties:
        return Mark.of(Outcome.EXACT)
    right = truth.parties | (named.parties if named else frozenset())
    return _set(submission.parties, right, submission.confidence)


def _cause(submission: Submission, truth: CaseTruth) -> Mark:
    whole = [each for each in truth.classes if each.name == submission.cause_class or each.members <= submission.causes]
    right = frozenset({truth.cause}).union(*(each.members for each in whole))
    said = submission.causes | (frozenset({truth.cause}) if whole else frozenset())
    if submission.cause_class is not None and truth.class_named(submission.cause_class) is None:
        said = said | {submission.cause_class}  # another class, which counts as one as well
    if not said and submission.parties == truth.parties == frozenset({Party.NOBODY}):
        return Mark.of(Outcome.EXACT)  # there is no cause to name
    return _set(said, right, submission.confidence)


def _hops(submission: Submission, truth: HopInterval) -> Mark:
    """Two neighbouring hops count as one: whether a box acts before it lowers a TTL or after cannot be told."""
    interval = submission.interval
    said = frozenset(range(interval.nearest, interval.farthest + 1)) if interval else frozenset()
    right = frozenset(range(truth.nearest, truth.farthest + 1))
    if said & right and len(said) == 2:
        return Mark.of(Outcome.EXACT)
    return _set(said, right, submission.confidence)


def _set(said: Set[object], right: Set[object], confidence: Confidence) -> Mark:
    """What a set of answers is worth, of which all that are right count as one."""
    if not said:
        return Mark.of(Outcome.UNDETERMINED)
    if not said & right:
        return Mark.of(Outcome.WRONG_WITH_CONFIDENCE if confidence == "high" else Outcome.WRONG)
    count = len(said - right) + 1
    return Mark(Outcome.IN_SET, 1 / count) if count > 1 else Mark.of(Outcome.EXACT)
