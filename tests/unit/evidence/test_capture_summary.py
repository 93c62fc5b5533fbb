"""A capture that is not the one that was recorded is noticed."""

from __future__ import annotations

from dataclasses import replace

from whodunet.evidence.capture_summary import CaptureSummary, damage

RECORDED = CaptureSummary({"a": 3, "b": 0}, {}, "aa" * 32, 5)


def test_what_was_recorded_is_no_damage_and_the_clock_is_no_part_of_it() -> None:
    assert list(damage(RECORDED, replace(RECORDED, clock_offset_ns=None), None)) == []


def test_another_hash_another_count_and_a_reader_that_stopped_are_told() -> None:
    read = CaptureSummary({"a": 2, "c": 1}, {}, "bb" * 32)

    assert list(damage(RECORDED, read, "it breaks off")) == [
        "the capture could not be read to its end: it breaks off",
        "the capture holds 2 instead of 3 frames at a, 1 instead of 0 frames at c",
        "the capture is not the one that was recorded: its SHA-256 differs",
    ]


def test_of_many_counts_the_first_are_named() -> None:
    read = replace(RECORDED, frames=dict.fromkeys("abcde", 9))

    [told] = damage(RECORDED, read, None)

    assert told.startswith("the capture holds 9 instead of 3 frames at a, 9 instead of 0 frames at b, ")
    assert told.endswith(" at c and 2 more capture points")


def test_a_record_that_says_nothing_is_no_record_of_a_capture() -> None:
    assert list(damage(None, RECORDED, None)) == ["the record does not say what its capture held"]
