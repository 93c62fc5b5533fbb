"""The audit trail's file."""

from __future__ import annotations

import json
from pathlib import Path

from whodunet.aws.account.cloudtrail import ServiceEvent
from whodunet.aws.programs.audit_trail import AuditTrail


def trail(directory: Path) -> AuditTrail:
    """A trail at one moment."""
    return AuditTrail(directory / "records", "eu-central-1", "123456789012", lambda: 1_800_000_000.0)


def test_each_event_is_one_line_as_soon_as_it_is_appended(tmp_path: Path) -> None:
    written = trail(tmp_path)
    for name in ("SessionStarted", "SessionEnded"):
        written.append(ServiceEvent("ssm", name, {"text": "two\nlines"}))
    lines = [json.loads(line) for line in (tmp_path / "records/cloudtrail.jsonl").read_text().splitlines()]
    assert [(line["eventName"], line["eventTime"]) for line in lines] == [
        ("SessionStarted", "2027-01-15T08:00:00Z"),
        ("SessionEnded", "2027-01-15T08:00:00Z"),
    ]
    assert lines[0]["eventID"] != lines[1]["eventID"]
    written.close()


def test_several_programs_append_to_one_trail(tmp_path: Path) -> None:
    both = [trail(tmp_path), trail(tmp_path)]
    for number in range(6):
        both[number % 2].append(ServiceEvent("ssm", str(number), {}))
    lines = (tmp_path / "records/cloudtrail.jsonl").read_text().splitlines()
    assert [json.loads(line)["eventName"] for line in lines] == list("012345")
    for each in both:
        each.close()


def test_only_its_owner_reads_the_trail(tmp_path: Path) -> None:
    trail(tmp_path).close()
    assert (tmp_path / "records/cloudtrail.jsonl").stat().st_mode & 0o077 == 0
