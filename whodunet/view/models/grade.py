"""What there is to tell of how a tool was graded, as values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Final, Literal

from whodunet.diagnosis.verdict import Party
from whodunet.grading.report import GradedCase, GradeReport
from whodunet.grading.scoring import Outcome

CANNOT_TELL, INVALID = "cannot tell", "environment invalid"
_OR: Final = " or "


@dataclass(frozen=True)
class GradeSummary:
    """A tool's whole result."""

    outcomes: Mapping[str, int]  # of parties, the best first; those alone that there are
    cause_outcomes: Mapping[str, int]  # of causes likewise
    points: float | None  # mean of the party's, of those; None: there are none
    cause_points: float | None
    median_s: float | None
    most_packets: int
    most_handshakes: int
    cited: int  # cases whose verdict cites packets
    proven: int  # of those, how many whose citations hold


def summary_of(report: GradeReport) -> GradeSummary:
    """The numbers of all cases together."""
    scores = [case.score for case in report.cases if case.score is not None]
    costs = [case.cost for case in report.cases if case.cost is not None]
    cited = [case.proof for case in report.cases if case.proof.cited]
    return GradeSummary(
        outcomes=_counted([outcome_of(case) for case in report.cases]),
        cause_outcomes=_counted([score.cause.outcome for score in scores]),
        points=mean(score.party.points for score in scores) if scores else None,
        cause_points=mean(score.cause.points for score in scores) if scores else None,
        median_s=median(cost.took_s for cost in costs) if costs else None,
        most_packets=max((cost.packets_sent for cost in costs), default=0),
        most_handshakes=max((cost.full_handshakes for cost in costs), default=0),
        cited=len(cited),
        proven=sum(proof.holds for proof in cited),
    )


def outcome_of(case: GradedCase) -> str:
    """What the verdict is worth by the party that it names; or that the network was not the case's."""
    return str(case.score.party.outcome) if case.score else INVALID


def answer_of(case: GradedCase) -> str:
    """What the tool said, as parties."""
    if case.said is None:
        return str(Outcome.NO_VERDICT) if case.invalid is None else INVALID
    return _OR.join(case.said.parties) or CANNOT_TELL


def truth_of(case: GradedCase) -> str:
    """What is true, as parties: each of them is right."""
    return _OR.join(case.truth.parties)


@dataclass(frozen=True)
class Confusion:
    """How often each answer was given for each truth."""

    truths: Sequence[str]
    answers: Sequence[str]
    counts: Mapping[tuple[str, str], int]  # by truth and answer

    def colour(self, truth: str, answer: str) -> Literal["hit", "miss", ""]:
        """Whether an answer has the truth in it; neither for one that names nobody."""
        said = set(answer.split(_OR))
        if said & set(truth.split(_OR)):
            return "hit"
        return "miss" if said <= {str(party) for party in Party} else ""


def confusion_of(report: GradeReport) -> Confusion:
    """That of the cases that have a score."""
    pairs = Counter((truth_of(case), answer_of(case)) for case in report.cases if case.score is not None)
    truths, answers = ({pair[place] for pair in pairs} for place in (0, 1))
    return Confusion(sorted(truths), sorted(answers, key=lambda answer: (answer not in truths, answer)), pairs)


def _counted(outcomes: Sequence[str]) -> Mapping[str, int]:
    return {str(each): outcomes.count(each) for each in (*Outcome, INVALID) if each in outcomes}
