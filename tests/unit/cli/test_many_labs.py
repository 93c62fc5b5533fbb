"""Each lab of a class has its own case, where cases are drawn from seeds."""

from __future__ import annotations

import pytest

from whodunet.cli.many_labs import _crowding, _stories, _variations
from whodunet.errors import InvalidInput
from whodunet.variation import HIGHEST_SEED, Variation


def test_with_a_seed_each_lab_has_its_own_and_without_one_all_have_the_same_network() -> None:
    drawn = _variations(Variation(7, "ipv6"), 3)
    assert drawn == [Variation(7, "ipv6"), Variation(8, "ipv6"), Variation(9, "ipv6")]
    assert _variations(Variation(None, "ipv6"), 3) == [Variation(None, "ipv6")]


def test_more_labs_than_seeds_are_refused_with_the_seed_that_would_do() -> None:
    last = _variations(Variation(HIGHEST_SEED - 2), 3)[-1]
    assert last.seed == HIGHEST_SEED
    with pytest.raises(InvalidInput, match=f"gives lab 3 the seed {HIGHEST_SEED + 1}.*--seed {HIGHEST_SEED - 2}$"):
        _variations(Variation(HIGHEST_SEED - 1), 3)


def test_a_story_that_names_what_differs_is_told_of_each_lab() -> None:
    assert _stories({"seat-1": "It hangs.", "seat-2": "It hangs."}) == "It hangs."
    assert _stories({"seat-1": "Port 22.", "seat-2": "Port 222."}) == "seat-1: Port 22.\n\nseat-2: Port 222."


def test_more_labs_than_there_is_room_for_are_told_with_the_command_that_makes_room() -> None:
    (note,) = _crowding(37, 36)
    assert note.startswith("37 labs may be too many for this machine's tables of neighbours, which take about 36: ")
    assert "`sysctl net.ipv4.neigh.default.gc_thresh3=8192 net.ipv6.neigh.default.gc_thresh3=8192`" in note
    assert [*_crowding(36, 36), *_crowding(99, None)] == []
