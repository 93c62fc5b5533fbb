from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from whodunet.aws.ssm.back_off import BackOff


def test_the_first_attempt_is_made_at_once_and_each_wait_is_twice_the_one_before() -> None:
    back_off = BackOff(first_s=0.25, most_s=3)
    assert [back_off.wait_s(0) for _ in range(7)] == [0, 0.25, 0.5, 1, 2, 3, 3]


@given(st.floats(0, 1), st.integers(1, 40))
def test_chance_shortens_a_wait_by_half_at_most(chance: float, attempts: int) -> None:
    sooner, later = BackOff(), BackOff()
    for _ in range(attempts):
        wait_s = later.wait_s(0)
        assert wait_s / 2 <= sooner.wait_s(chance) <= wait_s <= 30


def test_after_a_success_the_waits_begin_again() -> None:
    back_off = BackOff()
    for _ in range(5):
        back_off.wait_s(0)
    back_off.reset()
    assert [back_off.wait_s(0), back_off.wait_s(0)] == [0, 0.25]
