"""What is printed fits the terminal, steers it nowhere, and says beforehand where it cannot be written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from whodunet.cli import output


@pytest.fixture(autouse=True)
def columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 40 columns."""
    monkeypatch.setenv("COLUMNS", "40")


def test_a_table_has_its_columns_below_each_other_and_goes_on_in_the_last() -> None:
    rows = [("one", "short"), ("three", "the title of a case is longer than the line")]
    assert output.table(("NAME", "TITLE"), rows).splitlines() == [
        "NAME   TITLE",
        "one    short",
        "three  the title of a case is longer",
        "       than the line",
    ]


@pytest.mark.parametrize("name", ["x" * 100, "client", "a name of many words, each of them short"])
@pytest.mark.parametrize("state", ["on", "y" * 60])
def test_a_table_of_whatever_names_fits_its_columns(name: str, state: str) -> None:
    lines = output.table(("NAME", "STATE", "HOSTS"), [(name, state, "12"), ("b", "on", "3")]).splitlines()
    assert max(map(len, lines)) <= 40
    assert lines[1].startswith(name[:8])
    assert all(line.endswith(("HOSTS", "12", "3")) for line in lines)


def test_a_name_in_the_last_column_stays_whole_so_that_it_can_be_copied() -> None:
    name = "vpn-egress-reset-20251127-152956-393112345"
    assert name in output.table(("AGE", "RUN"), [("3 min", name)])


@pytest.mark.parametrize(
    ("text", "line"),
    [("short", "short"), ("x" * 10, "x" * 10), ("x" * 11, "x" * 9 + "…"), ("two\nlines", "two lines")],
)
def test_a_line_that_is_too_long_ends_in_an_ellipsis(text: str, line: str) -> None:
    assert output.fitted(text, 10) == line


def test_a_story_is_broken_anew_paragraph_by_paragraph() -> None:
    story = "One two three four five six seven eight\nnine ten.\n\nAnother paragraph.\n"
    assert output.wrapped(story) == "One two three four five six seven eight\nnine ten.\n\nAnother paragraph."


def test_a_file_on_a_file_system_with_room_can_be_written_to(tmp_path: Path) -> None:
    with open(tmp_path / "report", "wb") as file:
        output.require_room(file.fileno(), "report")


def test_a_file_that_is_open_for_reading_alone_cannot(tmp_path: Path) -> None:
    (tmp_path / "report").touch()
    with open(tmp_path / "report", "rb") as file, pytest.raises(OSError, match="report") as refused:
        output.require_room(file.fileno(), "report")
    assert refused.value.strerror == "Bad file descriptor"


def test_a_full_file_system_has_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = os.statvfs(tmp_path)
    full = os.statvfs_result([*here[:3], 0, 0, *here[5:]])
    monkeypatch.setattr(os, "fstatvfs", lambda _: full)
    with open(tmp_path / "report", "wb") as file, pytest.raises(OSError, match="No space left on device: 'report'"):
        output.require_room(file.fileno(), "report")
