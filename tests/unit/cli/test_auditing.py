"""What the audit prints."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from whodunet.cli import auditing
from whodunet.cli.main import main
from whodunet.services.cloud.audit import AuditFinding


@pytest.fixture
def findings(monkeypatch: pytest.MonkeyPatch) -> Sequence[AuditFinding]:
    """What the audit of a lab found, without the lab."""
    found = [
        AuditFinding("every access recorded", True, ("the last: StartSession by nobody " + "known " * 20, "\x1b[2J"))
    ]
    monkeypatch.setattr(auditing, "chosen_lab", lambda options: nullcontext())
    monkeypatch.setattr("whodunet.services.cloud.audit.audit", lambda lab: found)
    return found


@pytest.mark.usefixtures("findings")
def test_its_evidence_fits_the_terminal_and_holds_no_control_character(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    assert main(["audit"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["yes  every access recorded", f"       the last: StartSession by nobody{' known' * 6}"]
    assert lines[-1] == r"       \u001b[2J"
    assert max(map(len, lines)) <= 80


def test_the_audit_trail_and_the_transcripts_can_be_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = {"cloudtrail.jsonl": '{"eventName": "StartSession"}\n', "transcripts/ann": "whoami\nssm-user\n"}
    lab = SimpleNamespace(records=lambda: kept)
    monkeypatch.setattr(auditing, "chosen_lab", lambda options: nullcontext(lab))

    assert main(["audit", "--records"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "== cloudtrail.jsonl ==",
        '{"eventName": "StartSession"}',
        "== transcripts/ann ==",
        "whoami",
        "ssm-user",
    ]
