"""A seed says the same wherever it is asked, and without one nothing is drawn."""

from __future__ import annotations

from argparse import ArgumentTypeError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whodunet.variation import HIGHEST_SEED, Draws, Variation, read_seed

SEEDS = st.integers(0, HIGHEST_SEED)


def test_a_seed_gives_these_values_and_no_others() -> None:
    """Stated here, so that no version of anything changes what a seed has been written down for."""
    draws = Draws(7)
    assert [draws.number("round trip", 161), draws.number("transit routers", 8)] == [28, 7]
    assert draws.in_any_order("order", "abcdef") == ("f", "b", "d", "e", "c", "a")


@given(SEEDS)
def test_a_draw_changes_no_other(seed: int) -> None:
    alone, after_another = Draws(seed), Draws(seed)
    after_another.number("something else", 1000)
    assert alone.number("round trip", 161) == after_another.number("round trip", 161)


def test_without_a_seed_all_is_as_stated() -> None:
    draws = Draws(None)
    assert draws.one_of("ttl", (64, 128), 255) == 255
    assert draws.some_of("hosts", range(9), (3, 1)) == (3, 1)
    assert draws.in_any_order("order", "cab") == ("c", "a", "b")
    assert draws.digits("account", "0123", "9x") == "9x"


@given(SEEDS)
def test_what_is_drawn_is_among_the_choices(seed: int) -> None:
    draws = Draws(seed)
    assert draws.one_of("ttl", (64, 128), 255) in (64, 128)
    several = draws.some_of("hosts", range(4), (9, 9, 9))
    assert len(set(several)) == 3
    assert set(several) <= set(range(4))
    assert sorted(draws.in_any_order("order", "abcdef")) == list("abcdef")
    assert draws.digits("account", "01", "99")[0] == "1"


def test_every_choice_comes_up() -> None:
    assert {Draws(seed).one_of("ttl", (64, 128, 255), 64) for seed in range(40)} == {64, 128, 255}


@pytest.mark.parametrize("text", ["-1", "4294967296", "1.5", "", "seven", "\N{ARABIC-INDIC DIGIT SEVEN}", "1e3", " 7"])
def test_what_is_no_seed_is_refused_with_the_range(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is not a seed, which is a whole number from 0 to 4294967295"):
        read_seed(text)


@pytest.mark.parametrize("seed", [0, 7, HIGHEST_SEED])
def test_every_number_of_32_bits_is_a_seed(seed: int) -> None:
    assert read_seed(str(seed)) == seed


def test_a_variation_is_called_by_the_options_that_ask_for_it() -> None:
    assert Variation().of("healthy") == "healthy"
    assert Variation(0).of("healthy") == "healthy --seed 0"
    assert Variation(7, "ipv6").of("healthy") == "healthy --seed 7 --family ipv6"
