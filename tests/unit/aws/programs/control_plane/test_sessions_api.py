"""ssm's operations on sessions, as programs call them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.unit.aws.programs.control_plane.plane import (
    ACCOUNT,
    INSTANCE,
    NOW_S,
    Plane,
    agent_channel,
    agent_online,
    client_channel,
    play,
)
from whodunet.aws.ssm.frames import MessageType
from whodunet.aws.ssm.payloads import InteractiveShell

SSH: dict[str, Any] = {"DocumentName": "AWS-StartSSHSession"}
ANN_ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/Developer/ann@corp.example"


def test_an_instance_without_an_agent_is_not_connected(plane: Plane) -> None:
    async def story() -> None:
        answer = await plane.ssm("StartSession", Target=INSTANCE)
        assert answer.status == 400
        assert answer.headers["x-amzn-errortype"] == "TargetNotConnected"
        assert answer.error == ("TargetNotConnected", f"{INSTANCE} is not connected.")

    play(story)


def test_a_session_has_its_owners_name_a_token_and_a_stream(plane: Plane) -> None:
    async def story() -> None:
        async with await agent_online(plane) as control:
            await control.next()
            answer = await plane.ssm("StartSession", Target=INSTANCE)
            started = answer.json
            assert answer.headers["content-type"] == "application/x-amz-json-1.1"
            assert re.fullmatch(r"ann@corp\.example-[a-z0-9]{17}", started["SessionId"])
            assert 0 < len(started["TokenValue"]) <= 300
            assert started["StreamUrl"] == (
                "wss://ssmmessages.eu-central-1.amazonaws.com"
                f"/v1/data-channel/{started['SessionId']}?role=publish_subscribe"
            )

    play(story)


def test_the_agent_is_told_to_begin_with_scalar_parameters(plane: Plane) -> None:
    async def story() -> None:
        async with await agent_online(plane) as control:
            await control.next()
            answer = await plane.ssm("StartSession", Target=INSTANCE, Parameters={"portNumber": ["2222"]}, **SSH)
            frame = await control.frame()
            assert frame.message_type == MessageType.INTERACTIVE_SHELL
            content = InteractiveShell.from_payload(frame.payload).shell_content()
            assert content.session_id == answer.json["SessionId"]
            assert (content.document_name, content.parameters) == ("AWS-StartSSHSession", {"portNumber": "2222"})
            assert content.session_owner == ANN_ARN

    play(story)


@pytest.mark.parametrize(
    ("parameters", "code", "message"),
    [
        (
            {"Target": "i-0ffff000000000000"},
            "TargetNotConnected",
            "i-0ffff000000000000 is not connected.",
        ),
        (
            {"DocumentName": "AWS-StartNothing"},
            "InvalidDocument",
            "Document with name AWS-StartNothing does not exist.",
        ),
        ({"Parameters": {"portNumber": ["x"]}, **SSH}, "InvalidParameters", "parameter portNumber does not match"),
        ({"Parameters": {"port": ["22"]}, **SSH}, "InvalidParameters", "the document has no parameter port"),
        ({"Target": None}, "ValidationException", "Value 'None' at 'target' failed to satisfy constraint"),
        ({"Target": ""}, "ValidationException", "1 validation error detected: Value '' at 'target'"),
        ({"Parameters": {"portNumber": "22"}}, "ValidationException", "at 'parameters.portNumber'"),
    ],
)
def test_a_session_is_refused(plane: Plane, parameters: dict[str, Any], code: str, message: str) -> None:
    async def story() -> None:
        async with await agent_online(plane) as control:
            await control.next()
            answer = await plane.ssm("StartSession", **{"Target": INSTANCE, **parameters})
            assert answer.error[0] == code
            assert message in answer.error[1]

    play(story)


def test_who_may_not_start_a_session_is_told_what_is_missing(plane: Plane) -> None:
    async def story() -> None:
        bob = plane.credentials("ReadOnly", "bob@corp.example")
        answer = await plane.ssm("StartSession", bob, Target=INSTANCE)
        code, message = answer.error
        assert code == "AccessDeniedException"
        assert message == (
            f"User: arn:aws:sts::{ACCOUNT}:assumed-role/ReadOnly/bob@corp.example is not authorized to perform:"
            f" ssm:StartSession on resource: arn:aws:ec2:eu-central-1:{ACCOUNT}:instance/{INSTANCE}"
            " because no identity-based policy allows the ssm:StartSession action"
        )

    play(story)


def test_a_document_that_is_named_has_to_be_allowed_too(plane: Plane) -> None:
    async def story() -> None:
        answer = await plane.ssm("StartSession", Target=INSTANCE, DocumentName="SSM-SessionManagerRunShell")
        assert answer.error[0] == "AccessDeniedException"
        assert f":{ACCOUNT}:document/SSM-SessionManagerRunShell because" in answer.error[1]

    play(story)


def test_a_session_can_be_ended_by_its_owner_alone(plane: Plane) -> None:
    async def story() -> None:
        async with await agent_online(plane) as control:
            await control.next()
            started = (await plane.ssm("StartSession", Target=INSTANCE)).json
            identifier = started["SessionId"]
            eve = plane.credentials("Developer", "eve@corp.example")
            refused = await plane.ssm("TerminateSession", eve, SessionId=identifier)
            assert refused.error[0] == "AccessDeniedException"
            async with client_channel(plane, identifier, started["TokenValue"]) as client:
                await client.next()
                async with await agent_channel(plane, identifier) as agent:
                    await agent.next()
                    ended = await plane.ssm("TerminateSession", SessionId=identifier)
                    assert ended.json == {"SessionId": identifier}
                    assert await client.closing_text() == ""
                    assert await agent.closing_text() == ""

    play(story)


def test_an_agent_that_has_not_taken_the_session_up_is_told_of_its_end_on_the_control_channel(plane: Plane) -> None:
    async def story() -> None:
        async with await agent_online(plane) as control:
            await control.next()
            identifier = (await plane.ssm("StartSession", Target=INSTANCE)).json["SessionId"]
            await plane.ssm("TerminateSession", SessionId=identifier)
            kinds = [(await control.frame()).message_type for _ in range(2)]
            assert kinds == [MessageType.INTERACTIVE_SHELL, MessageType.CHANNEL_CLOSED]

    play(story)


def test_a_session_that_is_over_can_be_ended_again_and_resumed_without_a_token(plane: Plane) -> None:
    async def story() -> None:
        for operation in ("TerminateSession", "ResumeSession"):
            answer = await plane.ssm(operation, SessionId="ann@corp.example-0123")
            assert answer.json == {"SessionId": "ann@corp.example-0123"}

    play(story)


def test_sessions_are_listed_while_active_and_as_history(plane: Plane) -> None:
    async def story() -> None:
        async with await agent_online(plane) as control:
            await control.next()
            first = (await plane.ssm("StartSession", Target=INSTANCE, Reason="logs")).json["SessionId"]
            plane.clock.passed_s += 60
            second = (await plane.ssm("StartSession", Target=INSTANCE, **SSH)).json["SessionId"]
            await plane.ssm("TerminateSession", SessionId=first)
            active = (await plane.ssm("DescribeSessions", State="Active")).json["Sessions"]
            assert [it["SessionId"] for it in active] == [second]
            history = (await plane.ssm("DescribeSessions", State="History")).json["Sessions"]
            assert history == [
                {
                    "SessionId": first,
                    "Target": INSTANCE,
                    "Status": "Terminated",
                    "StartDate": NOW_S,
                    "EndDate": NOW_S + 60,
                    "DocumentName": "SSM-SessionManagerRunShell",
                    "Owner": ANN_ARN,
                    "Reason": "logs",
                    "OutputUrl": {},
                }
            ]

    play(story)


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("Target", INSTANCE, 3),
        ("Target", "i-0ffff000000000000", 0),
        ("Owner", ANN_ARN, 3),
        ("Status", "Connecting", 3),
        ("Status", "Connected", 0),
        ("InvokedAfter", "2027-01-15T08:00:30Z", 2),
        ("InvokedBefore", "2027-01-15T08:00:30Z", 1),
    ],
)
def test_sessions_can_be_filtered(plane: Plane, key: str, value: str, found: int) -> None:
    async def story() -> None:
        async with await agent_online(plane) as control:
            await control.next()
            for _ in range(3):
                await plane.ssm("StartSession", Target=INSTANCE)
                plane.clock.passed_s += 60
            listed = await plane.ssm("DescribeSessions", State="Active", Filters=[{"key": key, "value": value}])
            assert len(listed.json["Sessions"]) == found

    play(story)


def test_sessions_come_in_pages_newest_first(plane: Plane) -> None:
    async def story() -> None:
        async with await agent_online(plane) as control:
            await control.next()
            started = [(await plane.ssm("StartSession", Target=INSTANCE)).json["SessionId"] for _ in range(3)]
            first = (await plane.ssm("DescribeSessions", State="Active", MaxResults=2)).json
            assert [it["SessionId"] for it in first["Sessions"]] == started[:0:-1]
            rest = await plane.ssm("DescribeSessions", State="Active", MaxResults=2, NextToken=first["NextToken"])
            assert [it["SessionId"] for it in rest.json["Sessions"]] == started[:1]
            assert "NextToken" not in rest.json

    play(story)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"NextToken": "nonsense"}, "InvalidNextToken"),
        ({"Filters": [{"key": "InvokedAfter", "value": "noon"}]}, "ValidationException"),
        ({"Filters": [{"key": "Colour", "value": "red"}]}, "ValidationException"),
        ({"State": "Asleep"}, "ValidationException"),
    ],
)
def test_a_list_is_refused(plane: Plane, parameters: dict[str, Any], code: str) -> None:
    async def story() -> None:
        async with await agent_online(plane) as control:
            await control.next()
            await plane.ssm("StartSession", Target=INSTANCE)
            assert (await plane.ssm("DescribeSessions", **{"State": "Active", **parameters})).error[0] == code

    play(story)


def test_an_instance_is_connected_while_its_control_channel_is_open(plane: Plane) -> None:
    async def story() -> None:
        async def status() -> str:
            return str((await plane.ssm("GetConnectionStatus", Target=INSTANCE)).json["Status"])

        assert await status() == "notconnected"
        async with await agent_online(plane) as control:
            await control.next()
            assert await status() == "connected"
        assert await status() == "notconnected"

    play(story)
