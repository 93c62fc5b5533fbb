"""Tools that were graded on the same cases stand beside each other, the best first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.grading.graded import DESTINATION_REFUSES, FIREWALL, said
from whodunet.cli.main import main
from whodunet.diagnosis.verdict import Party
from whodunet.grading.cost import MeasuredCost
from whodunet.grading.proof import Proof
from whodunet.grading.report import GradedCase, GradeReport, Said, graded, to_json
from whodunet.grading.scoring import score
from whodunet.grading.submission import Submission
from whodunet.grading.truth import CaseTruth


def one_case(scenario: str, truth: CaseTruth, submission: Submission) -> GradedCase:
    cost = MeasuredCost(took_s=2.0, packets_sent=7)
    whole = GradedCase(scenario, None, "ipv4", Said.in_truth(truth))
    return graded(whole, submission, score(submission, truth), Proof(), cost, "tool 1.2p3, of 2026")


def kept(folder: Path, title: str, *parties: Party) -> Path:
    """The report of a tool that blames the same parties in a case of a firewall and one of the destination."""
    cases = (one_case("a", FIREWALL, said(*parties)), one_case("b", DESTINATION_REFUSES, said(*parties)))
    path = folder / f"{title}.json"
    path.write_text(to_json(GradeReport(title, title, "root", "0.1.0", None, None, cases)), encoding="utf-8")
    return path


@pytest.fixture
def reports(tmp_path: Path) -> list[str]:
    """Three tools: one cannot tell, one blames two, one always blames what is on the way."""
    return [
        str(kept(tmp_path, "mute")),
        str(kept(tmp_path, "both", Party.FIRST_HOP, Party.DESTINATION)),
        str(kept(tmp_path, "path", Party.PATH)),
    ]


def test_each_tool_has_a_row_and_the_best_is_first(reports: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *reports]) == 0
    heads, *rows = (line.split() for line in capsys.readouterr().out.splitlines())
    assert heads[:3] == ["TOOL", "EXACT", "IN"]
    assert rows == [
        ["both", "0", "2", "0", "0", "0", "+0.50", "2.0", "s", "7"],
        ["mute", "0", "0", "2", "0", "0", "+0.25", "2.0", "s", "7"],
        ["path", "0", "0", "0", "2", "0", "-0.25", "2.0", "s", "7"],
    ]


def test_markdown_has_the_versions_too(reports: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--markdown", reports[0]]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == ("| mute | 1.2p3 | 0 | 0 | 2 | 0 | 0 | +0.25 | 2.0 s | 7 |")


def test_reports_about_other_cases_are_not_compared(
    reports: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.json"
    case = replace(one_case("a", FIREWALL, said()), seed=7)
    other.write_text(to_json(GradeReport("other", "other", "root", "0.1.0", None, 7, (case,))), encoding="utf-8")
    assert main(["compare", reports[0], str(other)]) == 2
    assert f"{other}: is about other cases than" in " ".join(capsys.readouterr().err.split())
