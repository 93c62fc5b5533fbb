"""What agents tell of their instances, and what people are told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.unit.aws.programs.control_plane.plane import INSTANCE, NOW_S, Plane, agent_online, play
from whodunet.aws.account.instance_metadata import IDENTITY_ROLE

GET_MESSAGES = "EC2WindowsMessageDeliveryService.GetMessages"
TOLD: dict[str, Any] = {
    "InstanceId": INSTANCE,
    "AgentName": "amazon-ssm-agent",
    "AgentVersion": "3.3.0.0",
    "AgentStatus": "Active",
    "PlatformType": "Linux",
    "PlatformName": "Debian GNU/Linux",
    "PlatformVersion": "12",
    "IPAddress": "10.0.1.10",
    "ComputerName": "ip-10-0-1-10",
    "SSMConnectionChannel": "ssmmessages",
}


async def listed(plane: Plane, **parameters: Any) -> list[Any]:
    """What DescribeInstanceInformation tells."""
    answer = await plane.ssm("DescribeInstanceInformation", **parameters)
    assert answer.status == 200, answer
    found: list[Any] = answer.json["InstanceInformationList"]
    return found


async def ping_status(plane: Plane) -> str:
    """Of the one instance."""
    (instance,) = await listed(plane)
    return str(instance["PingStatus"])


def test_an_instance_that_was_never_heard_of_is_not_listed(plane: Plane) -> None:
    async def story() -> None:
        assert await listed(plane) == []

    play(story)


def test_what_an_agent_tells_is_listed(plane: Plane) -> None:
    async def story() -> None:
        assert (await plane.ssm("UpdateInstanceInformation", plane.agent, **TOLD)).json == {}
        (instance,) = await listed(plane)
        assert instance == {
            "InstanceId": INSTANCE,
            "PingStatus": "Online",
            "LastPingDateTime": NOW_S,
            "IsLatestVersion": True,
            "ResourceType": "EC2Instance",
            "SourceId": INSTANCE,
            "SourceType": "AWS::EC2::Instance",
            "AgentVersion": "3.3.0.0",
            "PlatformType": "Linux",
            "PlatformName": "Debian GNU/Linux",
            "PlatformVersion": "12",
            "IPAddress": "10.0.1.10",
            "ComputerName": "ip-10-0-1-10",
        }

    play(story)


def test_an_agent_that_is_silent_for_five_minutes_is_lost(plane: Plane) -> None:
    async def story() -> None:
        await plane.ssm("UpdateInstanceInformation", plane.agent, **TOLD)
        plane.clock.passed_s += 299
        assert await ping_status(plane) == "Online"
        plane.clock.passed_s += 1
        assert await ping_status(plane) == "ConnectionLost"

    play(story)


def test_an_open_control_channel_is_a_sign_of_life(plane: Plane) -> None:
    async def story() -> None:
        async with await agent_online(plane) as control:
            await control.next()
            await plane.ssm("GetConnectionStatus", Target=INSTANCE)
            plane.clock.passed_s += 3000
            (instance,) = await listed(plane)
            assert (instance["PingStatus"], instance["AgentVersion"]) == ("Online", "3.3.0.0")

    play(story)


@pytest.mark.parametrize(
    ("role", "session", "reason"),
    [
        ("Developer", "ann@corp.example", "ssm:UpdateInstanceInformation on resource"),
        ("InstanceRole", "i-0ffff000000000000", "is not the instance"),
        ("Admin", "root", "is not the instance"),
    ],
)
def test_an_instance_is_told_of_by_itself_alone(plane: Plane, role: str, session: str, reason: str) -> None:
    async def story() -> None:
        answer = await plane.ssm("UpdateInstanceInformation", plane.credentials(role, session), **TOLD)
        assert answer.error[0] == "AccessDeniedException"
        assert reason in answer.error[1]
        assert await listed(plane) == []

    play(story)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"Filters": [{"Key": "PingStatus", "Values": ["Online"]}]}, 1),
        ({"Filters": [{"Key": "PingStatus", "Values": ["ConnectionLost"]}]}, 0),
        ({"Filters": [{"Key": "InstanceIds", "Values": ["i-0", INSTANCE]}]}, 1),
        ({"InstanceInformationFilterList": [{"key": "PlatformTypes", "valueSet": ["Windows"]}]}, 0),
        (
            {
                "Filters": [{"Key": "PingStatus", "Values": ["Online"]}],
                "InstanceInformationFilterList": [{"key": "AgentVersion", "valueSet": ["3.3.0.0"]}],
            },
            1,
        ),
    ],
)
def test_instances_can_be_filtered_in_both_spellings(plane: Plane, filters: dict[str, Any], found: int) -> None:
    async def story() -> None:
        await plane.ssm("UpdateInstanceInformation", plane.agent, **TOLD)
        assert len(await listed(plane, **filters)) == found

    play(story)


def test_a_filter_that_nobody_knows_is_refused(plane: Plane) -> None:
    async def story() -> None:
        await plane.ssm("UpdateInstanceInformation", plane.agent, **TOLD)
        answer = await plane.ssm("DescribeInstanceInformation", Filters=[{"Key": "Colour", "Values": ["red"]}])
        assert answer.error[0] == "InvalidFilterKey"

    play(story)


@pytest.mark.parametrize(
    ("operation", "parameters", "answer"),
    [
        ("ListInstanceAssociations", {"InstanceId": INSTANCE, "MaxResults": 20}, {"Associations": []}),
        ("PutInventory", {"InstanceId": INSTANCE, "Items": []}, {}),
        ("PutComplianceItems", {"ResourceId": INSTANCE}, {}),
        ("UpdateInstanceAssociationStatus", {"InstanceId": INSTANCE}, {}),
        ("RegisterManagedInstance", {"Fingerprint": "x"}, {"InstanceId": INSTANCE}),
    ],
)
def test_whatever_else_an_agent_says_is_heard(
    plane: Plane, operation: str, parameters: dict[str, Any], answer: dict[str, Any]
) -> None:
    async def story() -> None:
        assert (await plane.ssm(operation, plane.agent, **parameters)).json == answer

    play(story)


def test_an_instance_can_register_as_itself_and_do_nothing_else(plane: Plane) -> None:
    async def story() -> None:
        itself = plane.credentials(IDENTITY_ROLE, INSTANCE)
        assert (await plane.ssm("RegisterManagedInstance", itself, Fingerprint="x")).json == {"InstanceId": INSTANCE}
        refused = await plane.ssm("RequestManagedInstanceRoleToken", itself, Fingerprint="x")
        assert refused.error[0] == "AccessDeniedException"
        assert "instance management role is not configured" in refused.error[1]
        assert (await plane.ssm("UpdateInstanceInformation", itself, **TOLD)).error[0] == "AccessDeniedException"

    play(story)


async def waiting(plane: Plane, hung_up: asyncio.Event) -> asyncio.Task[Any]:
    """A poll that is held."""
    body = f'{{"Destination": "{INSTANCE}", "MessagesRequestId": "7"}}'.encode()
    headers = plane.signed(plane.agent, "ec2messages", "POST", "/", body, {"x-amz-target": GET_MESSAGES})
    return asyncio.create_task(plane.post("ec2messages", "/", body, headers, hung_up))


async def reachable(plane: Plane) -> bool:
    """Whether a session can be started."""
    return (await plane.ssm("StartSession", Target=INSTANCE)).status == 200


def test_an_agent_that_polls_can_be_reached_while_it_waits_and_for_a_while_after(plane: Plane) -> None:
    async def story() -> None:
        poll = await waiting(plane, asyncio.Event())
        while not await reachable(plane):
            await asyncio.sleep(0)
        plane.control_plane._messages.stop()
        answer = await poll
        assert answer.json == {"Destination": INSTANCE, "MessagesRequestId": "7", "Messages": []}
        plane.clock.passed_s += 29
        assert await reachable(plane)
        plane.clock.passed_s += 1
        assert not await reachable(plane)

    play(story)


def test_an_agent_that_hangs_up_is_not_waited_for(plane: Plane) -> None:
    async def story() -> None:
        hung_up = asyncio.Event()
        poll = await waiting(plane, hung_up)
        while not await reachable(plane):
            await asyncio.sleep(0)
        hung_up.set()
        await poll
        assert not await reachable(plane)

    play(story)


def test_a_poll_from_before_its_control_channel_closed_does_not_make_an_agent_reachable(plane: Plane) -> None:
    async def story() -> None:
        plane.control_plane._messages.stop()
        async with await agent_online(plane) as control:
            await control.next()
            await plane.json_call("ec2messages", GET_MESSAGES, plane.agent, {"Destination": INSTANCE})
            assert await reachable(plane)
        assert not await reachable(plane)

    play(story)


def test_an_agent_that_only_polls_is_online_and_not_connected(plane: Plane) -> None:
    async def story() -> None:
        plane.control_plane._messages.stop()
        await plane.json_call("ec2messages", GET_MESSAGES, plane.agent, {"Destination": INSTANCE})
        assert await ping_status(plane) == "Online"
        assert (await plane.ssm("GetConnectionStatus", Target=INSTANCE)).json["Status"] == "notconnected"

    play(story)


@pytest.mark.parametrize("operation", ["AcknowledgeMessage", "DeleteMessage", "FailMessage", "SendReply"])
def test_answers_to_messages_are_heard(plane: Plane, operation: str) -> None:
    async def story() -> None:
        target = f"EC2WindowsMessageDeliveryService.{operation}"
        assert (await plane.json_call("ec2messages", target, plane.agent, {"MessageId": "x"})).json == {}
        assert (await plane.json_call("ec2messages", target, plane.ann, {})).error[0] == "AccessDeniedException"

    play(story)


def test_another_instances_messages_are_not_given(plane: Plane) -> None:
    async def story() -> None:
        other = plane.credentials("InstanceRole", "i-0ffff000000000000")
        answer = await plane.json_call("ec2messages", GET_MESSAGES, other, {"Destination": INSTANCE})
        assert answer.error[0] == "AccessDeniedException"

    play(story)
