"""Graded cases as CSV, one row a case, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from whodunet.grading.report import GradedCase, GradeReport
from whodunet.view.models.grade import answer_of, outcome_of, truth_of
from whodunet.view.visible import visible_line

_HEADER: Final = (
    "tool", "case", "scenario", "seed", "family", "outcome", "points", "cause outcome", "cause points",
    "hops outcome", "said", "said causes", "confidence", "truth", "true cause", "culprit", "cited", "found", "telling",
    "seconds", "packets sent", "full handshakes", "privilege", "no score because", "record",
)  # fmt: skip
# With these a spreadsheet takes a cell for a formula, and whatever a tool or a file was called would be carried out.
# Source: OWASP, "CSV Injection"
_BEGIN_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


def render_csv(report: GradeReport) -> str:
    """The table, with a header."""
    output = io.StringIO()
    rows = csv.writer(output)
    rows.writerow(_HEADER)
    for case in report.cases:
        rows.writerow([_cell(value) for value in _values(case, report)])
    return output.getvalue()


def _cell(value: str | float | None) -> str | float | None:
    """A number as it is; a text on one line, and none that begins as a formula does."""
    if not isinstance(value, str):
        return value
    text = visible_line(value)
    return f"'{text}" if text.startswith(_BEGIN_FORMULAS) else text


def _values(case: GradedCase, report: GradeReport) -> Iterator[str | float | None]:
    score, cost, said = case.score, case.cost, case.said
    yield from (report.tool, case.name, case.scenario, case.seed, case.family, outcome_of(case))
    yield from (score.party.points, score.cause.outcome, score.cause.points) if score else (None, None, None)
    yield score.hops.outcome if score and score.hops else None
    yield from (answer_of(case), " ".join((*said.classes, *said.causes)) if said else None)
    yield said.confidence if said else None
    yield from (truth_of(case), *case.truth.causes, case.truth.place)
    yield from (case.proof.cited, case.proof.found, case.proof.telling)
    yield from (round(cost.took_s, 3), cost.packets_sent, cost.full_handshakes) if cost else (None, None, None)
    yield from (report.runs_as, case.invalid or case.no_verdict, case.record)
