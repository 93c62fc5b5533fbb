"""What the audit prints."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from whodunet.cli import auditing
from whodunet.cli.main import main
from whodunet.lab.audit import Finding


@pytest.fixture
def findings(monkeypatch: pytest.MonkeyPatch) -> Sequence[Finding]:
    """What the audit of a lab found, without the lab."""
    found = [Finding("every access recorded", True, ("the last: StartSession by nobody " + "known " * 20, "\x1b[2J"))]
    monkeypatch.setattr(auditing, "chosen", lambda options: "lab")
    monkeypatch.setattr(auditing, "topology_of", lambda name: None)
    monkeypatch.setattr("whodunet.lab.control.Connection.to", lambda name: None)
    monkeypatch.setattr("whodunet.lab.audit.audit", lambda lab: found)
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
    monkeypatch.setattr(auditing, "chosen", lambda options: "lab")
    monkeypatch.setattr(auditing, "ask", lambda lab, what: {what: kept})

    assert main(["audit", "--records"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "== cloudtrail.jsonl ==",
        '{"eventName": "StartSession"}',
        "== transcripts/ann ==",
        "whoami",
        "ssm-user",
    ]
