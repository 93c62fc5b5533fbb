"""A style suits the stream that it is for."""

from __future__ import annotations

import io
import os
import pty
from collections.abc import Iterator
from typing import TextIO

import pytest

from whodunet.view.text.style import Style, width_of


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    """A terminal of 100 columns."""
    outer, inner = pty.openpty()
    with os.fdopen(inner, "w", encoding="utf-8") as stream:
        resize(stream, 100)
        yield stream
    os.close(outer)


def resize(terminal: TextIO, columns: int) -> None:
    import termios

    termios.tcsetwinsize(terminal.fileno(), (24, columns))


def test_the_width_is_the_terminals_unless_columns_says_another(terminal: TextIO) -> None:
    assert width_of(terminal, {}) == 100
    assert width_of(terminal, {"COLUMNS": "90"}) == 90
    assert [width_of(terminal, {"COLUMNS": bad}) for bad in ("", "0", "-5", "wide", "²")] == [100] * 5


def test_a_file_is_written_for_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", io.StringIO())

    assert width_of(io.StringIO(), {}) == 80
    assert width_of(io.StringIO(), {"COLUMNS": "100"}) == 100


def test_a_pager_in_a_narrow_terminal_gets_lines_that_fit_it(terminal: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", terminal)
    wide = width_of(io.StringIO(), {})
    resize(terminal, 60)

    assert (wide, width_of(io.StringIO(), {})) == (80, 60)


def test_a_terminal_that_does_not_know_its_width_has_80_columns(terminal: TextIO) -> None:
    resize(terminal, 0)

    assert width_of(terminal, {}) == 80


def test_lines_stay_readable_in_terminals_of_any_width(terminal: TextIO) -> None:
    assert [width_of(terminal, {"COLUMNS": told}) for told in ("7", "999")] == [40, 120]


def test_colour_is_for_terminals_and_can_be_declined(terminal: TextIO) -> None:
    assert Style.of_terminal(terminal, {}).colour
    assert not Style.of_terminal(terminal, {"NO_COLOR": "1"}).colour
    assert not Style.of_terminal(terminal, {"TERM": "dumb"}).colour
    assert not Style.of_terminal(io.StringIO(), {}).colour


def test_ascii_is_for_streams_that_know_no_more() -> None:
    latin = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")

    assert Style.of_terminal(latin, {}).ascii_only
    assert Style(ascii_only=True).paint("●──▶ müde") == r"o--> m\u00fcde"


def test_painted_text_holds_no_control_character_but_its_colours() -> None:
    assert Style(colour=True).paint("\x1b[2Jred", "red") == "\x1b[31m\\u001b[2Jred\x1b[0m"
