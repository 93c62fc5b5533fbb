"""A verdict's parts in words."""

from __future__ import annotations

import pytest

from whodunet.diagnosis.verdict import HopInterval
from whodunet.view.words.verdict import distance


@pytest.mark.parametrize(
    ("hops", "said"),
    [
        (HopInterval(0, 0), "here"),
        (HopInterval(0, 1), "0 to 1 hops away"),
        (HopInterval(1, 1), "1 hop away"),
        (HopInterval(6, 6), "6 hops away"),
        (HopInterval(6, 7), "6 to 7 hops away"),
    ],
)
def test_a_distance_is_told_in_hops(hops: HopInterval, said: str) -> None:
    assert distance(hops) == said
