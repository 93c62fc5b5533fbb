"""Whatever a command prints fits the terminal, and no control character of anybody's reaches it."""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from pathlib import Path

import pytest

from whodunet.cli import naming, terminal
from whodunet.cli.main import main
from whodunet.view.text.columns import columns_of
from whodunet.view.text.style import Style

HOSTILE = "\x1b]0;OWNED\x07\x9b31m\r\b\x7f\u202e\udc80"
ESCAPED = r"\u001b]0;OWNED\u0007\u009b31m\u000d\u0008\u007f\u202e\udc80"


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", HOSTILE],
        ["show", HOSTILE],
        ["check", HOSTILE],
        ["up", HOSTILE],
        ["exec", "--lab", HOSTILE, "client", "--", "true"],
        [HOSTILE],
        ["list", HOSTILE],
    ],
)
def test_an_argument_is_quoted_without_its_control_characters(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.suppress(SystemExit):  # argparse's own way to complain
        main(arguments)

    printed = capsys.readouterr().err
    assert printed
    assert [character for character in printed if not character.isprintable() and character != "\n"] == []


def test_a_files_content_is_quoted_without_its_control_characters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = tmp_path / "case.yaml"
    scenario.write_text('title: t\n"\\e[2J\\u202e\\u0085": 1\n', encoding="utf-8")

    assert main(["check", str(scenario)]) == 2

    printed = capsys.readouterr().err
    assert r"\u001b[2J" in printed
    assert [character for character in printed if not character.isprintable() and character != "\n"] == []


def test_prints_and_progress_are_made_visible_and_painted_text_keeps_its_colours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    terminal.guard()
    terminal.guard()  # twice is once

    print(HOSTILE)
    print(HOSTILE, file=sys.stderr)
    terminal.show(Style(colour=True).paint(f"held {HOSTILE}", "green"))

    assert out.getvalue() == f"{ESCAPED}\n\x1b[32mheld {ESCAPED}\x1b[0m\n"
    assert err.getvalue() == f"{ESCAPED}\n"


def test_a_terminal_that_lacks_a_character_shows_its_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    terminal.guard()

    print("müde", flush=True)

    assert written.getvalue() == b"m\\u00fcde\n"


def test_all_else_of_a_guarded_stream_is_the_streams_own(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stream)
    terminal.guard()

    assert sys.stdout.encoding == "utf-8"
    assert sys.stdout.buffer is stream.buffer
    assert not sys.stdout.isatty()


def test_completion_offers_no_name_that_a_terminal_would_obey() -> None:
    action = argparse.Action([], "name")
    naming.complete(action, lambda **_: ["healthy", HOSTILE, "a\nb"])

    assert vars(action)["completer"]() == ["healthy"]


@pytest.fixture
def forty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 40 columns."""
    monkeypatch.setenv("COLUMNS", "40")


@pytest.mark.usefixtures("forty_columns")
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("short", "short"),
        ("x" * 40, "x" * 40),
        ("x" * 41, "x" * 39 + "…"),
        ("two\nlines", "two lines"),
        ("東" * 21, "東" * 19 + "…"),
        ("\x1b" * 7, r"\u001b" * 6 + r"\u0…"),
    ],
)
def test_a_line_that_is_too_long_as_it_is_seen_ends_in_an_ellipsis(text: str, line: str) -> None:
    assert terminal.fitted(text) == line


@pytest.mark.usefixtures("forty_columns")
def test_a_story_is_broken_anew_paragraph_by_paragraph() -> None:
    story = "One two three four five six seven eight\nnine ten.\n\nAnother paragraph.\n"
    assert terminal.filled(story) == "One two three four five six seven eight\nnine ten.\n\nAnother paragraph."


@pytest.mark.usefixtures("forty_columns")
@pytest.mark.parametrize("title", ["東京 " * 12, "\x1b[2J " * 9])
def test_a_table_fits_as_it_is_seen(title: str) -> None:
    lines = terminal.table(("NAME", "TITLE"), [("one", title), ("\u202e", "short")]).splitlines()
    assert max(map(columns_of, lines)) <= 40
    assert lines[-1] == r"\u202e  short"


@pytest.mark.usefixtures("forty_columns")
def test_what_hangs_below_is_set_in_and_its_further_lines_deeper() -> None:
    assert terminal.hanging("a claim that\nis longer than one line of it") == (
        "    a claim that is longer than one line\n      of it"
    )
    assert terminal.hanging_line("lo     UNKNOWN  127.0.0.1", 7) == "       lo     UNKNOWN  127.0.0.1"
