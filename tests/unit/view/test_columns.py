"""Text fits its columns, wide characters and combining ones too."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from whodunet.view.columns import abbreviated, columns_of, cut, filled, padded, table, wrapped


def test_a_wide_character_takes_two_columns_and_a_combining_one_none() -> None:
    assert [columns_of(text) for text in ("abc", "東京", "e\u0301", "×→")] == [3, 4, 1, 2]
    assert padded("東京", 6) == "東京  "
    assert [cut("東京都", width) for width in (6, 5, 4)] == ["東京都", "東京…", "東…"]


def test_a_line_breaks_at_blanks_and_a_long_word_where_it_must() -> None:
    assert wrapped("ssh -i key.pem user@host", 14, "  ") == ["ssh -i key.pem", "  user@host"]
    assert wrapped("x" * 25, 10, "  ") == ["x" * 10, "  " + "x" * 8, "  " + "x" * 7]


def test_a_line_breaks_after_the_wanted_sign_if_there_is_one() -> None:
    assert wrapped("seq 1, win 64240, length 0", 14, after=",") == ["seq 1,", "win 64240,", "length 0"]
    assert wrapped("seq 1 win 64240, length", 14, after=",") == ["seq 1 win", "64240, length"]


def test_blanks_within_a_line_stay_and_those_of_prose_do_not() -> None:
    assert wrapped("lo     UNKNOWN  127.0.0.1", 30) == ["lo     UNKNOWN  127.0.0.1"]
    assert filled("one\n  two", 30) == ["one two"]


@given(st.text(st.sampled_from("ab 東\u0301")), st.integers(8, 30), st.sampled_from(["", "    "]))
def test_no_line_is_wider_than_told_and_no_character_is_lost(text: str, width: int, indent: str) -> None:
    lines = wrapped(text, width, indent)

    assert max(map(columns_of, lines)) <= width
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_table_wraps_what_is_said_beside_the_names() -> None:
    rows = [("ssh", "timed out after 4.0 s; no answer"), ("東京", "refused")]

    assert list(table(rows, 30, before="  ")) == [
        "  ssh   timed out after 4.0 s;",
        "        no answer",
        "  東京  refused",
    ]


def test_a_table_with_long_names_says_what_it_says_below_them() -> None:
    assert list(table([("a-rather-long-name", "refused")], 30)) == ["a-rather-long-name", "    refused"]


def test_abbreviated_names_stay_distinct() -> None:
    assert abbreviated("transit-router1", 7) == "tra-ro1"
    assert abbreviated("transit-router2", 7) == "tra-ro2"
    assert abbreviated("client", 7) == "client"
