from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whodunet.aws.programs.plugin.invocation import InvalidArguments, read_invocation

RESPONSE = {"SessionId": "ann-1", "TokenValue": "secret", "StreamUrl": "wss://host/v1/data-channel/ann-1?role=x"}
REQUEST = {"Target": "i-1", "DocumentName": "AWS-StartPortForwardingSession"}
VARIABLE = "AWS_SSM_START_SESSION_RESPONSE"


def test_the_answer_of_start_session_may_be_an_argument() -> None:
    arguments = [json.dumps(RESPONSE), "eu-central-1", "StartSession", "dev", json.dumps(REQUEST), "https://ssm"]
    invocation = read_invocation(arguments, {})
    assert (invocation.session_id, invocation.token) == ("ann-1", "secret")
    assert invocation.stream_url == RESPONSE["StreamUrl"]
    assert (invocation.region, invocation.profile, invocation.endpoint_url) == ("eu-central-1", "dev", "https://ssm")


def test_the_answer_may_be_in_the_environment_and_is_not_left_there() -> None:
    environment = {VARIABLE: json.dumps(RESPONSE), "HOME": "/root"}
    assert read_invocation([VARIABLE, "eu-central-1", "StartSession"], environment).token == "secret"
    assert environment == {"HOME": "/root"}


def test_three_arguments_are_enough() -> None:
    invocation = read_invocation([json.dumps(RESPONSE), "eu-central-1", "StartSession"], {})
    assert (invocation.profile, invocation.endpoint_url, invocation.document) == ("", "", "")


def test_the_token_is_not_shown() -> None:
    assert "secret" not in repr(read_invocation([json.dumps(RESPONSE), "eu-central-1", "StartSession"], {}))


@pytest.mark.parametrize(("document", "carries_ssh"), [("AWS-StartSSHSession", True), ("Other", False)])
def test_the_document_tells_whether_standard_output_is_ssh_s(document: str, carries_ssh: bool) -> None:
    request = json.dumps({"Target": "i-1", "DocumentName": document})
    arguments = [json.dumps(RESPONSE), "eu-central-1", "StartSession", "", request]
    assert read_invocation(arguments, {}).carries_ssh is carries_ssh


@pytest.mark.parametrize(
    ("response", "complaint"),
    [
        ("{", "RESPONSE is not JSON"),
        ("[]", "RESPONSE is not a JSON object"),
        (json.dumps({**RESPONSE, "SessionId": None}), "RESPONSE has no SessionId"),
        (json.dumps({**RESPONSE, "TokenValue": ""}), "RESPONSE has no TokenValue"),
        (json.dumps({**RESPONSE, "StreamUrl": "https://host/"}), "StreamUrl 'https://host/' is not an address"),
        (json.dumps({**RESPONSE, "StreamUrl": "wss://host:port/"}), "is not an address"),
        (VARIABLE, f"the environment has no variable {VARIABLE}"),
    ],
)
def test_an_answer_that_cannot_be_used_is_refused(response: str, complaint: str) -> None:
    with pytest.raises(InvalidArguments, match=complaint):
        read_invocation([response, "eu-central-1", "StartSession"], {})


def test_a_region_is_needed() -> None:
    with pytest.raises(InvalidArguments, match="region"):
        read_invocation([json.dumps(RESPONSE), "", "StartSession"], {})


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_whatever_the_arguments_nothing_but_invalid_arguments_is_raised(arguments: list[str]) -> None:
    with suppress(InvalidArguments):
        read_invocation([*arguments, "eu-central-1", "StartSession"], {})
