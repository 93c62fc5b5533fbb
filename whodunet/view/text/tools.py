"""Several tools that were graded on the same cases, beside each other: a row a tool, for a terminal or for Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from whodunet.grading.report import GradeReport
from whodunet.grading.scoring import Outcome
from whodunet.view.models.grade import summary_of
from whodunet.view.text.columns import table
from whodunet.view.text.style import Style

_COUNTED: Final = (
    (Outcome.EXACT,),
    (Outcome.IN_SET,),
    (Outcome.UNDETERMINED, Outcome.NO_VERDICT),
    (Outcome.WRONG,),
    (Outcome.WRONG_WITH_CONFIDENCE,),
)
_HEADS: Final = ("TOOL", "EXACT", "IN SET", "OPEN", "WRONG", "SURE", "POINTS", "TIME", "SENT")
_VERSION: Final = re.compile(r"\d+(?:\.\d+)+\w*(?:-[\w.]+)?")
_COLUMNS: Final = ("Tool", "Version", "Exact", "In set", "Cannot tell", "Wrong", "Sure and wrong", "Points a case",
                   "Time", "Packets")  # fmt: skip


def render_tools(reports: Iterable[GradeReport], style: Style) -> str:
    """The table for a terminal, the best first."""
    rows = [_HEADS, *(tuple(style.plain(cell) for cell in (each.title, *_cells(each))) for each in _ordered(reports))]
    return "\n".join(table(rows, style.width))


def tools_in_markdown(reports: Iterable[GradeReport]) -> str:
    """The same with the tools' versions, as a table of Markdown."""
    rows = [(_escaped(each.title), _escaped(_version(each)), *_cells(each)) for each in _ordered(reports)]
    lines = [_COLUMNS, tuple("---" for _ in _COLUMNS), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _ordered(reports: Iterable[GradeReport]) -> Sequence[GradeReport]:
    return sorted(reports, key=lambda report: -(summary_of(report).points or 0.0))


def _cells(report: GradeReport) -> tuple[str, ...]:
    """Outcomes of the party, mean of its points, median of the time, most packets of one case."""
    told = summary_of(report)
    counts = (str(sum(told.outcomes.get(outcome, 0) for outcome in outcomes)) for outcomes in _COUNTED)
    points = "" if told.points is None else f"{told.points:+.2f}"
    took = "" if told.median_s is None else f"{told.median_s:.1f} s"
    return (*counts, points, took, str(told.most_packets))


def _version(report: GradeReport) -> str:
    """The first number with points in it, of what a tool says of its version; all of it where there is none."""
    said = report.tool_version or ""
    found = _VERSION.search(said)
    return found[0] if found else said


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
