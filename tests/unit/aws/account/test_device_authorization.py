"""Device authorisations: a person decides once, in time, under the right code; the program hears it once."""

from __future__ import annotations

import re
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whodunet.aws.account.device_authorization import (
    LIFETIME_S,
    DeviceAuthorization,
    DeviceAuthorizations,
    State,
    user_code,
)
from whodunet.aws.account.grants import GrantError, GrantRefused

NOW_S = 1_800_000_000.0
CODE = "BCDF-GHJK"


@pytest.fixture
def waiting() -> DeviceAuthorizations:
    """One program waits."""
    authorizations = DeviceAuthorizations()
    authorizations.start(DeviceAuthorization("device", CODE, "cli", "botocore-client-corp", "10.8.0.10", NOW_S))
    return authorizations


def refused(authorizations: DeviceAuthorizations, client_id: str = "cli", at_s: float = NOW_S) -> GrantError:
    """What a poll is refused with."""
    with pytest.raises(GrantRefused) as caught:
        authorizations.poll("device", client_id, at_s)
    return caught.value.error


def decide(authorizations: DeviceAuthorizations, state: State) -> None:
    """A person answers."""
    pending = authorizations.pending(CODE, NOW_S)
    assert pending is not None
    pending.state, pending.person = state, "ann"


def test_as_long_as_nobody_answers_it_is_pending(waiting: DeviceAuthorizations) -> None:
    assert refused(waiting) is GrantError.AUTHORIZATION_PENDING


def test_the_person_who_allows_it_is_told_once(waiting: DeviceAuthorizations) -> None:
    decide(waiting, State.ALLOWED)
    assert waiting.poll("device", "cli", NOW_S) == "ann"
    assert refused(waiting) is GrantError.INVALID_GRANT


def test_what_is_denied_is_told_once(waiting: DeviceAuthorizations) -> None:
    decide(waiting, State.DENIED)
    assert refused(waiting) is GrantError.ACCESS_DENIED
    assert refused(waiting) is GrantError.INVALID_GRANT


@pytest.mark.parametrize("state", [State.ALLOWED, State.DENIED])
def test_a_code_is_good_for_one_answer(waiting: DeviceAuthorizations, state: State) -> None:
    decide(waiting, state)
    assert waiting.pending(CODE, NOW_S) is None


def test_after_ten_minutes_nobody_can_answer(waiting: DeviceAuthorizations) -> None:
    assert waiting.pending(CODE, NOW_S + LIFETIME_S - 1) is not None
    assert waiting.pending(CODE, NOW_S + LIFETIME_S) is None
    assert refused(waiting, at_s=NOW_S + LIFETIME_S) is GrantError.EXPIRED_TOKEN


def test_an_answer_that_is_fetched_too_late_is_lost(waiting: DeviceAuthorizations) -> None:
    decide(waiting, State.ALLOWED)
    assert refused(waiting, at_s=NOW_S + LIFETIME_S) is GrantError.EXPIRED_TOKEN


def test_another_client_gets_nothing(waiting: DeviceAuthorizations) -> None:
    decide(waiting, State.ALLOWED)
    assert refused(waiting, client_id="other") is GrantError.INVALID_GRANT


@pytest.mark.parametrize("typed", ["bcdf-ghjk", "BCDFGHJK", " bcdf ghjk "])
def test_a_code_is_found_however_it_is_typed(waiting: DeviceAuthorizations, typed: str) -> None:
    assert waiting.pending(typed, NOW_S) is not None


@pytest.mark.parametrize("typed", ["", "BCDF-GHJL", "BCDF", "BCDF-GHJK-X"])
def test_another_code_is_not_found(waiting: DeviceAuthorizations, typed: str) -> None:
    assert waiting.pending(typed, NOW_S) is None


@given(st.text(max_size=30))
def test_any_typed_text_is_answered(typed: str) -> None:
    assert DeviceAuthorizations().pending(typed, NOW_S) is None


def test_the_cli_may_poll_twice_at_once_and_then_every_second(waiting: DeviceAuthorizations) -> None:
    polls = [NOW_S, *(NOW_S + second for second in range(20))]
    assert {refused(waiting, at_s=at_s) for at_s in polls} == {GrantError.AUTHORIZATION_PENDING}


def test_who_polls_without_pause_is_told_to_slow_down(waiting: DeviceAuthorizations) -> None:
    answers = [refused(waiting) for _ in range(4)]
    assert answers == [GrantError.AUTHORIZATION_PENDING] * 3 + [GrantError.SLOW_DOWN]


def test_a_thousand_may_wait_and_no_more() -> None:
    authorizations, numbers = DeviceAuthorizations(), count()

    def start(at_s: float) -> None:
        authorizations.start(DeviceAuthorization(f"device {next(numbers)}", CODE, "cli", "cli", "", at_s))

    for _ in range(1000):
        start(NOW_S)
    with pytest.raises(GrantRefused) as caught:
        start(NOW_S)
    assert caught.value.error is GrantError.SLOW_DOWN
    start(NOW_S + LIFETIME_S)


@given(st.binary(min_size=16, max_size=32))
def test_a_code_has_two_times_four_consonants(random: bytes) -> None:
    assert re.fullmatch(r"[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}", user_code(random))


def test_other_random_bytes_make_another_code() -> None:
    assert len({user_code(number.to_bytes(16, "big")) for number in range(1000)}) == 1000
