"""Records are kept, listed, found and removed; a place that cannot take one says so first."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import pytest

from whodunet import records
from whodunet.errors import CannotRun, InvalidInput

FILES = records.FILES


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the records of a user who has none yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "whodunet" / "runs"


def keep(runs: Path, day: int, *, files: tuple[str, ...] = FILES) -> str:
    name = f"healthy-202501{day:02d}-120000-77"
    (runs / name).mkdir(parents=True)
    for file in files:
        (runs / name / file).write_text("12345")
    return name


def test_without_records_there_are_none() -> None:
    assert records.records() == []
    with pytest.raises(InvalidInput, match="no record is kept in"):
        records.latest_record()


def test_records_are_listed_from_the_latest_with_what_they_take(runs: Path) -> None:
    names = [keep(runs, day) for day in (3, 20, 11)]
    listed = records.records()
    assert [record.name for record in listed] == [names[1], names[2], names[0]]
    assert {record.size_bytes for record in listed} == {20}
    assert {record.state for record in listed} == {"complete"}
    assert time.localtime(listed[0].began_s)[:4] == (2025, 1, 20, 12)


def test_the_latest_is_the_latest_complete_one(runs: Path) -> None:
    whole = keep(runs, 3)
    keep(runs, 4, files=(records.SCENARIO_FILE,))
    assert records.latest_record() == runs / whole


def test_a_record_is_found_by_name_or_folder_and_a_misspelt_one_is_told_the_nearest(runs: Path) -> None:
    name = keep(runs, 3)
    assert records.find_record(name) == records.find_record(str(runs / name)) == runs / name
    with pytest.raises(InvalidInput, match=f"did you mean {name}"):
        records.find_record(name[:-1])


def test_of_many_records_the_latest_few_are_told_and_of_a_scenario_the_last(runs: Path) -> None:
    names = [keep(runs, day) for day in range(1, 9)]
    with pytest.raises(InvalidInput) as refused:
        records.find_record("no-such")
    latest = ", ".join(reversed(names[-5:]))
    assert str(refused.value) == f"no-such: is not a record; `whodunet runs` lists all that there are, such as {latest}"
    with pytest.raises(InvalidInput, match=rf"did you mean {names[-1]}\?$"):
        records.find_record(names[0].rsplit("-", 3)[0])


@pytest.mark.parametrize(
    ("keep_latest", "older_than_days", "left"),
    [(2, None, [20, 11]), (0, None, []), (9, None, [20, 11, 3]), (1, 1e6, [20, 11, 3]), (1, 0.5, [20])],
)
def test_pruning_leaves_the_latest_and_the_young(
    runs: Path, keep_latest: int, older_than_days: float | None, left: list[int]
) -> None:
    names = {day: keep(runs, day) for day in (3, 20, 11)}
    removed = records.prune(records.records(), keep_latest, older_than_days and older_than_days * 86400)
    assert [record.name for record in records.records()] == [names[day] for day in left]
    assert {record.name for record in removed} == {names[day] for day in names if day not in left}


def test_a_record_of_an_earlier_version_is_outdated_and_never_the_last_to_be_shown(runs: Path) -> None:
    complete = keep(runs, 3)
    keep(runs, 20, files=tuple(name for name in FILES if name != records.TOPOLOGY_FILE))

    assert [record.state for record in records.records()] == ["outdated", "complete"]
    assert records.latest_record().name == complete


def test_pruning_follows_no_link_and_leaves_what_is_being_played(runs: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    runs.mkdir(parents=True)
    (runs / "linked").symlink_to(elsewhere)
    with records.new_record(runs / "healthy-20250101-120000-1", "title: x"):
        assert [record.state for record in records.records()] == ["playing"]
        assert records.prune(records.records(), 0) == []
        (runs / "healthy-20250101-120000-1" / "kept.txt").touch()
    assert [record.state for record in records.records()] == ["incomplete"]
    records.prune(records.records(), 0)
    assert [path.name for path in runs.iterdir()] == ["linked"]
    assert elsewhere.is_dir()


@pytest.mark.parametrize("was_there", [False, True])
def test_a_run_that_fails_leaves_nothing_of_its_record(tmp_path: Path, was_there: bool) -> None:
    folder = tmp_path / "made" / "for" / "it" / "record"
    if was_there:
        folder.mkdir(parents=True)
    with suppress(KeyboardInterrupt), records.new_record(folder, "title: x"):
        (folder / "logs").mkdir()
        (folder / "logs" / "sshd.log").touch()
        raise KeyboardInterrupt
    left = [path.name for path in tmp_path.rglob("*")]
    assert left == (["made", "for", "it", "record"] if was_there else [])


def test_a_folder_with_something_in_it_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(InvalidInput, match="is not empty; name a new folder"), records.new_record(tmp_path, ""):
        pytest.fail("the run was played")
    assert (tmp_path / "mine.txt").exists()


@pytest.mark.parametrize(
    ("place", "why"),
    [("/proc/no-such/record", "No such file"), ("FILE/record", "Not a directory"), ("FILE", "File exists")],
)
def test_a_place_that_cannot_take_a_record_is_told_before_the_play(tmp_path: Path, place: str, why: str) -> None:
    (tmp_path / "FILE").touch()
    with pytest.raises(CannotRun) as refused, records.new_record(tmp_path / place, ""):
        pytest.fail("the run was played")
    assert why in str(refused.value)
    assert str(refused.value).endswith("--keep FOLDER names another place")
    assert "\n" not in str(refused.value)


def test_what_the_system_refuses_to_a_record_later_is_one_line_too(tmp_path: Path) -> None:
    with pytest.raises(CannotRun) as refused, records.record_errors(tmp_path):
        (tmp_path / "no-such-folder" / records.RUN_FILE).write_text("{}")
    assert str(refused.value).startswith(f"the record cannot be kept: {tmp_path}/no-such-folder/run.json: No such file")


def test_a_full_place_is_told_before_the_play_and_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = os.statvfs(tmp_path)
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result([*here[:3], 1, 1, *here[5:]]))
    with pytest.raises(CannotRun, match="No space left on device"), records.new_record(tmp_path / "record", ""):
        pytest.fail("the run was played")
    assert list(tmp_path.iterdir()) == []


def test_a_relative_state_folder_is_ignored_as_the_specification_asks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert records.runs_folder() == tmp_path / ".local" / "state" / "whodunet" / "runs"
