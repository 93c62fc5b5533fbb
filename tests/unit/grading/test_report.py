"""Reports are kept as JSON, and two of them compared."""

from __future__ import annotations

import pytest

from tests.unit.grading.graded import FIREWALL, NOTHING, invalid, one_case, report, said
from whodunet.diagnosis.verdict import Party
from whodunet.errors import InvalidInput
from whodunet.grading.proof import Proof
from whodunet.grading.report import Change, from_json, regressions, to_json
from whodunet.grading.scoring import Outcome
from whodunet.grading.submission import NoVerdict

RIGHT, WRONG = said(Party.FIRST_HOP, causes=("egress-reset",)), said(Party.DESTINATION, Party.SERVICE)


def test_a_report_that_is_kept_is_the_same_when_it_is_read() -> None:
    whole = report(
        one_case(RIGHT, proof=Proof(2, 2, 1)),
        one_case(NoVerdict("it crashed"), name="other"),
        invalid("third", "the fault vanished"),
        split="test-1",
        seed=7,
        left_out={"x": "y"},
    )
    assert from_json(to_json(whole), "it") == whole


def test_equal_reports_are_written_alike_whatever_the_order_of_sets() -> None:
    one = said(Party.DESTINATION, Party.SERVICE, Party.PATH, causes=("a", "b", "c"))
    other = said(Party.PATH, Party.SERVICE, Party.DESTINATION, causes=("c", "b", "a"))
    assert to_json(report(one_case(one))) == to_json(report(one_case(other)))


def test_what_is_no_report_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidInput, match=r"old\.json: title: .*; name what `whodunet grade --json` has printed"):
        from_json('{"tool": "nc"}', "old.json")
    with pytest.raises(InvalidInput, match=r"old\.json: Invalid JSON"):
        from_json("no JSON", "old.json")


def test_a_case_whose_party_is_marked_lower_is_a_regression() -> None:
    before, now = report(one_case(RIGHT)), report(one_case(WRONG))
    assert list(regressions(before, now)) == [Change("reset", "party", Outcome.EXACT, Outcome.WRONG)]
    assert list(regressions(now, before)) == []


def test_so_is_one_whose_cause_is() -> None:
    other = said(Party.FIRST_HOP, causes=("egress-drop",))
    assert list(regressions(report(one_case(RIGHT)), report(one_case(other)))) == [
        Change("reset", "cause", Outcome.EXACT, Outcome.WRONG)
    ]


def test_cases_that_only_one_report_has_or_that_have_no_score_are_not_compared() -> None:
    before = report(one_case(RIGHT), one_case(said(Party.NOBODY), NOTHING, "fine"))
    now = report(invalid("reset", "gone"), one_case(WRONG, FIREWALL, "new"))
    assert list(regressions(before, now)) == []
