"""Inventory: what agents told of their instances, as ssm's GetInventory has it.

Source: Systems Manager User Guide, "Metadata collected by inventory"; of its types, AWS:InstanceInformation alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from whodunet.aws.account.account import Account
from whodunet.aws.account.timestamps import utc_text
from whodunet.aws.programs.control_plane.api_errors import INVALID_FILTER, ApiError
from whodunet.aws.programs.control_plane.gate import Permission
from whodunet.aws.programs.control_plane.instances import Instances, ManagedInstance, PingStatus
from whodunet.aws.programs.control_plane.operations import Answer, Call, Operation, Operations, Request
from whodunet.aws.programs.control_plane.ssm_sessions import paged

_TYPE: Final = "AWS:InstanceInformation"
_TOLD: Final = {  # by the names that agents use
    "AgentVersion": "AgentVersion",
    "ComputerName": "ComputerName",
    "IPAddress": "IpAddress",
    "PlatformName": "PlatformName",
    "PlatformType": "PlatformType",
    "PlatformVersion": "PlatformVersion",
}


class InventoryFilter(Request):
    """What a property of the instances may be; without values, whether it is there."""

    key: str
    values: tuple[str, ...] = ()
    type: Literal["Equal", "NotEqual", "BeginWith", "LessThan", "GreaterThan", "Exists"] = "Equal"

    def fits(self, content: Mapping[str, str]) -> bool:
        """Whether an instance passes."""
        found = content.get(self.key.removeprefix(f"{_TYPE}."))
        match self.type:
            case "Exists":
                return found is not None
            case "NotEqual":
                return found not in self.values
            case "Equal":
                return found in self.values
            case "BeginWith":
                return found is not None and found.startswith(self.values)
            case "LessThan":
                return found is not None and any(found < value for value in self.values)
            case "GreaterThan":
                return found is not None and any(found > value for value in self.values)


class ResultAttribute(Request):
    """A type of inventory."""

    type_name: str


class GetInventory(Request):
    """The inventory of instances."""

    filters: Annotated[tuple[InventoryFilter, ...], Field(max_length=5)] = ()
    result_attributes: tuple[ResultAttribute, ...] = ()
    max_results: Annotated[int, Field(ge=1, le=50)] = 50
    next_token: str = "0"

    def permissions(self, account: Account) -> Iterable[Permission]:
        """On nothing in particular."""
        yield Permission("ssm:GetInventory", account.service_arn("ssm"))


class Inventory:
    """Answers it."""

    def __init__(self, instances: Instances) -> None:
        self._instances = instances

    def operations(self) -> Operations:
        """By name."""
        return {"GetInventory": Operation(GetInventory, self.get)}

    async def get(self, request: GetInventory, call: Call) -> Answer:
        """A page of the instances to which all filters fit."""
        wanted = not request.result_attributes or any(it.type_name == _TYPE for it in request.result_attributes)
        for asked in request.filters:
            if not asked.key.startswith(f"{_TYPE}."):
                raise ApiError(INVALID_FILTER, f"The specified filter key {asked.key} is not one of {_TYPE}.")
        told = [(instance, _content(instance)) for instance in self._instances]
        found: list[Answer] = [
            {"Id": instance.instance_id, "Data": {_TYPE: _item(instance, content)} if wanted else {}}
            for instance, content in told
            if all(it.fits(content) for it in request.filters)
        ]
        page, next_token = paged(found, request.next_token, request.max_results)
        return {"Entities": page, **next_token}


def _content(instance: ManagedInstance) -> dict[str, str]:
    online = instance.ping_status is PingStatus.ONLINE
    return {
        "AgentType": "amazon-ssm-agent",
        "InstanceId": instance.instance_id,
        "InstanceStatus": "Active" if online else instance.ping_status.value,
        "ResourceType": "EC2Instance",
        **{name: str(instance.told[key]) for key, name in _TOLD.items() if key in instance.told},
    }


def _item(instance: ManagedInstance, content: Mapping[str, str]) -> Answer:
    captured = utc_text(instance.pinged_at_ms / 1000)
    return {"TypeName": _TYPE, "SchemaVersion": "1.0", "CaptureTime": captured, "Content": [dict(content)]}
