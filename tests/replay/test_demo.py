"""The demo tells its cases as mysteries, at the pace of whoever reads."""

from __future__ import annotations

import io
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from whodunet.cli import demo
from whodunet.cli.main import main
from whodunet.replay import read_record

DATA = Path(__file__).parent / "data"


@pytest.fixture(autouse=True)
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorded runs in place of new ones."""

    def process(name: str) -> AbstractContextManager[None]:
        return nullcontext()

    def record(name: str, library: Any, process: Any, tell: Any, keep: Any = None) -> tuple[Any, Path]:
        tell(f"playing {name}")
        return read_record(DATA / name, library), Path("record")

    monkeypatch.setattr("whodunet.lab.launching.LabProcess", process)
    monkeypatch.setattr(demo, "record", record)
    monkeypatch.setattr(demo, "THE_WAY_IN", "sshd-down")


class Terminal(io.StringIO):
    """A terminal that was typed at."""

    def isatty(self) -> bool:
        return True


def told(monkeypatch: pytest.MonkeyPatch, typed: io.StringIO, screen: io.StringIO, *options: str) -> str:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, screen)
    monkeypatch.setattr(sys, "stdin", typed)
    monkeypatch.setenv("NO_COLOR", "1")
    assert main(["demo", *options]) == 0
    return screen.getvalue()


def test_who_did_it_is_not_told_before_the_packets_tell_it(monkeypatch: pytest.MonkeyPatch) -> None:
    story = told(monkeypatch, io.StringIO(), io.StringIO())

    mystery, _, packets = story.partition("\nThe packets of ssh, hop by hop")
    assert mystery.index("What the user saw") < mystery.index("The answer, as client sees it")
    assert [
        word for word in ("egress", "fw", "firewall") if word in mystery.replace("playing vpn-egress-reset", "")
    ] == []
    assert "culprit" not in packets
    assert "at\negress-fw." in packets


def test_at_a_terminal_it_waits_for_enter_before_each_section(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = Terminal("\n" * 100)

    story = told(monkeypatch, typed, Terminal())

    assert "[press Enter: What the user saw] \nWhat the user saw\n" in story
    assert "[press Enter: the way in] " in story
    assert typed.tell() == story.count("[press Enter: ")


def test_the_end_of_the_input_is_as_good_as_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "[press Enter: Lesson] \n\nLesson\n" in told(monkeypatch, Terminal(), Terminal())


@pytest.mark.parametrize(
    ("typed", "screen", "options"),
    [(Terminal(), Terminal(), ["--no-pause"]), (io.StringIO(), Terminal(), []), (Terminal(), io.StringIO(), [])],
)
def test_it_never_waits_where_nobody_sits_or_wants_to(
    monkeypatch: pytest.MonkeyPatch, typed: io.StringIO, screen: io.StringIO, options: list[str]
) -> None:
    assert "press Enter" not in told(monkeypatch, typed, screen, *options)


def test_once_a_pager_shows_the_story_no_progress_is_written_across_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "playing sshd-down" not in told(monkeypatch, io.StringIO(), io.StringIO())
    assert "playing sshd-down" in told(monkeypatch, Terminal(), Terminal())


def test_no_line_is_longer_than_the_width_of_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    for width in (40, 60, 80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        assert max(map(len, told(monkeypatch, io.StringIO(), io.StringIO()).splitlines())) <= width
