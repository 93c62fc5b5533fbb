"""The engine gives the last packets of a probe the time that they need, and no more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from whodunet import engine
from whodunet.cases.lab import Capture, Lab


class CountingLab:
    """A lab of which only the number of recorded frames is asked."""

    def __init__(self, counts: Iterable[int]) -> None:
        self._counts = iter(counts)
        self._looks = 0

    @contextmanager
    def capture(self) -> Iterator[Capture]:
        """The next count."""
        self._looks += 1
        yield Capture(Path(), {}, {"client-eth0": next(self._counts)}, 0, time_ns=self._looks, clock_offset_ns=0)


@pytest.mark.parametrize(("counts", "round_trips"), [
    ([7, 7], 1),
    ([7, 8, 9, 9], 3),
    (range(99), 8),
])  # fmt: skip
def test_it_waits_until_nothing_was_seen_for_a_round_trip_and_not_for_ever(
    counts: Iterable[int], round_trips: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)

    lab = cast(Lab, CountingLab(counts))
    settled = engine._settle(lab, 0.05, engine._recorded_by_now(lab))

    assert waits == [0.05] * round_trips
    assert settled.time_ns == round_trips + 1  # by the recorder's clock, and not by this process's
