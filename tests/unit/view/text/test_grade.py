"""Grades on a terminal."""

from __future__ import annotations

from tests.unit.grading.graded import NOTHING, invalid, one_case, report, said
from whodunet.diagnosis.verdict import Party
from whodunet.grading.proof import Proof
from whodunet.grading.report import Change
from whodunet.grading.scoring import Outcome
from whodunet.view.text.grade import render_case, render_changes, render_grade
from whodunet.view.text.style import Style

STYLE = Style()


def test_the_table_and_the_numbers_fit_80_columns() -> None:
    cases = [
        one_case(said(Party.FIRST_HOP, causes=("egress-reset",)), proof=Proof(2, 2, 1)),
        one_case(said(Party.DESTINATION, Party.PATH, Party.FIRST_HOP), name="a-scenario-of-a-long-name --seed 4294967"),
        one_case(said(Party.NOBODY), NOTHING, "healthy"),
        invalid("gone", "the fault vanished"),
    ]
    text = render_grade(report(*cases), STYLE)
    assert max(map(len, text.splitlines())) <= 80
    assert "first hop  destination or first hop or path 1, first hop 1" in text
    assert "  party   2 exact, 1 in set, 1 environment invalid; +0.78 points a case" in text
    assert "  proof   1 of 1 verdicts that cite packets" in text
    assert "  cost    median 1.5 s; packets sent: at most 3, full handshakes: at most 1" in text


def test_a_case_that_is_not_right_says_what_would_have_been() -> None:
    assert render_case(one_case(said(Party.DESTINATION)), STYLE).splitlines() == [
        "wrong                 reset (1.5 s)",
        "    said destination; it is first hop",
    ]
    assert render_case(invalid("reset", "it vanished"), STYLE).splitlines() == [
        "environment invalid   reset",
        "    it vanished",
    ]


def test_what_is_worse_is_told_case_by_case() -> None:
    change = Change("reset", "party", Outcome.EXACT, Outcome.WRONG)
    assert render_changes([change], STYLE) == "worse: reset: party was exact, is wrong"
    assert render_changes([], STYLE) == "no case is worse than before"
