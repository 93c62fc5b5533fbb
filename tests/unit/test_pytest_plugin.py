"""pytest's reports on scenario files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


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


CASE = """
title: t
story: s
topology: corporate_vpn
family: {only: ipv4, because: IPv6 has no broadcast}
probes:
  p: {host: client, command: "echo {instance}"}
answer:
  cause: none
  symptoms: {p: {symptom: connected, output: ["{instance}"]}}
"""


def test_a_scenario_about_the_other_family_is_one_test_that_is_skipped_with_its_reason(tmp_path: Path) -> None:
    scenario = tmp_path / "case.yaml"
    scenario.write_text(CASE, encoding="utf-8")
    report = report_of(scenario, "--whodunet-family", "ipv6", "--whodunet-seed", "7", "-rs")
    assert "whodunet: --seed 7 --family ipv6" in report
    assert "IPv6 has no broadcast" in report
    assert "1 skipped" in report


def test_a_seed_that_is_none_is_told_with_the_range(tmp_path: Path) -> None:
    report = report_of(tmp_path, "--whodunet-seed", "x")
    assert "argument --whodunet-seed: x is not a seed, which is a whole number from 0 to 4294967295" in report


@pytest.mark.parametrize(("options", "number"), [((), 0), (("--whodunet-mutations",), 1)])
def test_a_scenario_is_tested_for_claims_that_cannot_fail_where_that_is_asked_for(
    tmp_path: Path, options: tuple[str, ...], number: int
) -> None:
    scenario = tmp_path / "case.yaml"
    scenario.write_text(CASE, encoding="utf-8")
    assert report_of(scenario, "--collect-only", "-q", *options).count("case.yaml::can fail") == number
