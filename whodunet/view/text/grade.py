"""A tool's grades as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from whodunet.grading.report import Change, GradedCase, GradeReport
from whodunet.view.models.grade import answer_of, confusion_of, outcome_of, summary_of, truth_of
from whodunet.view.text.columns import table, wrapped
from whodunet.view.text.style import Style


def render_case(case: GradedCase, style: Style) -> str:
    """What came of one case, in a few lines."""
    lines = [f"{outcome_of(case):21} {case.name}{f' ({case.cost.took_s:.1f} s)' if case.cost else ''}"]
    if case.invalid or case.no_verdict:
        lines.append(f"    {case.invalid or case.no_verdict}")
    elif answer_of(case) != truth_of(case):
        lines.append(f"    said {answer_of(case)}; it is {truth_of(case)}")
    return "\n".join(line for each in lines for line in wrapped(style.plain(each), style.width, "      "))


def render_grade(report: GradeReport, style: Style) -> str:
    """A table of all cases, how often each party was taken for which, and the whole in numbers."""
    parts = [_cases(report.cases, style), _confusion(report, style), "\n".join(_summary(report))]
    return "\n\n".join(filter(None, parts))


def _cases(cases: Sequence[GradedCase], style: Style) -> str:
    rows = [("PARTY", "CAUSE", "TIME", "SENT", "CASE"), *map(_row, cases)]
    return "\n".join(table([[style.plain(cell) for cell in row] for row in rows], style.width))


def _row(case: GradedCase) -> tuple[str, ...]:
    cost = case.cost
    return (
        outcome_of(case),
        f"{case.score.cause.points:+.2f}" if case.score else "",
        f"{cost.took_s:.1f} s" if cost else "",
        str(cost.packets_sent) if cost else "",
        case.name,
    )


def _confusion(report: GradeReport, style: Style) -> str:
    confusion = confusion_of(report)
    rows = [("IT IS", "IT WAS SAID TO BE")]
    for truth in confusion.truths:
        said = [(-confusion.counts.get((truth, answer), 0), answer) for answer in confusion.answers]
        rows.append((truth, ", ".join(f"{answer} {-count}" for count, answer in sorted(said) if count)))
    return "\n".join(table([[style.plain(cell) for cell in row] for row in rows], style.width)) if rows[1:] else ""


def _summary(report: GradeReport) -> Iterator[str]:
    told = summary_of(report)
    version = f" ({report.tool_version})" if report.tool_version else ""
    yield f"{report.title}{version}, as {'root' if report.runs_as == 'root' else 'an ordinary user'}"
    yield f"  party   {_listed(told.outcomes)}{_points(told.points)}"
    if told.cause_points is not None:
        yield f"  cause   {_listed(told.cause_outcomes)}{_points(told.cause_points)}"
    if told.cited:
        yield f"  proof   {told.proven} of {told.cited} verdicts that cite packets"
    if told.median_s is not None:
        most = f"packets sent: at most {told.most_packets}, full handshakes: at most {told.most_handshakes}"
        yield f"  cost    median {told.median_s:.1f} s; {most}"


def _listed(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())


def _points(points: float | None) -> str:
    return f"; {points:+.2f} points a case" if points is not None else ""


def render_changes(changes: Sequence[Change], style: Style) -> str:
    """What is worse than in an earlier report."""
    if not changes:
        return "no case is worse than before"
    lines = [f"worse: {each.case}: {each.part} was {each.before}, is {each.now}" for each in changes]
    return "\n".join(line for each in lines for line in wrapped(style.plain(each), style.width, "    "))
