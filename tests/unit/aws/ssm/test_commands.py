"""Run Command's documents and what travels about them."""

from __future__ import annotations

import pytest

from whodunet.aws.ssm.commands import (
    COMMAND_DOCUMENTS,
    SHELL_SCRIPT,
    CommandDocument,
    CommandOrder,
    CommandParameter,
    PluginStatus,
    ShellScript,
    accept,
    command_of,
    cut_off,
    job_id,
    summary,
)
from whodunet.aws.ssm.violations import InvalidParameters, MalformedPayload

DOCUMENT = COMMAND_DOCUMENTS["AWS-RunShellScript"]


def order(document: CommandDocument = DOCUMENT, **parameters: str | list[str]) -> CommandOrder:
    """An order as it arrives."""
    sent = CommandOrder(
        command_id="c-1", document_name="AWS-RunShellScript", document_content=document, parameters=parameters
    )
    return CommandOrder.from_payload(sent.to_payload())


def test_parameters_that_were_not_given_have_their_defaults() -> None:
    given = {"commands": ["id", "exit 3"]}
    assert accept(DOCUMENT, given) == {**given, "workingDirectory": "", "executionTimeout": "3600"}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "parameter commands has no default and was not given"),
        ({"commands": ["id"], "user": ["root"]}, "the document has no parameter user"),
        ({"commands": ["id"], "workingDirectory": ["/", "/tmp"]}, "parameter workingDirectory takes a list of exactly"),
        ({"commands": ["id"], "executionTimeout": ["172801"]}, "parameter executionTimeout does not match"),
        ({"commands": ["id"], "executionTimeout": ["0"]}, "parameter executionTimeout does not match"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(given: dict[str, list[str]], why: str) -> None:
    with pytest.raises(InvalidParameters, match=why):
        accept(DOCUMENT, given)


def test_a_list_takes_the_place_of_a_placeholder_that_stands_alone() -> None:
    script = order(commands=["echo {{ workingDirectory }}", "exit 3"], workingDirectory="/srv").shell_script()
    assert script.text == "echo {{ workingDirectory }}\nexit 3\n"  # a value is text, whatever it looks like
    assert (script.working_directory, script.timeout_s) == ("/srv", 3600)


def test_a_placeholder_within_text_becomes_text() -> None:
    document = CommandDocument(
        parameters={"names": CommandParameter(type="StringList", default=["a", "b"])},
        runtime_config={SHELL_SCRIPT: {"properties": [{"runCommand": ["echo {{ names }} {{ unknown }}"]}]}},
    )
    assert order(document).shell_script().text == "echo a\nb {{ unknown }}\n"


@pytest.mark.parametrize(
    ("runtime", "why"),
    [
        ({"aws:cloudWatch": {"properties": [{}]}}, "this agent runs one aws:runShellScript a document"),
        ({SHELL_SCRIPT: {"properties": [{}, {}]}}, "this agent runs one aws:runShellScript a document"),
        ({SHELL_SCRIPT: {"properties": [{}]}}, "aws:runShellScript: runCommand: Field required"),
        ({SHELL_SCRIPT: {"properties": [{"runCommand": "id"}]}}, "aws:runShellScript: runCommand: Input should be"),
    ],
)
def test_a_document_that_is_not_one_script_is_refused(runtime: dict[str, object], why: str) -> None:
    document = CommandDocument.model_validate({"runtimeConfig": runtime})
    with pytest.raises(MalformedPayload, match=why):
        order(document).shell_script()


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("60", 60), (60, 60), ("", 3600), ("0", 3600), ("172800", 172800), ("172801", 3600), ("x", 3600)],
)
def test_a_time_limit_out_of_bounds_is_the_default(given: str | int, seconds: int) -> None:
    assert ShellScript(run_command=["id"], timeout_seconds=given).timeout_s == seconds


def test_a_job_is_named_after_its_command() -> None:
    name = job_id("1111-2222", "i-1")
    assert (name, command_of(name)) == ("aws.ssm.1111-2222.i-1", "1111-2222")


@pytest.mark.parametrize("name", ["", "1111-2222", "aws.ssm.", "aws.ssm.1111", "aws.ssm..i-1", "x.aws.ssm.1.i-1"])
def test_other_names_are_no_jobs(name: str) -> None:
    with pytest.raises(MalformedPayload, match="JobId"):
        command_of(name)


def test_output_is_cut_off_with_a_note() -> None:
    assert cut_off("x" * 30, 30) == "x" * 30
    assert cut_off("x" * 31, 30) == "x" * 10 + "--output truncated--"


def test_a_summary_has_both_outputs() -> None:
    assert summary("out\n", "") == "out\n"
    assert summary("out\n", "err") == "out\n\n----------ERROR-------\nerr"
    assert len(summary("x" * 9000, "err")) == 2500


def test_what_agents_say_has_keys_in_camel_case() -> None:
    payload = PluginStatus(status="Success", code=0, standard_output="x").to_payload()
    assert b'"standardOutput":"x"' in payload
    assert PluginStatus.from_payload(payload).standard_output == "x"
