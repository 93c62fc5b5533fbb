"""A tool's grades as one page that needs nothing else: no script, no font, no other file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final
from urllib.parse import quote

from whodunet.grading.report import Change, GradedCase, GradeReport
from whodunet.view.models.grade import Confusion, answer_of, confusion_of, outcome_of, summary_of, truth_of
from whodunet.view.visible import visible_line

_STYLE: Final = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #1c1c1c }
table { border-collapse: collapse; margin: 1rem 0 2rem } th, td { padding: .25rem .6rem; text-align: left }
tr { border-bottom: 1px solid #ddd } th { background: #f3f3f3 } td.n, th.n { text-align: right }
.exact, .in-set { color: #14682c } .undetermined, .no-verdict, .environment-invalid { color: #7a5b00 }
.wrong, .wrong-with-confidence { color: #a3151b } .wrong-with-confidence { font-weight: bold }
td.hit { background: #e2f2e5 } td.miss { background: #fbe4e4 } small { color: #666 }
@media (prefers-color-scheme: dark) { body { background: #161616; color: #ddd } th { background: #262626 }
  tr { border-color: #333 } td.hit { background: #17361f } td.miss { background: #421c1e } a { color: #8ab4f8 }
  .exact, .in-set { color: #7fd394 } .wrong, .wrong-with-confidence { color: #ff9a9a }
  .undetermined, .no-verdict, .environment-invalid { color: #e2c067 } }
"""


def render_html(report: GradeReport, worse: Sequence[Change], records: Mapping[str, str]) -> str:
    """The page.

    Args:
        worse: what is worse than in an earlier report.
        records: by case, where its record lies, as seen from the page.
    """
    title = _text(f"{report.title}: graded by whodunet {report.whodunet}")
    parts = [
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n<style>{_STYLE}</style>',
        f"<h1>{title}</h1>",
        *_about(report),
        *_worse(worse),
        "<h2>Who it was, and who it was said to be</h2>",
        *_matrix(confusion_of(report)),
        "<h2>Cases</h2>",
        *_cases(report, records),
        *_left_out(report.left_out),
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def _text(said: str) -> str:
    return escape(visible_line(said))


def _about(report: GradeReport) -> Iterator[str]:
    told = summary_of(report)
    draw = f"drawn from seed {report.seed}" if report.seed is not None else "in the networks that topologies state"
    split = f"split {report.split}, " if report.split else ""
    version = f"{report.tool_version}; " if report.tool_version else ""
    yield f"<p>{_text(version)}run as {report.runs_as}; {_text(split)}{len(report.cases)} cases, {draw}.</p>"
    rows = [
        ("party", _listed(told.outcomes), told.points),
        ("cause", _listed(told.cause_outcomes), told.cause_points),
        ("proof", f"{told.proven} of {told.cited} verdicts that cite packets", None),
    ]
    yield "<table><tr><th>Part<th>Outcomes<th class=n>Points a case"
    yield from (
        f"<tr><th>{part}<td>{said}<td class=n>{'' if points is None else f'{points:+.2f}'}"
        for part, said, points in rows
    )
    if told.median_s is not None:
        yield (
            f"<tr><th>cost<td>median {told.median_s:.1f} s, at most {told.most_packets} packets and "
            f"{told.most_handshakes} full handshakes<td>"
        )
    yield "</table>"


def _listed(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())


def _worse(worse: Sequence[Change]) -> Iterator[str]:
    if worse:
        yield "<h2>Worse than before</h2><ul>"
        yield from (f"<li>{_text(each.case)}: {each.part} was {each.before}, is {each.now}" for each in worse)
        yield "</ul>"


def _matrix(confusion: Confusion) -> Iterator[str]:
    yield f"<table><tr><th>It is<th colspan={max(len(confusion.answers), 1)}>It was said to be"
    yield "<tr><th>" + "".join(f"<th>{_text(answer)}" for answer in confusion.answers)
    for truth in confusion.truths:
        cells = [
            (confusion.counts.get((truth, answer), 0), confusion.colour(truth, answer)) for answer in confusion.answers
        ]
        row = "".join(f'<td class="n {colour}">{count}' if count else "<td>" for count, colour in cells)
        yield f"<tr><th>{_text(truth)}{row}"
    yield "</table>"


def _cases(report: GradeReport, records: Mapping[str, str]) -> Iterator[str]:
    yield "<table><tr><th>Case<th>Party<th>Cause<th>Hops<th>Proof<th class=n>s<th class=n>Packets<th>Said<th>Truth"
    yield from (_row(case, records.get(case.name)) for case in report.cases)
    yield "</table>"


def _row(case: GradedCase, record: str | None) -> str:
    name = f'<a href="{escape(quote(record))}">{_text(case.name)}</a>' if record else _text(case.name)
    proof = f"{case.proof.telling}/{case.proof.found}/{case.proof.cited}" if case.proof.cited else ""
    marks = (case.score.party, case.score.cause, case.score.hops) if case.score else (None, None, None)
    outcomes = [outcome_of(case), *(str(mark.outcome) if mark else "" for mark in marks[1:])]
    cells = "".join(f'<td class="{each.replace(" ", "-")}">{each}' for each in outcomes)
    cost = (f"{case.cost.took_s:.1f}", str(case.cost.packets_sent)) if case.cost else ("", "")
    numbers = "".join(f"<td class=n>{each}" for each in cost)
    why = case.invalid or case.no_verdict
    causes = ", ".join((*case.said.classes, *case.said.causes)) if case.said else why or ""
    said = f"<td>{_text(answer_of(case))}<br><small>{_text(causes)}</small>"
    culprit = f"{case.truth.causes[0]} at {case.truth.place}" if case.truth.place else "nothing is wrong"
    return (
        f"<tr><td>{name}{cells}<td>{proof}{numbers}{said}<td>{_text(truth_of(case))}<br><small>{_text(culprit)}</small>"
    )


def _left_out(left_out: Mapping[str, str]) -> Iterator[str]:
    if left_out:
        yield f"<details><summary>{len(left_out)} scenarios were not graded</summary><ul>"
        yield from (f"<li>{_text(name)}: {_text(because)}" for name, because in left_out.items())
        yield "</ul></details>"
