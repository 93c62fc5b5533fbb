from __future__ import annotations

import json
from contextlib import suppress
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whodunet.aws.ssm import payloads
from whodunet.aws.ssm.documents import DOCUMENTS
from whodunet.aws.ssm.frames import Frame, MessageType, NewId, Now
from whodunet.aws.ssm.payloads import Flag, InteractiveShell, Payload, Size
from whodunet.aws.ssm.violations import MalformedPayload

IDENTIFIER = UUID("00112233-4455-6677-8899-aabbccddeeff")
NOW = Now(monotonic_s=1.0, epoch_ms=1_700_000_000_123)
CONTENT = payloads.ShellContent(
    document_name="AWS-StartSSHSession",
    document_content=DOCUMENTS["AWS-StartSSHSession"],
    session_id="dev-0123",
    parameters={"portNumber": "22"},
)


def ids() -> NewId:
    """Identifiers, counted."""
    return (UUID(int=number) for number in count(1)).__next__


WIRE: dict[str, tuple[Payload, dict[str, Any]]] = {
    "acknowledge": (
        payloads.Acknowledge(
            acknowledged_message_type="output_stream_data",
            acknowledged_message_id=IDENTIFIER,
            acknowledged_message_sequence_number=3,
        ),
        {
            "AcknowledgedMessageType": "output_stream_data",
            "AcknowledgedMessageId": str(IDENTIFIER),
            "AcknowledgedMessageSequenceNumber": 3,
            "IsSequentialMessage": True,
        },
    ),
    "agent_session_state": (
        payloads.AgentSessionState(session_state=payloads.SessionState.TERMINATING, session_id="s"),
        {"SchemaVersion": 1, "SessionState": "Terminating", "SessionId": "s"},
    ),
    "channel_closed": (
        payloads.ChannelClosed(message_id=IDENTIFIER, created_date="2023-11-14", session_id="s", output="bye"),
        {
            "MessageId": str(IDENTIFIER),
            "CreatedDate": "2023-11-14",
            "DestinationId": "",
            "SessionId": "s",
            "MessageType": "channel_closed",
            "SchemaVersion": 1,
            "Output": "bye",
        },
    ),
    "agent_task_complete": (
        payloads.AgentTaskComplete(task_id="s", final_task_status=payloads.TaskStatus.SUCCESS, instance_id="i-1"),
        {
            "SchemaVersion": 1,
            "TaskId": "s",
            "Topic": "agent_task_complete",
            "FinalTaskStatus": "Success",
            "IsRoutingFailure": False,
            "AwsAccountId": "",
            "InstanceId": "i-1",
            "Output": "",
            "S3Bucket": "",
            "S3UrlSuffix": "",
            "CwlGroup": "",
            "CwlStream": "",
            "RetryNumber": 0,
        },
    ),
    "agent_task_acknowledge": (
        payloads.AgentTaskAcknowledge(message_id=IDENTIFIER, task_id="s"),
        {"SchemaVersion": 1, "MessageId": str(IDENTIFIER), "TaskId": "s", "Topic": "agent_task_complete"},
    ),
    "a client opens its data channel": (
        payloads.OpenClientChannel(request_id="r", token_value="t", client_id="c", client_version="1.2.677.0"),
        {
            "MessageSchemaVersion": "1.0",
            "RequestId": "r",
            "TokenValue": "t",
            "ClientId": "c",
            "ClientVersion": "1.2.677.0",
        },
    ),
    "an agent opens its data channel": (
        payloads.OpenAgentChannel(request_id="r", token_value="t", client_instance_id="i-1"),
        {
            "MessageSchemaVersion": "1.0",
            "RequestId": "r",
            "TokenValue": "t",
            "ClientInstanceId": "i-1",
            "ClientId": "",
        },
    ),
    "an agent opens its control channel": (
        payloads.OpenControlChannel(request_id="r", token_value="t", agent_version="3.3.0.0"),
        {
            "Cookie": None,
            "MessageSchemaVersion": "1.0",
            "RequestId": "r",
            "TokenValue": "t",
            "AgentVersion": "3.3.0.0",
            "PlatformType": "linux",
        },
    ),
    "size": (Size(cols=80, rows=24), {"cols": 80, "rows": 24}),
}


@pytest.mark.parametrize(("payload", "wire"), WIRE.values(), ids=WIRE)
def test_a_payload_has_the_keys_that_the_programs_know(payload: Payload, wire: dict[str, Any]) -> None:
    assert json.loads(payload.to_payload()) == wire
    assert type(payload).from_payload(json.dumps(wire).encode()) == payload


@pytest.mark.parametrize(("payload", "wire"), WIRE.values(), ids=WIRE)
def test_unknown_keys_are_ignored(payload: Payload, wire: dict[str, Any]) -> None:
    assert type(payload).from_payload(json.dumps({**wire, "News": [1]}).encode()) == payload


def test_every_missing_or_wrong_key_is_named() -> None:
    with pytest.raises(MalformedPayload) as caught:
        payloads.AgentSessionState.from_payload(b'{"SessionState": "Asleep", "SchemaVersion": "1"}')
    assert str(caught.value).startswith("AgentSessionState: SessionState: Input should be 'Connected' or 'Terminating'")
    assert "; SessionId: Field required; SchemaVersion: Input should be a valid integer" in str(caught.value)


@pytest.mark.parametrize("payload", [b"", b"{", b"null", b"[]", b"\xff", b"[" * 10_000, b'"\\ud800"'])
def test_what_is_no_object_is_malformed(payload: bytes) -> None:
    with pytest.raises(MalformedPayload, match=r"^Acknowledge: "):
        payloads.Acknowledge.from_payload(payload)


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_read_or_called_malformed(noise: bytes) -> None:
    for kind in (type(payload) for payload, _ in WIRE.values()):
        with suppress(MalformedPayload):
            kind.from_payload(noise)


@pytest.mark.parametrize("number", [-1, 2**63, "3", 3.5, True, None])
def test_an_acknowledged_number_that_no_frame_can_have_is_malformed(number: object) -> None:
    wire = {**WIRE["acknowledge"][1], "AcknowledgedMessageSequenceNumber": number}
    with pytest.raises(MalformedPayload, match="AcknowledgedMessageSequenceNumber"):
        payloads.Acknowledge.from_payload(json.dumps(wire))


@pytest.mark.parametrize("wire", ['{"cols": -1, "rows": 24}', '{"cols": 65536, "rows": 24}', '{"cols": 80}'])
def test_a_size_that_no_terminal_can_have_is_malformed(wire: str) -> None:
    with pytest.raises(MalformedPayload, match=r"^Size: "):
        Size.from_payload(wire)


def test_without_a_terminal_a_client_has_300_columns_and_100_rows() -> None:
    assert (Size.DEFAULT.cols, Size.DEFAULT.rows) == (300, 100)


def test_the_order_to_start_a_session_quotes_its_content() -> None:
    order = json.loads(InteractiveShell.of(CONTENT).to_payload())
    assert (order["TaskId"], order["Topic"], order["SchemaVersion"]) == ("dev-0123", "aws.ssm.openShell", 1)
    content = json.loads(order["Content"])
    assert set(content) == {
        "DocumentName",
        "DocumentContent",
        "SessionId",
        "Parameters",
        "RunAsUser",
        "SessionOwner",
    }
    assert content["DocumentContent"]["sessionType"] == "Port"
    assert content["Parameters"] == {"portNumber": "22"}


def test_the_order_to_start_a_session_is_read_back() -> None:
    order = InteractiveShell.from_payload(InteractiveShell.of(CONTENT).to_payload())
    assert order.shell_content() == CONTENT


def test_a_list_among_the_parameters_is_malformed() -> None:
    content = {**json.loads(CONTENT.to_payload()), "Parameters": {"portNumber": ["22"]}}
    with pytest.raises(MalformedPayload, match=r"ShellContent: Parameters\.portNumber: .*string"):
        InteractiveShell(content=json.dumps(content), task_id="s").shell_content()


@pytest.mark.parametrize("flag", Flag)
def test_a_flag_is_a_big_endian_number_of_4_bytes(flag: Flag) -> None:
    assert flag.to_payload() == bytes([0, 0, 0, flag])
    assert Flag.from_payload(flag.to_payload()) is flag


@pytest.mark.parametrize(
    ("payload", "why"),
    [(b"", "this one has 0"), (bytes(5), "this one has 5"), (bytes(4), "0 is unknown"), (b"\0\0\0\4", "4 is unknown")],
)
def test_another_flag_is_malformed(payload: bytes, why: str) -> None:
    with pytest.raises(MalformedPayload, match=why):
        Flag.from_payload(payload)


def test_an_acknowledgement_names_what_it_acknowledges() -> None:
    received = Frame(MessageType.INPUT_STREAM_DATA, IDENTIFIER, 1, b"x", sequence=9)
    frame = payloads.acknowledge(received, ids(), NOW)
    payload = payloads.Acknowledge.from_payload(frame.payload)
    assert (frame.message_type, frame.sequence, frame.flags, frame.created_ms) == ("acknowledge", 0, 3, NOW.epoch_ms)
    assert (payload.acknowledged_message_id, payload.acknowledged_message_sequence_number) == (IDENTIFIER, 9)


def test_the_end_of_a_session_has_one_identifier_and_a_date() -> None:
    frame = payloads.channel_closed("dev-0123", "bye", ids(), NOW)
    payload = payloads.ChannelClosed.from_payload(frame.payload)
    assert frame.message_type is MessageType.CHANNEL_CLOSED
    assert frame.message_id == payload.message_id == UUID(int=1)
    assert payload.created_date == "2023-11-14T22:13:20.123+00:00"
    assert (payload.session_id, payload.output) == ("dev-0123", "bye")
