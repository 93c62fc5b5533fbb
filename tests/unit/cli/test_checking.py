"""No play of a check is lost, and none that did not hold is held."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.unit import case
from whodunet import engine
from whodunet.cases.recording import Recording
from whodunet.cases.scenario import Scenario
from whodunet.cli import checking, parsing
from whodunet.cli.exit_status import exit_status
from whodunet.cli.main import make_parser
from whodunet.errors import CannotRun, InvalidInput
from whodunet.evidence.observation import Phase, PhaseName, Run
from whodunet.loading.library import Library

STARTER = Path(checking.__file__).parents[2] / "scenarios" / "_starter.yaml"


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        (["held"], 0),
        (["held", "held"], 0),
        (["held", "broken", "could-not-measure"], 1),
        (["held", "could-not-measure"], 3),
        (["held", "a word that is not known yet"], 3),
        ([], 3),
    ],
)
def test_the_status_is_0_only_when_everything_held(outcomes: list[str], status: int) -> None:
    assert exit_status(outcomes) == status


def test_plays_of_one_name_are_told_apart() -> None:
    assert checking.numbered(["a", "b", "a", "a"]) == ["a #1", "b", "a #2", "a #3"]


@pytest.fixture
def fails_once(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An engine that cannot play the first scenario that it is given; afterwards it would, but is not needed to."""
    played: list[str] = []

    def play(scenario: Any, *_: Any) -> Any:
        played.append(scenario.source)
        raise CannotRun(f"no lab {len(played)}") if len(played) == 1 else OSError(28, "No space left on device")

    monkeypatch.setattr(engine, "play", play)
    return played


def run_check(*scenarios: Path, **more: Any) -> int:
    options: dict[str, Any] = {"all": False, "jobs": 1, "repeat": 1, "junit": None, "json": False}
    options |= {"seeds": None, "seed_list": [], "family": "ipv4", "keep": None}
    return checking.check(argparse.Namespace(scenarios=[str(path) for path in scenarios], **options | more))


def test_two_files_of_one_name_are_both_reported(
    fails_once: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second took the first one's place, and its outcome with it."""
    files = []
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        files.append(tmp_path / folder / "case.yaml")
        files[-1].write_text(STARTER.read_text())
    assert run_check(*files, json=True) == 3
    assert json.loads(capsys.readouterr().out)["failures"] == {
        "case #1": "no lab 1",
        "case #2": "[Errno 28] No space left on device",
    }


def test_repeat_plays_each_scenario_so_often(
    fails_once: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    report = tmp_path / "report.xml"
    assert run_check(STARTER, repeat=3, junit=report) == 3
    assert len(fails_once) == 3
    assert capsys.readouterr().out.splitlines()[-1] == "0 of 3 plays held"
    assert report.read_text().count("<error") == 3


def test_a_report_that_comes_to_nothing_leaves_no_file_and_spoils_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(checking, "_check_side_by_side", interrupted)
    old = tmp_path / "old.xml"
    old.write_text("<old/>")
    for report in (tmp_path / "new.xml", old):
        with pytest.raises(KeyboardInterrupt):
            run_check(STARTER, junit=report)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("old.xml", "<old/>")]


@pytest.mark.parametrize("place", ["no-such-folder/report.xml", "/dev/full", "."])
def test_a_report_that_cannot_be_written_is_told_before_anything_is_played(
    fails_once: list[str], place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError, match=place):
        run_check(STARTER, junit=Path(place))
    assert fails_once == []


def test_a_new_scenario_fits_a_terminal_of_80_columns() -> None:
    assert max(map(len, STARTER.read_text().splitlines())) <= 80


def test_each_seed_is_a_play_of_its_own_in_its_own_network(
    fails_once: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    variations = []

    def play(scenario: Any, library: Any, *_: Any) -> Any:
        variations.append(library.variation)
        raise CannotRun("no lab")

    monkeypatch.setattr(engine, "play", play)
    assert run_check(STARTER, seed_list=[7, 9, 7], family="ipv6") == 3
    assert sorted(map(str, variations)) == ["--seed 7 --family ipv6", "--seed 9 --family ipv6"]
    out = capsys.readouterr().out
    assert f"{'could-not-measure':17} _starter --seed 9 --family ipv6 (" in out
    assert out.splitlines()[-1] == "0 of 2 plays held"


def test_what_is_about_the_other_family_is_left_out_with_its_reason(
    fails_once: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    one_family = tmp_path / "broadcast.yaml"
    one_family.write_text(STARTER.read_text() + "\nfamily: {only: ipv4, because: IPv6 has no broadcast}\n")
    assert run_check(STARTER, one_family, family="ipv6") == 3
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "not played        broadcast: IPv6 has no broadcast"
    assert out[-1] == "0 of 1 scenarios held"
    assert len(fails_once) == 1


def test_a_check_of_nothing_but_what_is_about_the_other_family_is_refused(
    fails_once: list[str], tmp_path: Path
) -> None:
    one_family = tmp_path / "broadcast.yaml"
    one_family.write_text(STARTER.read_text() + "\nfamily: {only: ipv4, because: IPv6 has no broadcast}\n")
    with pytest.raises(InvalidInput, match="holds over ipv4 only: IPv6 has no broadcast"):
        run_check(one_family, family="ipv6")
    assert fails_once == []


@pytest.mark.parametrize(
    ("given", "seeds"),
    [([], [None]), (["--seeds", "3"], [1, 2, 3]), (["--seed", "0", "--seed", "4"], [0, 4])],
)
def test_seeds_are_given_one_by_one_or_by_their_number(given: list[str], seeds: list[int | None]) -> None:
    options = make_parser().parse_args(["check", "healthy", *given])
    assert [each.seed for each in parsing.variations(options)] == seeds


@pytest.mark.parametrize(
    "given", [["--seed", "-1"], ["--seed", "4294967296"], ["--seeds", "0"], ["--seed", "1", "--seeds", "2"]]
)
def test_seeds_that_are_none_are_refused(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        make_parser().parse_args(["check", "healthy", *given])
    assert refused.value.code == 2
    assert "whodunet check: error: argument --seed" in capsys.readouterr().err


TWIN: Final = """
title: t
story: s
topology: corporate_vpn
faults: [FAULT]
probes: {ssh: {host: client, command: "ssh {instance} true"}}
answer:
  cause: CAUSE
  culprit: CULPRIT
  symptoms: {ssh: {symptom: refused}}
  repaired: {symptoms: {ssh: {symptom: connected}}}
"""


@pytest.fixture
def twins(tmp_path: Path) -> tuple[Path, Path]:
    """A case, and one that names it as its twin."""
    down, reset = tmp_path / "down.yaml", tmp_path / "reset.yaml"
    stopped = "{kind: service, node: instance, service: sshd, state: stopped}"
    rule = "{kind: firewall-rule, switch: egress-fw, protocol: tcp, action: reset}"
    down.write_text(
        TWIN.replace("FAULT", stopped).replace("CAUSE", "service-not-listening").replace("CULPRIT", "instance")
    )
    named = (
        TWIN.replace("FAULT", rule).replace("CAUSE", "egress-reset").replace("CULPRIT", "egress-fw\n  twin_of: down")
    )
    reset.write_text(named)
    return down, reset


def plays_that_say(words: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An engine whose every play ends at once, with these words of each scenario; the names of what it has played."""
    played: list[str] = []

    def play(scenario: Scenario, library: Library, *_: Any) -> Recording:
        played.append(scenario.question.name)
        run = case.run(faulty=case.observation(stderr=words[scenario.question.name]))
        return Recording.judged(scenario, library.topology(scenario.question.topology), run, ())

    monkeypatch.setattr(engine, "play", play)
    return played


def run_with_failure(phase: PhaseName) -> Run:
    """A run in whose phase the fault could not be switched, so that nothing was played any more."""
    failed = Phase(phase, {}, (), 44.0, "service at instance was injected and cannot be seen in the lab")
    return replace(case.run(), phases=(failed,) if phase == "faulty" else (case.run().phases[0], failed))


@pytest.mark.parametrize(("phase", "following"), [("faulty", 4), ("repaired", 2)])
def test_a_fault_that_could_not_be_seen_is_told_first_and_what_was_not_played_for_it_in_one_line(
    twins: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    phase: PhaseName,
    following: int,
) -> None:
    def play(scenario: Scenario, library: Library, *_: Any) -> Recording:
        topology = library.topology(scenario.question.topology)
        return Recording.judged(scenario, topology, run_with_failure(phase), ())

    monkeypatch.setattr(engine, "play", play)
    monkeypatch.setenv("COLUMNS", "120")
    assert run_check(twins[0]) == 1
    _, first, *others = capsys.readouterr().out.splitlines()
    assert first.split(":")[0].strip() == f"{phase}/fault {'in place' if phase == 'faulty' else 'gone'}"
    assert f"    and {following} claims that could therefore not be measured" in others
    assert not any("was not run" in line for line in others)


def test_records_of_what_did_not_hold_are_kept_and_named_and_others_are_not(
    twins: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def play(scenario: Scenario, library: Library, _: object, keep: Path) -> Recording:
        keep.joinpath("capture.pcapng").touch()
        topology = library.topology(scenario.question.topology)
        if scenario.question.name == "down":
            return Recording.judged(scenario, topology, run_with_failure("faulty"), ())
        recording = Recording.judged(scenario, topology, case.run(), ())
        held = tuple(
            replace(judgement, findings=tuple(replace(finding, outcome="held") for finding in judgement.findings))
            for judgement in recording.judgements
        )
        return replace(recording, judgements=held)

    monkeypatch.setattr(engine, "play", play)
    kept = tmp_path / "kept"
    assert run_check(twins[0], STARTER, keep=kept) == 1
    assert sorted(path.name for path in kept.iterdir()) == ["down"]
    assert (kept / "down/capture.pcapng").exists()
    assert str(kept / "down") in capsys.readouterr().out.splitlines()[-1]
    assert run_check(STARTER, keep=tmp_path / "nothing") == 0
    assert not (tmp_path / "nothing").exists()


def test_a_folder_that_holds_something_is_refused_before_anything_is_played(
    fails_once: list[str], tmp_path: Path
) -> None:
    (tmp_path / "another").mkdir()
    with pytest.raises(InvalidInput, match="is not empty; name a new folder"):
        run_check(STARTER, keep=tmp_path)
    assert fails_once == []


REFUSED: Final = "ssh: connect to host {} port 22: Connection refused\n"


def test_a_scenario_is_played_beside_the_twin_that_it_names_and_compared(
    twins: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    down, reset = twins
    words = {"down": REFUSED.format("10.0.1.10"), "reset": REFUSED.format("192.0.2.1")}
    played = plays_that_say(words, monkeypatch)
    run_check(reset, junit=tmp_path / "report.xml")
    assert sorted(played) == ["down", "reset"]
    assert "held              reset: ssh says the same as in down, for another cause\n" in capsys.readouterr().out
    assert (tmp_path / "report.xml").read_text().count("faulty/twin") == 1
    played.clear()
    run_check(down)
    assert played == ["down"]
    run_check(reset, down, repeat=2)
    assert sorted(played) == ["down", "down", "down", "reset", "reset"]
    assert capsys.readouterr().out.count("says the same") == 2


def test_a_twin_that_says_something_else_is_broken(
    twins: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = {
        "down": REFUSED.format("10.0.1.10"),
        "reset": "ssh: connect to host 10.0.1.10 port 22: Connection timed out\n",
    }
    plays_that_say(words, monkeypatch)
    assert run_check(*twins) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "broken reset: ssh says the same as in down, for another cause" in told
    assert "expected as in down: refused: ssh: connect to host # port #: Connection refused" in told


def test_what_takes_a_newer_program_is_left_out_of_all_and_could_not_be_measured_by_its_name(
    fails_once: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from whodunet.loading import library

    newer = tmp_path / "newer.yaml"
    newer.write_text(STARTER.read_text() + '\nrequires: {sh-of-the-future: "2.12"}\n')
    because = "takes sh-of-the-future 2.12 or newer, which is not here"
    monkeypatch.setattr(library, "scenario_names", lambda: [str(STARTER), str(newer)])
    assert run_check(all=True) == 3
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"not played        newer: {because}"
    assert out[-1] == "0 of 1 scenarios held"
    assert len(fails_once) == 1

    def play(scenario: Any, library: Any, *_: Any) -> Any:
        engine.plan_for(scenario, library)
        raise AssertionError("it was played")

    monkeypatch.setattr(engine, "play", play)
    assert run_check(newer) == 3
    told = capsys.readouterr().out
    assert told.startswith("could-not-measure newer (")
    assert f"this case {because}" in told
