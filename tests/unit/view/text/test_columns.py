"""Text fits its columns, wide characters and combining ones too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whodunet.view.text.columns import abbreviated, columns_of, cut, definitions, filled, padded, table, wrapped


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


def test_a_table_has_its_cells_below_each_other_and_goes_on_in_the_last() -> None:
    rows = [("NAME", "TITLE"), ("one", "short"), ("three", "the title of a case is longer than the line")]
    assert list(table(rows, 40)) == [
        "NAME   TITLE",
        "one    short",
        "three  the title of a case is longer",
        "       than the line",
    ]


@pytest.mark.parametrize("name", ["x" * 100, "client", "東" * 40, "a name of many words, each of them short"])
@pytest.mark.parametrize("state", ["on", "y" * 60])
def test_a_table_of_whatever_names_fits(name: str, state: str) -> None:
    lines = list(table([("NAME", "STATE", "HOSTS"), (name, state, "12"), ("b", "on", "3")], 40))
    assert max(map(columns_of, lines)) <= 40
    assert lines[1].startswith(name[:5])
    assert all(line.endswith(("HOSTS", "12", "3")) for line in lines)


def test_a_name_in_the_last_cell_stays_whole_so_that_it_can_be_copied() -> None:
    name = "vpn-egress-reset-20251127-152956-393112345"
    assert list(table([("AGE", "RUN"), ("3 min", name), ("5 min", f"{name} twice")], 40)) == [
        "AGE    RUN",
        f"3 min  {name}",
        f"5 min  {name}",
        "       twice",
    ]


def test_what_is_said_is_wrapped_beside_the_names() -> None:
    rows = [("ssh", "timed out after 4.0 s; no answer"), ("東京", "refused")]

    assert list(definitions(rows, 30, before="  ")) == [
        "  ssh   timed out after 4.0 s;",
        "        no answer",
        "  東京  refused",
    ]


def test_beside_long_names_nothing_is_said_but_below_them() -> None:
    assert list(definitions([("a-rather-long-name", "refused")], 30)) == ["a-rather-long-name", "    refused"]


def test_abbreviated_names_stay_distinct() -> None:
    assert abbreviated("transit-router1", 7) == "tra-ro1"
    assert abbreviated("transit-router2", 7) == "tra-ro2"
    assert abbreviated("client", 7) == "client"
