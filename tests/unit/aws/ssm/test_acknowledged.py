from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whodunet.aws.ssm import acknowledged
from whodunet.aws.ssm.acknowledged import AcknowledgedNumbers

steps = st.lists(st.tuples(st.booleans(), st.integers(-3, 20)), max_size=60)


@given(steps)
def test_a_number_is_acknowledged_if_it_was_seen_and_then_acknowledged(steps: list[tuple[bool, int]]) -> None:
    numbers, seen, expected = AcknowledgedNumbers(), set[int](), set[int]()
    for acknowledges, number in steps:
        if acknowledges:
            numbers.add(number)
            expected |= {number} & seen
        else:
            numbers.seen(number)
            seen.add(number)
    assert {number for number in range(-5, 25) if number in numbers} == expected


@pytest.mark.parametrize("first", [0, 5_000])
def test_a_long_session_takes_no_more_room_than_a_short_one(first: int) -> None:
    numbers = AcknowledgedNumbers()
    for number in range(first, first + 2_000):
        numbers.seen(number)
        numbers.add(number)
    assert (len(numbers._outstanding), len(numbers._others)) == (0, 0)
    assert first + 1_999 in numbers
    assert first + 2_000 not in numbers


def test_what_an_agent_sends_without_end_takes_no_room_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acknowledged, "MOST_OUTSTANDING", 10)
    numbers = AcknowledgedNumbers()
    for number in range(0, 100, 2):
        numbers.seen(number)
    for number in range(100):
        numbers.add(number)
    assert sum(number in numbers for number in range(100)) == 10
