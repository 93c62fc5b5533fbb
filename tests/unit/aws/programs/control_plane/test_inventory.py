"""GetInventory."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.aws.programs.control_plane.plane import INSTANCE, Plane, play

TOLD = {"InstanceId": INSTANCE, "AgentVersion": "3.3.0.0", "IPAddress": "10.0.1.10", "ComputerName": "web"}
TYPE = "AWS:InstanceInformation"


async def entities(plane: Plane, **asked: Any) -> list[Any]:
    """What there is, of an agent that has told of its instance."""
    assert (await plane.ssm("UpdateInstanceInformation", plane.agent, **TOLD)).status == 200
    answer = await plane.ssm("GetInventory", **asked)
    assert answer.status == 200, answer
    found: list[Any] = answer.json["Entities"]
    return found


def test_what_an_agent_told_is_in_the_inventory(plane: Plane) -> None:
    async def story() -> None:
        (entity,) = await entities(plane)
        assert entity["Id"] == INSTANCE
        (content,) = entity["Data"][TYPE]["Content"]
        assert content == {
            "AgentType": "amazon-ssm-agent",
            "AgentVersion": "3.3.0.0",
            "ComputerName": "web",
            "InstanceId": INSTANCE,
            "InstanceStatus": "Active",
            "IpAddress": "10.0.1.10",
            "ResourceType": "EC2Instance",
        }

    play(story)


@pytest.mark.parametrize(
    ("key", "kind", "values", "there"),
    [
        ("ResourceType", "Equal", ["EC2Instance", "ManagedInstance"], True),
        ("ResourceType", "Equal", ["ManagedInstance"], False),
        ("InstanceStatus", "NotEqual", ["Terminated", "ConnectionLost"], True),
        ("InstanceStatus", "NotEqual", ["Active"], False),
        ("ComputerName", "BeginWith", ["w"], True),
        ("ComputerName", "Exists", [], True),
        ("PlatformName", "Exists", [], False),
        ("AgentVersion", "GreaterThan", ["3.2"], True),
        ("AgentVersion", "LessThan", ["3.2"], False),
    ],
)
def test_filters_choose(plane: Plane, key: str, kind: str, values: list[str], there: bool) -> None:
    async def story() -> None:
        found = await entities(plane, Filters=[{"Key": f"{TYPE}.{key}", "Type": kind, "Values": values}])
        assert bool(found) is there

    play(story)


def test_an_instance_that_went_quiet_has_lost_its_connection(plane: Plane) -> None:
    async def story() -> None:
        await entities(plane)
        plane.clock.passed_s = 301
        ((entity,),) = [(await plane.ssm("GetInventory", plane.credentials("Developer", "x"))).json["Entities"]]
        assert entity["Data"][TYPE]["Content"][0]["InstanceStatus"] == "ConnectionLost"

    play(story)


def test_a_type_that_there_is_not_has_no_data(plane: Plane) -> None:
    async def story() -> None:
        (entity,) = await entities(plane, ResultAttributes=[{"TypeName": "AWS:Application"}])
        assert entity["Data"] == {}

    play(story)


def test_a_filter_on_another_type_is_refused(plane: Plane) -> None:
    async def story() -> None:
        answer = await plane.ssm("GetInventory", Filters=[{"Key": "AWS:Application.Name", "Values": ["x"]}])
        assert answer.error[0] == "InvalidFilter"

    play(story)
