"""What came of grading a tool, as a file of JSON keeps it, and how two of them compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

import pydantic_core
from pydantic import TypeAdapter, ValidationError

from whodunet.diagnosis.verdict import Confidence, HopInterval, Party
from whodunet.errors import InvalidInput, Problem
from whodunet.evidence.topology import Family
from whodunet.grading.cost import MeasuredCost
from whodunet.grading.proof import Proof
from whodunet.grading.scoring import Outcome, Score
from whodunet.grading.submission import NoVerdict, Submission
from whodunet.grading.truth import CaseTruth
from whodunet.variation import Variation

if TYPE_CHECKING:
    from pydantic import ConfigDict  # a dictionary when it runs

REPORT_VERSION: Final = 1
_STRICT: ConfigDict = {"extra": "forbid", "allow_inf_nan": False}


@dataclass(frozen=True)
class Said:
    """Parties, causes and hops, as the tool or the truth has them, sorted: equal ones are written alike."""

    __pydantic_config__ = _STRICT

    parties: tuple[Party, ...]
    causes: tuple[str, ...]
    classes: tuple[str, ...] = ()
    hops: HopInterval | None = None
    place: str | None = None  # the culprit's name; of a tool, the address that it blames
    confidence: Confidence | None = None  # None of the truth

    @classmethod
    def by_tool(cls, submission: Submission) -> Said:
        """What a tool said."""
        return cls(
            tuple(sorted(submission.parties)),
            tuple(sorted(submission.causes)),
            (submission.cause_class,) if submission.cause_class else (),
            submission.interval,
            submission.box,
            submission.confidence,
        )

    @classmethod
    def in_truth(cls, truth: CaseTruth) -> Said:
        """What is true."""
        classes = tuple(sorted(each.name for each in truth.classes))
        return cls(tuple(sorted(truth.parties)), (truth.cause,), classes, truth.hops, truth.culprit)


@dataclass(frozen=True)
class GradedCase:
    """What came of one case."""

    __pydantic_config__ = _STRICT

    scenario: str
    seed: int | None
    family: Family
    truth: Said
    said: Said | None = None  # None: no verdict, or an invalid environment
    no_verdict: str | None = None  # why there is none
    invalid: str | None = None  # why the network was not the one that the case is about: then there is no score
    score: Score | None = None
    proof: Proof = field(default_factory=Proof)
    cost: MeasuredCost | None = None
    tool_version: str | None = None
    record: str | None = None  # the folder with what was recorded

    @property
    def name(self) -> str:
        """The scenario's, with the options that ask for its network."""
        return Variation(self.seed, self.family).of(self.scenario)


def graded(
    case: GradedCase,
    submission: Submission | NoVerdict,
    score: Score,
    proof: Proof,
    cost: MeasuredCost,
    tool_version: str | None = None,
) -> GradedCase:
    """The case with what the tool said and what that is worth."""
    case = replace(case, score=score, proof=proof, cost=cost, tool_version=tool_version)
    if isinstance(submission, NoVerdict):
        return replace(case, no_verdict=submission.because)
    return replace(case, said=Said.by_tool(submission))


@dataclass(frozen=True)
class GradeReport:
    """A tool, and what came of each case."""

    __pydantic_config__ = _STRICT

    tool: str
    title: str
    runs_as: Literal["root", "user"]
    whodunet: str  # its version
    split: str | None  # its name with its version: "development-1"
    seed: int | None  # that the cases were drawn from
    cases: tuple[GradedCase, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)  # scenario: why it was not graded
    report_version: int = REPORT_VERSION

    @property
    def tool_version(self) -> str | None:
        """What the tool said of its version; None where it said nothing."""
        return next((case.tool_version for case in self.cases if case.tool_version), None)


def to_json(report: GradeReport) -> str:
    """The report as JSON."""
    return pydantic_core.to_json(report, indent=1).decode() + "\n"


def from_json(text: str | bytes, place: str) -> GradeReport:
    """The report that was kept.

    Raises:
        InvalidInput: for anything that is not one, with every problem.
    """
    try:
        return TypeAdapter(GradeReport).validate_json(text, strict=True)
    except ValidationError as error:
        fix = "name what `whodunet grade --json` has printed"
        details = ((".".join(map(str, each["loc"])), each["msg"]) for each in error.errors()[:3])
        raise InvalidInput(
            *(Problem(f"{place}: {key}" if key else place, said, fix) for key, said in details)
        ) from error


@dataclass(frozen=True)
class Change:
    """A case of which two reports say something else."""

    case: str
    part: Literal["party", "cause"]
    before: Outcome
    now: Outcome


def regressions(earlier: GradeReport, now: GradeReport) -> Iterator[Change]:
    """The cases of both reports whose party or cause is marked lower than before."""
    before = {each.name: each.score for each in earlier.cases}
    for case in now.cases:
        one, other = before.get(case.name), case.score
        if one is None or other is None:
            continue
        if other.party.points < one.party.points:
            yield Change(case.name, "party", one.party.outcome, other.party.outcome)
        elif other.cause.points < one.cause.points:
            yield Change(case.name, "cause", one.cause.outcome, other.cause.outcome)
