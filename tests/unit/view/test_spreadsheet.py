"""CSV of grades: numbers are numbers, and no text is a formula."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from tests.unit.grading.graded import invalid, one_case, report, said
from whodunet.diagnosis.verdict import Party
from whodunet.grading.report import GradedCase
from whodunet.view.spreadsheet import render_csv


def rows(*cases: GradedCase) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render_csv(report(*cases)))))


def test_each_case_is_a_row_with_its_record() -> None:
    case = replace(one_case(said(Party.DESTINATION, confidence="high")), record="grades/nc/reset")
    (row,) = rows(case)
    assert row["outcome"] == "wrong with confidence"
    assert (row["points"], row["said"], row["truth"]) == ("-1.0", "destination", "first hop")
    assert (row["seconds"], row["packets sent"], row["full handshakes"]) == ("1.5", "3", "1")
    assert row["record"] == "grades/nc/reset"


def test_a_text_that_begins_as_a_formula_is_none_and_takes_one_line() -> None:
    (row,) = rows(invalid("=HYPERLINK(1)", "@SUM(A1)\nmore"))
    assert row["case"] == "'=HYPERLINK(1)"
    assert row["no score because"].startswith("'@SUM(A1)")
    assert "\n" not in row["no score because"]
