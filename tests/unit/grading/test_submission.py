"""A verdict as tools give it: the published JSON, or words that a tool file has patterns for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit import case
from whodunet.cases.causes import Cause
from whodunet.diagnosis.verdict import HopInterval, Party
from whodunet.evidence.symptom import Symptom
from whodunet.grading.submission import UNDETERMINED, NoVerdict, Submission, from_json, read_submission
from whodunet.grading.tool import Tool, VerdictPattern

CAUSES = {
    "egress-reset": Cause(
        name="egress-reset",
        id="F01",
        party="egress firewall",
        title="reset",
        looks_like=Symptom.REFUSED,
        told_by="TTL",
    )
}


def tool(*patterns: dict[str, Any]) -> Tool:
    read = tuple(VerdictPattern.model_validate_json(json.dumps(each)) for each in patterns)
    return Tool(name="nc", title="netcat", command="nc {host}", time_limit_s=5, patterns=read or None)


def read(reader: Tool, **observed: Any) -> Submission | NoVerdict:
    return read_submission(reader, case.observation(**observed), CAUSES)


def test_the_first_pattern_that_fits_is_the_verdict() -> None:
    reader = tool(
        {"when": "refused by nobody", "parties": ["path"]},
        {"when": "^ssh: .* refused", "parties": ["destination"], "confidence": "high"},
        {"when": "refused", "parties": ["service"]},
    )
    verdict = read(reader)
    assert isinstance(verdict, Submission)
    assert verdict.parties == {Party.DESTINATION}
    assert verdict.confidence == "high"


def test_words_that_no_pattern_fits_are_undetermined() -> None:
    assert read(tool({"when": "no such words", "parties": ["path"]})) == UNDETERMINED


def test_a_pattern_may_ask_for_an_exit_status_as_well() -> None:
    reader = tool({"when": "refused", "exit_status": 0, "parties": ["path"]}, {"parties": ["destination"]})
    verdict = read(reader, status=255)
    assert isinstance(verdict, Submission)
    assert verdict.parties == {Party.DESTINATION}


def test_groups_of_a_pattern_are_hop_and_box() -> None:
    reader = tool({"when": r"hop (?P<hop>\d+): (?P<box>\S+) refused", "parties": ["path"]})
    verdict = read(reader, stderr="hop 3: 10.9.0.1 refused\n")
    assert isinstance(verdict, Submission)
    assert (verdict.interval, verdict.box) == (HopInterval(3, 3), "10.9.0.1")


def test_a_pattern_with_causes_alone_means_their_parties() -> None:
    verdict = read(tool({"when": "refused", "causes": ["egress-reset"]}))
    assert isinstance(verdict, Submission)
    assert verdict.parties == {Party.FIRST_HOP}


def test_the_published_json_is_read_and_keys_that_grading_does_not_know_are_left_alone() -> None:
    told = {"parties": ["first hop"], "hops": {"nearest": 0, "farthest": 1}, "summary": "...", "cost": {"took_s": 1}}
    verdict = from_json(json.dumps(told, indent=1))
    assert isinstance(verdict, Submission)
    assert verdict.parties == {Party.FIRST_HOP}
    assert verdict.interval == HopInterval(0, 1)


def test_the_last_line_may_be_the_verdict() -> None:
    verdict = from_json('probing ...\n{"parties": ["nobody"]}\n')
    assert isinstance(verdict, Submission)
    assert verdict.parties == {Party.NOBODY}


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("", "it printed no verdict as JSON"),
        ('{"parties": ["somebody"]}', "parties.0"),
        ('{"parties": [], "schema_version": 2}', "schema_version"),
        ("Traceback (most recent call last)", "it printed no verdict as JSON"),
    ],
)
def test_what_is_no_verdict_is_told_and_not_guessed(text: str, because: str) -> None:
    verdict = from_json(text)
    assert isinstance(verdict, NoVerdict)
    assert because in verdict.because


def test_a_tool_that_was_killed_before_it_printed_has_no_verdict() -> None:
    assert read(tool(), status=None) == NoVerdict("it did not end within 5 s")


def test_what_a_killed_tool_had_printed_counts() -> None:
    verdict = read(tool({"when": "refused", "parties": ["destination"]}), status=None)
    assert isinstance(verdict, Submission)
    assert verdict.parties == {Party.DESTINATION}


def test_a_tool_that_could_not_be_run_has_no_verdict() -> None:
    assert read(tool({"parties": ["path"]}), failure="client is gone") == NoVerdict("client is gone")
