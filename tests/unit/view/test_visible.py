"""Nothing that a terminal would obey gets through, and nothing else is changed."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whodunet.view.visible import UNENCODABLE, visible, visible_line

ANY_TEXT = st.text(st.characters())  # lone surrogates included


@pytest.mark.parametrize(
    ("obeyed", "escape"),
    [
        ("\x1b]0;OWNED\x07", r"\u001b]0;OWNED\u0007"),  # OSC: the window's title
        ("\x9b31m", r"\u009b31m"),  # C1: CSI in one character
        ("a\b\x7f\x00", r"a\u0008\u007f\u0000"),
        ("evil\rgood", r"evil\u000dgood"),
        ("\u202etxt.exe", r"\u202etxt.exe"),  # right-to-left override
        ("\u2066\u200b\ufeff", r"\u2066\u200b\ufeff"),
        ("one\u2028two", r"one\u2028two"),
        ("\udc9b\ud800", r"\udc9b\ud800"),  # lone surrogates: bytes of an argument that are no UTF-8
        ("\ufffe\ue000", r"\ufffe\ue000"),
        ("\U000e0041", r"\udb40\udc41"),  # a tag: invisible
    ],
)
def test_what_a_terminal_would_obey_is_escaped(obeyed: str, escape: str) -> None:
    assert visible(obeyed) == escape


def test_what_people_write_stays_as_it_is() -> None:
    text = "Grüße, 東京 ×\u00a0→ e\u0301 🛰\n\tand \\u001b as text"

    assert visible(text) == text


def test_a_name_stays_within_its_line() -> None:
    assert visible_line("a\n\tb") == r"a\u000a\u0009b"


@given(ANY_TEXT)
def test_no_control_character_and_no_surrogate_is_left_of_any_text(text: str) -> None:
    shown = visible(text)

    assert not {"Cc", "Cf", "Cs", "Zl", "Zp"} & {unicodedata.category(c) for c in shown if c not in "\n\t"}
    assert visible(shown) == shown


@given(ANY_TEXT)
def test_json_stays_the_same_json(text: str) -> None:
    written = json.dumps({"key": text}, ensure_ascii=False)

    assert json.loads(visible(written)) == json.loads(written)


def test_what_an_encoding_lacks_is_escaped_alike() -> None:
    assert "ü→🛰".encode("ascii", UNENCODABLE) == rb"\u00fc\u2192\ud83d\udef0"
