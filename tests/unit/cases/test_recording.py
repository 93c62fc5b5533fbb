"""A recording is judged once, and as good as its worst claim."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from whodunet.cases.claims import SymptomsChange
from whodunet.cases.findings import Finding, Outcome
from whodunet.cases.judging import Judgement


@pytest.mark.parametrize(
    ("outcomes", "worst"),
    [
        (["held"], "held"),
        (["held", "could-not-measure"], "could-not-measure"),
        (["could-not-measure", "broken", "held"], "broken"),
        ([], "could-not-measure"),
    ],
)
def test_the_worst_claim_decides_the_outcome(case: ModuleType, outcomes: list[Outcome], worst: Outcome) -> None:
    judgements = tuple(Judgement(SymptomsChange(), (Finding(outcome, "", ""),)) for outcome in outcomes)

    assert replace(case.recording(case.scenario()), judgements=judgements).outcome == worst
