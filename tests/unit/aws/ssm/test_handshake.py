from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from whodunet.aws.ssm.documents import SessionType
from whodunet.aws.ssm.frames import Message, PayloadType
from whodunet.aws.ssm.handshake import (
    TIMED_OUT,
    AgentHandshake,
    ClientHandshake,
    HandshakeComplete,
    HandshakeFailed,
    HandshakeResponse,
    Started,
)

PORT: JsonValue = {"portNumber": "80", "type": "LocalPortForwarding"}
OUTPUT = Message(PayloadType.OUTPUT, b"$ ")
COMPLETE = Message(PayloadType.HANDSHAKE_COMPLETE, b'{"HandshakeTimeToComplete":1,"CustomerMessage":"hello"}')


def agent(session_type: SessionType = SessionType.PORT, properties: JsonValue = PORT) -> AgentHandshake:
    """An agent that starts a session of this type."""
    return AgentHandshake(session_type, properties, "3.3.0.0")


def client() -> ClientHandshake:
    """A client that knows every type."""
    return ClientHandshake("1.2.677.0")


def request(*actions: dict[str, Any]) -> Message:
    """What an agent asks."""
    asked = {"AgentVersion": "3.3.0.0", "RequestedClientActions": actions}
    return Message(PayloadType.HANDSHAKE_REQUEST, json.dumps(asked).encode())


def response(*actions: dict[str, Any]) -> Message:
    """What a client answers."""
    answered = {"ClientVersion": "1.2.677.0", "ProcessedClientActions": actions, "Errors": None}
    return Message(PayloadType.HANDSHAKE_RESPONSE, json.dumps(answered).encode())


def session(name: object, properties: JsonValue = None) -> dict[str, Any]:
    """The action that tells the session's type."""
    return {"ActionType": "SessionType", "ActionParameters": {"SessionType": name, "Properties": properties}}


KMS = {"ActionType": "KMSEncryption", "ActionParameters": {"KMSKeyId": "k", "Challenge": "c"}}
AGREED = {"ActionType": "SessionType", "ActionStatus": 1, "ActionResult": None, "Error": ""}


@pytest.mark.parametrize("session_type", SessionType)
def test_both_sides_agree_on_every_session_type(session_type: SessionType) -> None:
    here, there = agent(session_type), client()
    (reply,) = there.receive(here.begin(10.0))
    assert isinstance(reply, Message)
    complete, started_here = here.receive(reply, 10.5)
    assert isinstance(complete, Message)
    assert started_here == Started(session_type, PORT, "1.2.677.0")
    assert there.receive(complete) == (Started(session_type, PORT, "3.3.0.0"),)


def test_the_request_has_the_keys_that_the_plugin_knows() -> None:
    begun = agent().begin(0)
    assert begun.payload_type is PayloadType.HANDSHAKE_REQUEST
    assert json.loads(begun.payload) == {
        "AgentVersion": "3.3.0.0",
        "RequestedClientActions": [
            {"ActionType": "SessionType", "ActionParameters": {"SessionType": "Port", "Properties": PORT}}
        ],
    }


def test_the_response_has_the_keys_that_the_agent_knows() -> None:
    (reply,) = client().receive(request(session("Port", PORT)))
    assert isinstance(reply, Message)
    assert reply.payload_type is PayloadType.HANDSHAKE_RESPONSE
    assert json.loads(reply.payload) == {
        "ClientVersion": "1.2.677.0",
        "ProcessedClientActions": [AGREED],
        "Errors": None,
    }


def test_the_time_that_the_handshake_took_is_told_in_nanoseconds() -> None:
    here = agent()
    here.begin(10.0)
    complete, _ = here.receive(response(AGREED), 10.25)
    assert isinstance(complete, Message)
    told = HandshakeComplete.from_payload(complete.payload)
    assert (told.handshake_time_to_complete, told.customer_message) == (250_000_000, "")


def test_the_customers_message_reaches_the_client() -> None:
    there = client()
    there.receive(request(session("Port", PORT)))
    assert there.receive(COMPLETE) == (Started(SessionType.PORT, PORT, "3.3.0.0", "hello"),)


def test_an_agent_that_begins_with_output_runs_a_shell() -> None:
    there = client()
    assert there.receive(OUTPUT) == (Started(SessionType.STANDARD_STREAM, None, ""),)
    assert there.receive(OUTPUT) == ()


def test_until_the_type_is_known_a_client_takes_handshake_and_first_output_only() -> None:
    there = client()
    exit_code = Message(PayloadType.EXIT_CODE, b"0")
    assert there.accepts(OUTPUT)
    assert there.accepts(request())
    assert not there.accepts(exit_code)
    there.receive(request(session("Port")))
    assert not there.accepts(OUTPUT)
    assert there.accepts(COMPLETE)
    there.receive(COMPLETE)
    assert there.accepts(OUTPUT)
    assert there.accepts(exit_code)


def test_until_the_handshake_is_over_an_agent_takes_its_answer_only() -> None:
    here = agent()
    here.begin(0)
    assert not here.accepts(OUTPUT)
    assert here.receive(OUTPUT, 0) == ()
    assert here.accepts(response(AGREED))
    here.receive(response(AGREED), 0)
    assert here.accepts(OUTPUT)


def test_encryption_is_answered_as_unsupported_and_ends_the_session() -> None:
    reply, failed = client().receive(request(session("Standard_Stream"), KMS))
    assert isinstance(reply, Message)
    answer = HandshakeResponse.from_payload(reply.payload)
    assert [action.action_status for action in answer.processed_client_actions] == [1, 3]
    assert answer.errors == ("Unsupported action KMSEncryption",)
    assert failed == HandshakeFailed("Unsupported action KMSEncryption")


@pytest.mark.parametrize("name", ["Dance", "port", "", None, ["Port"], {"Port": 1}, "x" * 100_000])
def test_a_session_type_that_is_unknown_fails_and_ends_the_session(name: object) -> None:
    reply, failed = client().receive(request(session(name)))
    assert isinstance(reply, Message)
    (answer,) = HandshakeResponse.from_payload(reply.payload).processed_client_actions
    assert answer.action_status == 2
    assert isinstance(failed, HandshakeFailed)
    assert failed.reason.startswith("Unknown session type ")
    assert len(failed.reason) < 200


def test_a_session_type_that_a_client_does_not_support_fails() -> None:
    there = ClientHandshake("1.2.677.0", supported={SessionType.STANDARD_STREAM})
    assert there.receive(request(session("Port")))[1] == HandshakeFailed("Unknown session type Port")


def test_a_request_without_a_session_type_ends_the_session() -> None:
    assert client().receive(request())[1] == HandshakeFailed("no session type was agreed on")


REFUSED = {
    "no luck": {**AGREED, "ActionStatus": 2, "Error": "no luck"},
    "SessionType: UNSUPPORTED": {**AGREED, "ActionStatus": 3},
}


@pytest.mark.parametrize(("why", "answer"), REFUSED.items(), ids=REFUSED)
def test_an_action_that_a_client_did_not_do_ends_the_session(why: str, answer: dict[str, Any]) -> None:
    here = agent()
    here.begin(0)
    assert here.receive(response(answer), 0) == (HandshakeFailed(why),)


def test_an_answer_without_the_session_type_ends_the_session() -> None:
    here = agent()
    here.begin(0)
    assert here.receive(response(), 0) == (HandshakeFailed("no session type was agreed on"),)


@pytest.mark.parametrize("status", [0, 4, "1", None])
def test_an_answer_of_unknown_status_ends_the_session(status: object) -> None:
    here = agent()
    here.begin(0)
    (failed,) = here.receive(response({**AGREED, "ActionStatus": status}), 0)
    assert isinstance(failed, HandshakeFailed)
    assert "ActionStatus" in failed.reason


def test_before_it_has_begun_an_agent_awaits_nothing() -> None:
    here = agent()
    assert here.wake_at_s is None
    assert here.receive(response(AGREED), 0) == ()


def test_an_agent_waits_a_minute_for_the_answer() -> None:
    here = agent()
    here.begin(100)
    assert here.wake_at_s == 160
    assert here.tick(159.9) == ()
    assert here.tick(160) == (HandshakeFailed(TIMED_OUT),)
    assert here.tick(161) == ()
    assert here.receive(response(AGREED), 161) == ()


def test_an_answered_handshake_does_not_time_out() -> None:
    here = agent()
    here.begin(0)
    here.receive(response(AGREED), 1)
    assert here.wake_at_s is None
    assert here.tick(99) == ()


def test_a_second_request_ends_the_session() -> None:
    there = client()
    there.receive(request(session("Port")))
    (failed,) = there.receive(request(session("Port")))
    assert isinstance(failed, HandshakeFailed)


def test_a_handshake_that_completes_without_having_begun_ends_the_session() -> None:
    (failed,) = client().receive(COMPLETE)
    assert failed == HandshakeFailed("the agent completes a handshake that is not under way")


@given(st.sampled_from(PayloadType), st.binary(max_size=30))
def test_noise_ends_a_handshake_or_leads_to_nothing_but_never_raises(kind: PayloadType, noise: bytes) -> None:
    here, there = agent(), client()
    here.begin(0)
    assert all(isinstance(step, HandshakeFailed) for step in here.receive(Message(kind, noise), 0))
    assert all(isinstance(step, HandshakeFailed | Started) for step in there.receive(Message(kind, noise)))
