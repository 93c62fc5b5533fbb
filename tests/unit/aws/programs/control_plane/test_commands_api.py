"""ssm's operations on commands, with an agent that answers as it is told to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.unit.aws.programs.control_plane.plane import (
    INSTANCE,
    Answer,
    Conversation,
    Plane,
    agent_online,
    play,
)
from whodunet.aws.ssm.commands import (
    AgentJob,
    AgentJobAck,
    AgentJobReply,
    AgentJobReplyAck,
    CommandOrder,
    CommandReply,
    PluginStatus,
    job_id,
)
from whodunet.aws.ssm.frames import Frame, MessageType, serialise
from whodunet.aws.ssm.payloads import control_frame

SCRIPT = {"commands": ["id"]}
RESULT = PluginStatus(status="Failed", code=3, output="both", standard_output="out\n", standard_error="err")


@asynccontextmanager
async def online(plane: Plane) -> AsyncIterator[Conversation]:
    """The agent of the instance, on its control channel."""
    async with await agent_online(plane) as control:
        assert (await control.next())["type"] == "websocket.accept"
        yield control


async def send(plane: Plane, **more: Any) -> Answer:
    """A command for the instance, by somebody who may."""
    admin = plane.credentials("Admin", "root@corp.example")
    asked = {"DocumentName": "AWS-RunShellScript", "InstanceIds": [INSTANCE], "Parameters": SCRIPT}
    return await plane.ssm("SendCommand", admin, **{**asked, **more})


async def sent(plane: Plane, **more: Any) -> str:
    """The identifier of a command that was accepted."""
    answer = await send(plane, **more)
    assert answer.status == 200, answer
    return str(answer.json["Command"]["CommandId"])


async def invocation(plane: Plane, command_id: str) -> Any:
    """What GetCommandInvocation tells."""
    return (await plane.ssm("GetCommandInvocation", CommandId=command_id, InstanceId=INSTANCE)).json


async def state(plane: Plane, command_id: str) -> tuple[str, str]:
    """How far a command is."""
    told = await invocation(plane, command_id)
    return told["Status"], told["StatusDetails"]


def says(plane: Plane, kind: MessageType, payload: bytes) -> Frame:
    """Something of an agent's."""
    return control_frame(kind, payload, lambda: UUID(int=9), plane.clock())


async def taken(plane: Plane, control: Conversation, code: str = "200") -> AgentJob:
    """The agent takes the next order, or refuses it."""
    frame = await control.frame()
    assert frame.message_type == MessageType.AGENT_JOB
    job = AgentJob.from_payload(frame.payload)
    ack = AgentJobAck(job_id=job.job_id, acknowledged_message_id=frame.message_id, created_date="now", status_code=code)
    control.bytes(serialise(says(plane, MessageType.AGENT_JOB_ACK, ack.to_payload())))
    return job


async def reply(plane: Plane, control: Conversation, job: str, status: str, result: PluginStatus | None = None) -> None:
    """The agent tells how far it is, and is answered."""
    told = CommandReply(
        document_status=status, runtime_status=None if result is None else {"aws:runShellScript": result}
    )
    frame = says(plane, MessageType.AGENT_JOB_REPLY, AgentJobReply.of(job, told).to_payload())
    control.bytes(serialise(frame))
    answer = await control.frame()
    assert answer.message_type == MessageType.AGENT_JOB_REPLY_ACK
    assert AgentJobReplyAck.from_payload(answer.payload).acknowledged_message_id == frame.message_id


def test_a_command_goes_from_pending_over_in_progress_to_its_end(plane: Plane) -> None:
    async def story() -> None:
        async with online(plane) as control:
            command_id = await sent(plane, Comment="why")
            assert await state(plane, command_id) == ("Pending", "Pending")
            job = await taken(plane, control)
            order = CommandOrder.from_payload(job.content)
            assert (job.job_id, order.shell_script().text) == (job_id(command_id, INSTANCE), "id\n")
            await reply(plane, control, job.job_id, "InProgress")
            assert await state(plane, command_id) == ("InProgress", "InProgress")
            assert (await invocation(plane, command_id))["ResponseCode"] == -1
            await reply(plane, control, job.job_id, "Failed", RESULT)
            told = await invocation(plane, command_id)
            assert (told["Status"], told["StatusDetails"], told["ResponseCode"]) == ("Failed", "Failed", 3)
            assert (told["StandardOutputContent"], told["StandardErrorContent"]) == ("out\n", "err")
            (listed,) = (await plane.ssm("ListCommandInvocations", Details=True)).json["CommandInvocations"]
            assert (listed["CommandId"], listed["Status"], listed["Comment"]) == (command_id, "Failed", "why")
            assert listed["CommandPlugins"][0]["Output"] == "both"
            (command,) = (await plane.ssm("ListCommands", CommandId=command_id)).json["Commands"]
            counts = (command["TargetCount"], command["CompletedCount"], command["ErrorCount"])
            assert (command["Status"], counts) == ("Failed", (1, 1, 1))

    play(story)


@pytest.mark.parametrize(
    ("status", "state_told"),
    [
        ("Success", ("Success", "Success")),
        ("TimedOut", ("TimedOut", "ExecutionTimedOut")),
        ("Cancelled", ("Cancelled", "Cancelled")),
        ("SuccessAndReboot", ("Failed", "Failed")),
    ],
)
def test_each_end_has_its_status(plane: Plane, status: str, state_told: tuple[str, str]) -> None:
    async def story() -> None:
        async with online(plane) as control:
            command_id = await sent(plane)
            job = await taken(plane, control)
            await reply(plane, control, job.job_id, status, RESULT)
            assert await state(plane, command_id) == state_told
            for late in ("InProgress", "Success", "Cancelled"):  # what is over is over
                await reply(plane, control, job.job_id, late)
            assert await state(plane, command_id) == state_told

    play(story)


def test_an_order_that_the_agent_refuses_has_failed(plane: Plane) -> None:
    async def story() -> None:
        async with online(plane) as control:
            command_id = await sent(plane)
            job = await taken(plane, control, "51408")
            await reply(plane, control, job.job_id, "InProgress")
            assert await state(plane, command_id) == ("Failed", "Failed")

    play(story)


def test_an_instance_that_was_away_gets_its_commands_when_it_is_back(plane: Plane) -> None:
    async def story() -> None:
        async with online(plane):
            pass
        assert (await plane.ssm("GetConnectionStatus", Target=INSTANCE)).json["Status"] == "notconnected"
        command_id = await sent(plane)
        async with online(plane) as control:
            assert (await taken(plane, control)).job_id == job_id(command_id, INSTANCE)

    play(story)


def test_what_is_not_taken_in_time_was_not_delivered(plane: Plane) -> None:
    async def story() -> None:
        async with online(plane):
            command_id = await sent(plane, TimeoutSeconds=30)
            for passed_s, told in ((29, ("Pending", "Pending")), (30, ("TimedOut", "DeliveryTimedOut"))):
                plane.clock.passed_s = passed_s
                plane.control_plane.end_overdue()
                assert await state(plane, command_id) == told

    play(story)


def test_what_never_ends_ran_out_of_time(plane: Plane) -> None:
    async def story() -> None:
        async with online(plane) as control:
            command_id = await sent(plane, TimeoutSeconds=30, Parameters={**SCRIPT, "executionTimeout": ["60"]})
            job = await taken(plane, control)
            await reply(plane, control, job.job_id, "InProgress")
            for passed_s, told in ((89, ("InProgress", "InProgress")), (90, ("TimedOut", "ExecutionTimedOut"))):
                plane.clock.passed_s = passed_s
                plane.control_plane.end_overdue()
                assert await state(plane, command_id) == told

    play(story)


def test_a_cancelled_command_is_ended_by_its_agent(plane: Plane) -> None:
    async def story() -> None:
        admin = plane.credentials("Admin", "root@corp.example")
        async with online(plane) as control:
            command_id = await sent(plane)
            job = await taken(plane, control)
            await reply(plane, control, job.job_id, "InProgress")
            assert (await plane.ssm("CancelCommand", admin, CommandId=command_id)).json == {}
            assert await state(plane, command_id) == ("Cancelling", "Cancelling")
            cancellation = await taken(plane, control)
            assert (cancellation.topic, json.loads(cancellation.content)) == (
                "aws.ssm.cancelCommand",
                {"CancelMessageId": job.job_id},
            )
            await reply(plane, control, job.job_id, "Cancelled")
            assert await state(plane, command_id) == ("Cancelled", "Cancelled")

    play(story)


@pytest.mark.parametrize(
    ("asked", "error", "why"),
    [
        ({"InstanceIds": ["i-0ffff000000000000"]}, "InvalidInstanceId", "[[i-0ffff000000000000]] not in a valid state"),
        ({"DocumentName": "AWS-StartSSHSession"}, "InvalidDocument", "AWS-StartSSHSession does not exist"),
        ({"Parameters": {}}, "InvalidParameters", "commands has no default"),
        ({"InstanceIds": []}, "ValidationException", "Exactly one of InstanceIds and Targets"),
        ({"OutputS3BucketName": "logs"}, "ValidationException", "There is no S3 in this account"),
        ({"TimeoutSeconds": 29}, "ValidationException", "timeoutSeconds"),
        ({"Targets": [{"Key": "color", "Values": ["x"]}]}, "ValidationException", "targets.0.key"),
    ],
)
def test_what_cannot_be_sent_is_refused(plane: Plane, asked: dict[str, Any], error: str, why: str) -> None:
    async def story() -> None:
        async with online(plane):
            kind, message = (await send(plane, **asked)).error
            assert kind == error
            assert why in message

    play(story)


def test_a_tag_chooses_the_instances(tmp_path: Path) -> None:
    tagged = Plane(
        tmp_path,
        instances={
            INSTANCE: {"role": "InstanceRole", "tags": {"Name": "one"}},
            "i-0ffff000000000000": {"role": "InstanceRole", "tags": {"Name": "two"}},
        },
    )

    async def story() -> None:
        async with online(tagged) as control:
            targets = [{"Key": "tag:Name", "Values": ["one"]}]
            command_id = await sent(tagged, InstanceIds=[], Targets=targets)
            assert (await taken(tagged, control)).job_id == job_id(command_id, INSTANCE)

    play(story)


def test_a_command_needs_the_permission_on_instance_and_document(plane: Plane) -> None:
    async def story() -> None:
        async with online(plane):
            for keys in (plane.ann, plane.agent, plane.credentials("ReadOnly", "bob@corp.example")):
                asked = {"DocumentName": "AWS-RunShellScript", "InstanceIds": [INSTANCE], "Parameters": SCRIPT}
                kind, message = (await plane.ssm("SendCommand", keys, **asked)).error
                assert kind == "AccessDeniedException"
                assert (
                    f"ssm:SendCommand on resource: arn:aws:ec2:eu-central-1:123456789012:instance/{INSTANCE}" in message
                )

    play(story)


def test_the_trail_says_who_sent_a_command_and_not_what_and_the_record_says_both(plane: Plane) -> None:
    async def story() -> None:
        async with online(plane) as control:
            command_id = await sent(plane)
            job = await taken(plane, control)
            await reply(plane, control, job.job_id, "Failed", RESULT)
        event = next(it for it in plane.events if it["eventName"] == "SendCommand")
        assert event["userIdentity"]["arn"].endswith("Admin/root@corp.example")
        assert event["readOnly"] is False
        assert event["requestParameters"]["parameters"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
        command = event["responseElements"]["command"]
        assert (command["commandId"], command["parameters"]) == (command_id, "HIDDEN_DUE_TO_SECURITY_REASONS")
        header, rest = plane.transcript(command_id)
        assert (header["owner"], header["parameters"]["commands"]) == (event["userIdentity"]["arn"], ["id"])
        assert json.loads(rest)["standardOutput"] == "out\n"

    play(story)


def test_of_a_command_that_is_not_known_there_is_no_invocation(plane: Plane) -> None:
    async def story() -> None:
        answer = await plane.ssm("GetCommandInvocation", CommandId="0" * 36, InstanceId=INSTANCE)
        assert answer.error == ("InvocationDoesNotExist", "")

    play(story)
