from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whodunet.aws.ssm.create_channel import control_channel, data_channel, token_of
from whodunet.aws.ssm.violations import MalformedPayload


def test_the_token_is_read_whatever_the_root_is_named() -> None:
    answer = b"<X><MessageSchemaVersion>1.0</MessageSchemaVersion><TokenValue>a&amp;b=</TokenValue></X>"
    assert token_of(answer) == "a&b="


@pytest.mark.parametrize("answer", [b"", b"{}", b"<X><TokenValue></TokenValue></X>", b"\xff<TokenValue"])
def test_an_answer_without_a_token_is_malformed(answer: bytes) -> None:
    with pytest.raises(MalformedPayload, match="no TokenValue"):
        token_of(answer)


@given(st.binary(max_size=100))
def test_whatever_the_answer_is_it_gives_a_token_or_is_malformed(answer: bytes) -> None:
    try:
        assert token_of(answer)
    except MalformedPayload:
        assert True


def test_a_session_named_after_a_person_keeps_its_name_in_the_path() -> None:
    assert data_channel("ann@corp.example-0abc").path == "/v1/data-channel/ann@corp.example-0abc"
    assert control_channel("i-0abcd1234efgh5678").path == "/v1/control-channel/i-0abcd1234efgh5678"


def test_no_identifier_leaves_its_place_in_the_path() -> None:
    assert data_channel("../x?y#z").path == "/v1/data-channel/..%2Fx%3Fy%23z"


def test_a_control_channel_is_read_and_a_data_channel_read_and_written() -> None:
    assert control_channel("i-1").query == "role=subscribe&stream=input"
    assert data_channel("s-1").query == "role=publish_subscribe"


def test_a_data_channel_is_asked_for_with_an_empty_client() -> None:
    asked = {"MessageSchemaVersion": "1.0", "RequestId": "00000000-0000-0000-0000-000000000001"}
    assert control_channel("i-1").request(UUID(int=1)) == asked
    assert data_channel("s-1").request(UUID(int=1)) == {**asked, "ClientId": ""}
