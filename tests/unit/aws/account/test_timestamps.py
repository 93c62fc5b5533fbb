from __future__ import annotations

from whodunet.aws.account.timestamps import utc_text


def test_a_time_is_written_in_whole_seconds_of_utc() -> None:
    assert utc_text(1_800_000_000.9) == "2027-01-15T08:00:00Z"
