"""Replayed requests are told from honest repeats."""

from __future__ import annotations

from whodunet.aws.account.replays import REPEAT_WITHIN_S, SeenSignatures

KEEP_S = 600.0
FIRST, SECOND = ("invocation 1", "attempt=1"), ("invocation 2", "attempt=1")
HOME, ELSEWHERE = "10.8.0.10", "10.9.0.66"


def seen() -> SeenSignatures:
    """A memory with one signature in it."""
    memory = SeenSignatures(KEEP_S)
    assert memory.admits("signature", HOME, FIRST, 0.0)
    return memory


def test_the_same_request_again_is_a_replay() -> None:
    assert not seen().admits("signature", HOME, FIRST, 0.1)


def test_without_headers_that_tell_attempts_apart_a_repeat_is_a_replay() -> None:
    memory = SeenSignatures(KEEP_S)
    assert memory.admits("signature", HOME, ("", ""), 0.0)
    assert not memory.admits("signature", HOME, ("", ""), 0.1)


def test_another_attempt_from_the_same_address_soon_after_is_honest_once() -> None:
    memory = seen()
    assert memory.admits("signature", HOME, SECOND, REPEAT_WITHIN_S)
    assert not memory.admits("signature", HOME, SECOND, REPEAT_WITHIN_S)
    assert memory.admits("signature", HOME, ("invocation 1", "attempt=2"), REPEAT_WITHIN_S)


def test_another_attempt_from_elsewhere_is_a_replay() -> None:
    assert not seen().admits("signature", ELSEWHERE, SECOND, 0.1)


def test_another_attempt_too_late_is_a_replay_however_often_it_came_between() -> None:
    memory = seen()
    assert memory.admits("signature", HOME, SECOND, 4.0)
    assert not memory.admits("signature", HOME, ("invocation 3", ""), REPEAT_WITHIN_S + 0.1)


def test_other_signatures_are_other_requests() -> None:
    assert seen().admits("another", HOME, FIRST, 0.1)


def test_a_signature_is_remembered_as_long_as_it_could_be_used_and_no_longer() -> None:
    memory = seen()
    assert not memory.admits("signature", HOME, FIRST, KEEP_S)
    for number in range(100):
        memory.admits(f"later {number}", HOME, FIRST, KEEP_S + 1)
    assert len(memory) == 100
    assert memory.admits("signature", HOME, FIRST, KEEP_S + 1)
