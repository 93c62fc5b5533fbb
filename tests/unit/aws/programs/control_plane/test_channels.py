"""Control and data channels: who gets in, what is relayed, and how a session ends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.aws.programs.control_plane.plane import (
    INSTANCE,
    Conversation,
    Plane,
    agent_channel,
    agent_online,
    client_channel,
    complete,
    opening,
    output,
    play,
    token_of,
    typed,
)
from whodunet.aws.ssm.frames import MessageType, parse, serialise
from whodunet.aws.ssm.payloads import AgentTaskAcknowledge, acknowledge

CONTROL = f"/v1/control-channel/{INSTANCE}"
VOID = "The token is not valid for this channel, or was used before."


async def started(plane: Plane, control: Conversation, **parameters: Any) -> tuple[str, str]:
    """A session that the agent was told of: its identifier and the client's token."""
    answer = (await plane.ssm("StartSession", Target=INSTANCE, **parameters)).json
    assert (await control.frame()).message_type == MessageType.INTERACTIVE_SHELL
    return answer["SessionId"], answer["TokenValue"]


@dataclass(frozen=True)
class Joined:
    """A session with both sides there."""

    identifier: str
    token: str
    control: Conversation
    agent: Conversation
    client: Conversation


@asynccontextmanager
async def joined(plane: Plane, **parameters: Any) -> AsyncIterator[Joined]:
    """The agent's control channel, and a session on it."""
    async with await agent_online(plane) as control:
        await control.next()
        identifier, token = await started(plane, control, **parameters)
        async with await agent_channel(plane, identifier) as agent, client_channel(plane, identifier, token) as client:
            assert (await agent.next())["type"] == (await client.next())["type"] == "websocket.accept"
            yield Joined(identifier, token, control, agent, client)


async def resumed(plane: Plane, session_id: str) -> str:
    """Another token for a client."""
    return str((await plane.ssm("ResumeSession", SessionId=session_id)).json["TokenValue"])


def test_what_the_agent_says_reaches_the_client_and_the_other_way_round(plane: Plane) -> None:
    async def story() -> None:
        async with joined(plane) as session:
            session.agent.bytes(output(0, b"$ "))
            assert (await session.client.frame()).payload == b"$ "
            session.client.bytes(typed(0, b"ls"))
            assert (await session.agent.frame()).payload == b"ls"

    play(story)


def test_the_end_of_the_task_ends_the_session_with_the_agents_text(plane: Plane) -> None:
    async def story() -> None:
        async with await agent_online(plane) as control:
            await control.next()
            identifier, token = await started(plane, control)
            async with client_channel(plane, identifier, token) as client:
                await client.next()
                control.bytes(complete(plane, identifier, "Forwarding is forbidden."))
                assert await client.closing_text() == "Forwarding is forbidden."
            answer = await control.frame()
            assert answer.message_type == MessageType.AGENT_TASK_ACKNOWLEDGE
            assert AgentTaskAcknowledge.from_payload(answer.payload).task_id == identifier

    play(story)


def test_the_end_of_the_task_is_acknowledged_each_time_it_is_told(plane: Plane) -> None:
    async def story() -> None:
        async with await agent_online(plane) as control:
            await control.next()
            identifier, _ = await started(plane, control)
            for _ in range(2):
                control.bytes(complete(plane, identifier, ""))
                assert (await control.frame()).message_type == MessageType.AGENT_TASK_ACKNOWLEDGE

    play(story)


@pytest.mark.parametrize("nonsense", [b"", b"no frame", output(0, b"not here")])
def test_nonsense_on_a_control_channel_disturbs_nothing(plane: Plane, nonsense: bytes) -> None:
    async def story() -> None:
        async with await agent_online(plane) as control:
            await control.next()
            control.bytes(nonsense)
            await started(plane, control)

    play(story)


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (opening("a guess"), VOID),
        ("{", "OpenClientChannel: Invalid JSON"),
        ({"TokenValue": "x"}, "OpenClientChannel: RequestId: Field required"),
    ],
    ids=["token", "syntax", "key"],
)
def test_a_client_that_opens_badly_is_told_why_in_the_way_that_it_prints(plane: Plane, first: Any, reason: str) -> None:
    async def story() -> None:
        async with plane.websocket("/v1/data-channel/ann@corp.example-0123") as client:
            await client.next()
            client.text(first)
            assert reason in await client.closing_text()
        assert plane.events[-1]["errorCode"] == "UnrecognizedClientException"

    play(story)


def test_a_clients_first_message_has_to_be_a_text(plane: Plane) -> None:
    async def story() -> None:
        async with plane.websocket("/v1/data-channel/ann@corp.example-0123") as client:
            await client.next()
            client.bytes(b"token")
            assert "has to be a text" in await client.closing_text()

    play(story)


def test_a_token_opens_once_and_for_its_session(plane: Plane) -> None:
    async def story() -> None:
        async with await agent_online(plane) as control:
            await control.next()
            (one, token), (other, _) = await started(plane, control), await started(plane, control)
            async with client_channel(plane, other, token) as stranger:
                await stranger.next()
                assert await stranger.closing_text() == VOID
            async with client_channel(plane, one, token) as client:
                await client.next()
                async with client_channel(plane, one, token) as again:
                    await again.next()
                    assert await again.closing_text() == VOID

    play(story)


def test_a_token_expires(plane: Plane) -> None:
    async def story() -> None:
        async with await agent_online(plane) as control:
            await control.next()
            identifier, token = await started(plane, control)
            plane.clock.passed_s += 60
            async with client_channel(plane, identifier, token) as client:
                await client.next()
                assert await client.closing_text() == "The token has expired."

    play(story)


def test_an_agents_bad_token_closes_its_socket_with_the_reason(plane: Plane) -> None:
    async def story() -> None:
        async with plane.websocket(CONTROL, plane.agent) as control:
            control.text(opening("a guess"))
            await control.next()
            closed = await control.next()
            assert (closed["type"], closed["code"], closed["reason"]) == ("websocket.close", 1008, VOID)

    play(story)


@pytest.mark.parametrize(
    ("role", "session", "reason"),
    [
        ("Developer", "ann@corp.example", "not authorized to perform: ssmmessages:OpenControlChannel"),
        ("InstanceRole", "i-0ffff000000000000", "is not the instance"),
        ("Admin", INSTANCE, "is not the instance"),
    ],
)
def test_an_instances_channels_are_for_itself(plane: Plane, role: str, session: str, reason: str) -> None:
    async def story() -> None:
        keys = plane.credentials(role, session)
        async with plane.websocket(CONTROL, keys) as control:
            refused = await control.next()
            assert (refused["type"], refused["status"]) == ("websocket.http.response.start", 403)
            assert reason in (await control.next())["body"].decode()
        answer = await plane.create_channel(CONTROL, keys)
        assert answer.status == 403
        assert answer.text.startswith("<AccessDeniedException><Message>")

    play(story)


def test_an_agent_without_a_genuine_signature_gets_no_socket(plane: Plane) -> None:
    async def story() -> None:
        headers = {**plane.signed(plane.agent, "ssmmessages", "GET", CONTROL), "x-amz-date": "20270115T080001Z"}
        async with Conversation(plane.app, CONTROL, headers) as control:
            assert (await control.next())["status"] == 403
            assert b"InvalidSignatureException" in (await control.next())["body"]

    play(story)


def test_a_session_that_nobody_knows_is_told_to_its_agent_as_terminated(plane: Plane) -> None:
    async def story() -> None:
        answer = await plane.create_channel("/v1/data-channel/ann@corp.example-0123")
        assert answer.status == 400
        assert "Session is already terminated" in answer.text

    play(story)


def test_a_session_waits_for_an_agent_that_only_polls_and_begins_when_its_control_channel_opens(plane: Plane) -> None:
    async def story() -> None:
        target = "EC2WindowsMessageDeliveryService.GetMessages"
        plane.control_plane._messages.stop()  # so that polls are answered at once
        await plane.json_call("ec2messages", target, plane.agent, {"Destination": INSTANCE})
        answer = (await plane.ssm("StartSession", Target=INSTANCE)).json
        async with client_channel(plane, answer["SessionId"], answer["TokenValue"]) as client:
            await client.next()
            client.bytes(typed(0, b"early"))
            async with await agent_online(plane) as control:
                await control.next()
                assert (await control.frame()).message_type == MessageType.INTERACTIVE_SHELL
                async with await agent_channel(plane, answer["SessionId"]) as agent:
                    await agent.next()
                    agent.bytes(output(0, b"$ "))
                    assert (await agent.frame()).payload == b"early"
                    assert (await client.frame()).payload == b"$ "

    play(story)


def test_a_session_that_the_agent_has_taken_up_is_not_told_again(plane: Plane) -> None:
    async def story() -> None:
        async with await agent_online(plane) as control:
            await control.next()
            taken, _ = await started(plane, control)
            left, _ = await started(plane, control)
            token_of(await plane.create_channel(f"/v1/data-channel/{taken}"))
        async with await agent_online(plane) as control:
            await control.next()
            frame = await control.frame()
            assert left in frame.payload.decode()
            await started(plane, control)  # comes next, so nothing else was told

    play(story)


def test_a_newer_control_channel_takes_the_place_of_the_older(plane: Plane) -> None:
    async def story() -> None:
        async with await agent_online(plane) as older:
            await older.next()
            await plane.ssm("GetConnectionStatus", Target=INSTANCE)  # by now it is open
            async with await agent_online(plane) as newer:
                await newer.next()
                assert (await older.next())["type"] == "websocket.close"
                await started(plane, newer)

    play(story)


def test_a_client_that_was_cut_off_comes_back_with_another_token(plane: Plane) -> None:
    async def story() -> None:
        async with await agent_online(plane) as control:
            await control.next()
            identifier, token = await started(plane, control)
            async with await agent_channel(plane, identifier) as agent:
                await agent.next()
                agent.bytes(output(0, b"one"))
                async with client_channel(plane, identifier, token) as client:
                    await client.next()
                assert (await agent.frame()).message_type == MessageType.PAUSE_PUBLICATION
                async with client_channel(plane, identifier, await resumed(plane, identifier)) as client:
                    await client.next()
                    assert (await agent.frame()).message_type == MessageType.START_PUBLICATION
                    agent.bytes(output(0, b"one"))
                    assert (await client.frame()).payload == b"one"

    play(story)


def test_a_malformed_frame_is_dropped_and_a_text_closes_the_one_socket(plane: Plane) -> None:
    async def story() -> None:
        async with joined(plane) as session:
            session.agent.bytes(output(0, b"x")[:-1] + b"?")
            session.agent.bytes(output(0, b"whole"))
            assert (await session.client.frame()).payload == b"whole"
            session.client.text("more")
            closed = await session.client.next()
            assert (closed["type"], closed["code"]) == ("websocket.close", 1003)
            session.client.hang_up()
            assert (await session.agent.frame()).message_type == MessageType.PAUSE_PUBLICATION

    play(story)


def test_whose_time_is_over_is_ended_on_both_sides(plane: Plane) -> None:
    async def story() -> None:
        async with joined(plane) as session:
            plane.clock.passed_s += 1201
            plane.control_plane.end_overdue()
            assert await session.client.closing_text() == "Your session timed out due to inactivity."
            assert await session.agent.closing_text() == "Your session timed out due to inactivity."

    play(story)


def test_a_service_that_stops_tells_both_sides(plane: Plane) -> None:
    async def story() -> None:
        async with await agent_online(plane) as control:
            await control.next()
            identifier, token = await started(plane, control)
            async with client_channel(plane, identifier, token) as client:
                await client.next()
                await plane.control_plane.stop()
                assert await client.closing_text() == "The service was stopped."

    play(story)


def test_lost_acknowledgements_are_seen_before_they_are_lost(tmp_path: Path) -> None:
    async def story() -> None:
        plane = Plane(tmp_path / "records", lose_acknowledgements_pct=100)
        async with joined(plane) as session:
            session.agent.bytes(output(0, b"one"))
            one = await session.client.frame()
            session.client.bytes(serialise(acknowledge(one, lambda: one.message_id, plane.clock())))
            session.client.bytes(typed(0, b"typed"))
            assert (await session.agent.frame()).message_type == MessageType.INPUT_STREAM_DATA
            session.agent.bytes(output(0, b"one"))  # again, since no acknowledgement came
            session.agent.bytes(output(1, b"two"))
            assert (await session.client.frame()).payload == b"two"

    play(story)


def test_a_shells_transcript_has_each_message_once_after_a_line_that_says_whose_it_is(plane: Plane) -> None:
    async def story() -> None:
        async with joined(plane, Reason="logs") as session:
            for wire in (output(1, b"two"), output(0, b"one "), output(0, b"one ")):
                session.agent.bytes(wire)
                await session.client.frame()
            header, said = plane.transcript(session.identifier)
            assert said == b"one two"
            assert header == {
                "sessionId": session.identifier,
                "owner": "arn:aws:sts::123456789012:assumed-role/Developer/ann@corp.example",
                "target": INSTANCE,
                "documentName": "SSM-SessionManagerRunShell",
                "startTime": "2027-01-15T08:00:00Z",
                "sourceIPAddress": "10.8.0.10",
                "reason": "logs",
            }

    play(story)


def test_a_port_sessions_transcript_counts_bytes(plane: Plane) -> None:
    async def story() -> None:
        async with joined(plane, DocumentName="AWS-StartSSHSession") as session:
            session.agent.bytes(output(0, b"secret"))
            await session.client.frame()
            session.client.bytes(typed(0, b"key"))
            await session.agent.frame()
            await plane.ssm("TerminateSession", SessionId=session.identifier)
            _, rest = plane.transcript(session.identifier)
            assert json.loads(rest) == {"bytesFromClient": 3, "bytesFromAgent": 6}

    play(story)


def test_all_of_a_session_is_in_the_audit_trail(plane: Plane) -> None:
    async def story() -> None:
        async with joined(plane) as session:
            session.control.bytes(complete(plane, session.identifier, ""))
            await session.client.closing_text()
        told = [
            (event["eventName"], event["userIdentity"].get("principalId", "").partition(":")[2])
            for event in plane.events
        ]
        assert told == [
            ("CreateControlChannel", INSTANCE),
            ("OpenControlChannel", INSTANCE),
            ("SessionStarted", ""),
            ("StartSession", "ann@corp.example"),
            ("CreateDataChannel", INSTANCE),
            ("OpenDataChannel", INSTANCE),
            ("OpenDataChannel", "ann@corp.example"),
            ("SessionEnded", ""),
        ]
        assert session.token not in (plane.records / "cloudtrail.jsonl").read_text()
        assert plane.events[-1]["serviceEventDetails"]["reason"] == "task complete: Success"

    play(story)


def test_frames_of_the_service_are_well_formed(plane: Plane) -> None:
    async def story() -> None:
        async with plane.websocket("/v1/data-channel/nobody-0123") as client:
            await client.next()
            client.text(opening("a guess"))
            wire = (await client.next())["bytes"]
            assert serialise(parse(wire)) == wire

    play(story)
