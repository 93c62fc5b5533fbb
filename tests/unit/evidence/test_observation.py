"""When a probe ran is believed when two clocks agree on it."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

HOUR_NS = 3_600 * 10**9


def test_two_clocks_that_agree_raise_no_doubt(case: ModuleType) -> None:
    assert case.observation().clock_doubt(case.CLOCK_OFFSET_NS) is None
    assert case.observation().clock_doubt(case.CLOCK_OFFSET_NS + 40_000_000) is None


@pytest.mark.parametrize("moment", ["started_ns", "ended_ns", "started_boot_ns", "ended_boot_ns"])
@pytest.mark.parametrize("step_ns", [HOUR_NS, -HOUR_NS, 100_000_000])
def test_a_clock_that_was_stepped_is_told(case: ModuleType, moment: str, step_ns: int) -> None:
    observation = case.observation()
    stepped = replace(observation, **{moment: getattr(observation, moment) + step_ns})

    doubt = stepped.clock_doubt(case.CLOCK_OFFSET_NS)

    off = (-step_ns if "boot" in moment else step_ns) / 1e9
    assert doubt == f"the clock was {off:+.3f} s off the recorder's while the probe ran"


def test_one_clock_alone_proves_nothing(case: ModuleType) -> None:
    without = replace(case.observation(), started_boot_ns=None)

    assert without.clock_doubt(case.CLOCK_OFFSET_NS) == "no second clock bears out when the probe ran"
    assert case.observation().clock_doubt(None) == "no second clock bears out when the probe ran"
