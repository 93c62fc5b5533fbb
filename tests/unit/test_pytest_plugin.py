"""pytest's reports on scenario files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def report_of(scenario: Path, *options: str) -> str:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, str(scenario)]
    done = subprocess.run(command, cwd=scenario.parent, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_a_reported_scenario_file_sends_no_control_character_to_the_terminal(tmp_path: Path) -> None:
    scenario = tmp_path / "case.yaml"
    text = 'title: t\nstory: s\ntopology: corporate_vpn\n"\\e]0;OWNED\\a\\x9b\\u202e": 1\nanswer:\n  cause: none\n'
    scenario.write_text(text, encoding="utf-8")

    report = report_of(scenario)

    assert r"\u001b]0;OWNED\u0007\u009b\u202e" in report
    assert [character for character in report if not character.isprintable() and character != "\n"] == []


def test_a_test_is_named_without_control_characters(tmp_path: Path) -> None:
    scenario = tmp_path / "case.yaml"
    text = (
        "title: t\nstory: s\ntopology: corporate_vpn\n"
        'probes:\n  "p\\e[2J\\x9b": {host: client, command: "true"}\n'
        'answer:\n  cause: none\n  symptoms:\n    "p\\e[2J\\x9b": {symptom: connected}\n'
    )
    scenario.write_text(text, encoding="utf-8")

    report = report_of(scenario, "--collect-only", "-q")

    assert r"p\u001b[2J\u009b" in report
    assert [character for character in report if not character.isprintable() and character != "\n"] == []
