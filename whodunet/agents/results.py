"""What agents' verdicts were worth, in the report that `whodunet grade` writes for tools."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata

from whodunet.grading.report import GradedCase, GradeReport


def report_of(agent: str, cases: Iterable[GradedCase]) -> GradeReport:
    """The report of some cases that one agent had."""
    return GradeReport(
        tool="agent",
        title=agent,
        runs_as="root",
        whodunet=metadata.version("whodunet"),
        split=None,
        seed=None,
        cases=tuple(cases),
    )
