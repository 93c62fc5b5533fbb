"""The command `grade`: which cases it takes, what it writes, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from whodunet import catalogue, grader
from whodunet.cli.main import main
from whodunet.diagnosis.verdict import Party
from whodunet.grader import Bench, CaseToGrade
from whodunet.grading.cost import MeasuredCost
from whodunet.grading.proof import Proof
from whodunet.grading.report import GradedCase, graded
from whodunet.grading.scoring import score
from whodunet.grading.submission import Submission

Says = Callable[[CaseToGrade], Submission | str]


def right(case: CaseToGrade) -> Submission:
    return Submission(parties=case.truth.parties)


def wrong(case: CaseToGrade) -> Submission:
    return Submission(parties=frozenset({Party.LOCAL_NETWORK}), confidence="high")


def gone(case: CaseToGrade) -> str:
    return "the fault vanished"


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Says], None]:
    """Has every case answered without a lab."""
    monkeypatch.setattr(catalogue, "_given", [tmp_path])
    (tmp_path / "splits").mkdir()
    scenarios = "scenarios: [sshd-down, vpn-egress-reset, healthy]"
    (tmp_path / "splits" / "small-1.yaml").write_text(f"title: t\n{scenarios}\n", encoding="utf-8")
    (tmp_path / "splits" / "fixed-1.yaml").write_text(f"title: t\nseed: 4\n{scenarios}\n", encoding="utf-8")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def answer(says: Says) -> None:
        def grade_all(bench: Bench, cases: Sequence[CaseToGrade], *_: Any) -> Iterator[GradedCase]:
            for case in cases:
                said = says(case)
                if isinstance(said, str):
                    yield replace(case.ungraded, invalid=said)
                else:
                    yield graded(case.ungraded, said, score(said, case.truth), Proof(), MeasuredCost(1.0, 2, 0))

        monkeypatch.setattr(grader, "grade_all", grade_all)

    return answer


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["grade", "--tool", "nc", "--json", *arguments]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def names(told: dict[str, Any]) -> list[tuple[str, int | None]]:
    return [(case["scenario"], case["seed"]) for case in told["cases"]]


def test_named_scenarios_are_graded_as_named_in_the_network_of_the_seed(
    tool: Callable[[Says], None], capsys: pytest.CaptureFixture[str]
) -> None:
    tool(right)
    assert names(report(capsys, "sshd-down", "healthy")) == [("sshd-down", None), ("healthy", None)]
    assert names(report(capsys, "sshd-down", "--seed", "7")) == [("sshd-down", 7)]


def test_a_seed_draws_cases_and_shards_share_them_out(
    tool: Callable[[Says], None], capsys: pytest.CaptureFixture[str]
) -> None:
    tool(right)
    draw = ("--split", "small", "--seed", "7", "--cases", "5")
    whole = names(report(capsys, *draw))
    parts = [names(report(capsys, *draw, "--shard", f"{part}/2")) for part in (1, 2)]
    assert len(whole) == len(set(whole)) == 5
    assert parts == [whole[::2], whole[1::2]]


def test_a_split_may_have_its_seed_in_its_file(
    tool: Callable[[Says], None], capsys: pytest.CaptureFixture[str]
) -> None:
    tool(right)
    told = report(capsys, "--split", "fixed", "--cases", "2")
    assert (told["split"], told["seed"], len(told["cases"])) == ("fixed-1", 4, 2)
    assert report(capsys, "--split", "fixed", "--seed", "7", "--cases", "2")["seed"] == 7


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--split", "small"], "--split small-1: is drawn from a seed that whoever grades chooses; add --seed N"),
        (["--cases", "3"], "--cases: says how many are drawn; add --seed N"),
        (["--cases", "3", "healthy"], "--cases: chooses scenarios, and some are named; leave one of the two out"),
        (
            ["--fail-on", "regression", "healthy"],
            "--fail-on regression: needs something to compare with; add --against",
        ),
        (
            ["ssm-session"],
            "ssm-session: cannot be graded: its first probe's command names no host and port; name another",
        ),
        (["--shard", "2/2", "healthy"], "grade: no case is left to grade; name a scenario, or leave --shard out"),
        (["--against", "no-such.json", "healthy"], "--against no-such.json: cannot be read: No such file or directory"),
        (["--shard", "3/2"], "3/2 is not a part K/N, such as 1/4"),
        (["--tool", "ncc", "healthy"], "--tool ncc: is not a tool; did you mean nc?"),
    ],
)
def test_what_cannot_be_graded_is_told_in_one_line(
    tool: Callable[[Says], None], capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    tool(right)
    assert main(["grade", "--tool", "nc", *arguments]) == 2
    assert told in " ".join(capsys.readouterr().err.split())


def test_a_regression_ends_with_status_1_and_is_told(
    tool: Callable[[Says], None], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tool(right)
    earlier = tmp_path / "earlier.json"
    earlier.write_text(json.dumps(report(capsys, "sshd-down", "healthy")), encoding="utf-8")
    again = ["grade", "--tool", "nc", "sshd-down", "healthy", "--against", str(earlier), "--fail-on", "regression"]
    assert main(again) == 0
    assert "no case is worse than before" in capsys.readouterr().out
    tool(wrong)
    assert main(again) == 1
    assert "worse: sshd-down: party was exact, is wrong with confidence" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("says", "fail_on", "status"),
    [
        (right, "wrong", 0),
        (wrong, "wrong", 1),
        (wrong, "wrong-with-confidence", 1),
        (wrong, None, 0),
        (gone, None, 3),
        (gone, "wrong", 3),
    ],
)
def test_the_status_says_what_was_asked_for(
    tool: Callable[[Says], None], says: Says, fail_on: str | None, status: int
) -> None:
    tool(says)
    assert main(["grade", "--tool", "nc", "healthy", *(["--fail-on", fail_on] if fail_on else [])]) == status


def test_every_file_that_is_asked_for_is_written(tool: Callable[[Says], None], tmp_path: Path) -> None:
    tool(wrong)
    files = {option: tmp_path / f"out.{option}" for option in ("csv", "junit", "html")}
    options = [word for option, path in files.items() for word in (f"--{option}", str(path))]
    assert main(["grade", "--tool", "nc", "healthy", *options]) == 0
    assert files["csv"].read_text(encoding="utf-8").count("\n") == 2
    assert 'failures="1"' in files["junit"].read_text(encoding="utf-8")
    assert files["html"].read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_file_that_cannot_be_written_is_told_before_anything_is_graded(
    tool: Callable[[Says], None], tmp_path: Path
) -> None:
    def never(case: CaseToGrade) -> Submission:
        raise AssertionError(case.name)

    tool(never)
    assert main(["grade", "--tool", "nc", "healthy", "--csv", str(tmp_path / "missing" / "out.csv")]) == 3
