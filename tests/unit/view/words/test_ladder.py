"""A ladder's rows are said in few words."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from whodunet.view.models.ladder import PacketRow, RoutineRow, ladder_of
from whodunet.view.words.ladder import explained_ttls, row_label, sent_again, ttls


@pytest.fixture
def syn(case: ModuleType) -> PacketRow:
    """A SYN that came all the way, one router on it."""
    [row] = ladder_of(case.left(case.seen(case.tcp("S"), 0, *case.WHOLE_WAY))).rows
    assert isinstance(row, PacketRow)
    return row


def test_a_row_says_what_came_and_in_whose_name(syn: PacketRow) -> None:
    assert row_label(syn) == "SYN"
    assert row_label(replace(syn, spoofed="client")) == "SYN as client"
    assert row_label(RoutineRow(0.0, 8)) == "… 8 packets of data and ACKs, all arrived"


def test_ttls_that_are_the_same_are_one_and_need_no_explanation(syn: PacketRow) -> None:
    assert (ttls(syn), explained_ttls(syn)) == ("64→63", "64→63: TTL where first seen → where last seen")
    same = replace(syn, last_ttl=64)
    assert (ttls(same), explained_ttls(same)) == ("64", None)


@pytest.mark.parametrize(
    ("again_s", "words"),
    [
        ((1.0, 3.0, 7.5), "at +1, +3, +7.5 s"),
        ((0.004,), "at +0.004 s"),
        (tuple(map(float, range(1, 11))), "at +1, +2, +3, +4, +5, +6, +7, +8 s … (10 times)"),
    ],
)
def test_the_times_are_listed_and_where_they_are_many_counted(
    syn: PacketRow, again_s: tuple[float, ...], words: str
) -> None:
    assert sent_again(replace(syn, again_s=again_s)) == f"retransmitted {words}"
    assert sent_again(replace(syn, again_s=again_s, is_retransmitted=False)) == f"sent again {words}"
