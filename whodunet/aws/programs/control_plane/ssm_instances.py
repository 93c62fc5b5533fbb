"""The operations of ssm on instances: what agents tell, and what people ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Final

from pydantic import Field

from whodunet.aws.account.account import Account
from whodunet.aws.programs.control_plane.api_errors import ACCESS_DENIED, INVALID_FILTER_KEY, ApiError
from whodunet.aws.programs.control_plane.gate import Permission, require_instance
from whodunet.aws.programs.control_plane.instances import Instances, ManagedInstance
from whodunet.aws.programs.control_plane.operations import Answer, Call, Operation, Operations, Request
from whodunet.aws.programs.control_plane.ssm_sessions import paged

_LEAST_A_PAGE: Final = 5
_MOST_A_PAGE: Final = 50
_FILTERS: Final = {
    "InstanceIds": "InstanceId",
    "AgentVersion": "AgentVersion",
    "PingStatus": "PingStatus",
    "PlatformTypes": "PlatformType",
    "ResourceType": "ResourceType",
    "SourceIds": "SourceId",
    "SourceTypes": "SourceType",
}

_HEARD: Final = (
    "PutInventory",
    "PutComplianceItems",
    "PutConfigurePackageResult",
    "UpdateAssociationStatus",
    "UpdateInstanceAssociationStatus",
)


class UpdateInstanceInformation(Request):
    """What an agent tells every five minutes."""

    read_only: ClassVar[bool] = False

    instance_id: str
    agent_version: str | None = None
    platform_type: str | None = None
    platform_name: str | None = None
    platform_version: str | None = None
    ip_address: Annotated[str | None, Field(alias="IPAddress")] = None
    computer_name: str | None = None

    def permissions(self, account: Account) -> Iterable[Permission]:
        """On the instance."""
        yield Permission("ssm:UpdateInstanceInformation", account.instance_arn(self.instance_id))

    def told(self) -> dict[str, object]:
        """As DescribeInstanceInformation tells it again."""
        return self.model_dump(by_alias=True, exclude={"instance_id"}, exclude_none=True)


class InstanceFilter(Request):
    """One filter of Filters."""

    key: str
    values: tuple[str, ...]


class OlderInstanceFilter(Request):
    """One filter of InstanceInformationFilterList."""

    key: Annotated[str, Field(alias="key")]
    values: Annotated[tuple[str, ...], Field(alias="valueSet")]


class DescribeInstanceInformation(Request):
    """The instances that have an agent."""

    filters: tuple[InstanceFilter, ...] = ()
    instance_information_filter_list: tuple[OlderInstanceFilter, ...] = ()
    max_results: Annotated[int, Field(ge=_LEAST_A_PAGE, le=_MOST_A_PAGE)] = _MOST_A_PAGE
    next_token: str = "0"

    def permissions(self, account: Account) -> Iterable[Permission]:
        """On nothing in particular."""
        yield Permission("ssm:DescribeInstanceInformation", account.service_arn("ssm"))

    @property
    def all_filters(self) -> tuple[InstanceFilter | OlderInstanceFilter, ...]:
        """The filters of both spellings."""
        return *self.filters, *self.instance_information_filter_list


class OfOwnInstance(Request):
    """Whatever else an agent tells or asks about its own instance; it is heard, and means nothing here."""

    read_only: ClassVar[bool] = False

    instance_id: str = ""


class SsmInstances:
    """Answers them."""

    def __init__(self, instances: Instances, account: Account) -> None:
        self._instances = instances
        self._account = account

    def operations(self) -> Operations:
        """By name."""
        return {
            "UpdateInstanceInformation": Operation(UpdateInstanceInformation, self.update),
            "DescribeInstanceInformation": Operation(DescribeInstanceInformation, self.describe),
            "ListInstanceAssociations": Operation(OfOwnInstance, self.associations),
            "ListAssociations": Operation(OfOwnInstance, self.associations),
            "RegisterManagedInstance": Operation(OfOwnInstance, self.register),
            "RequestManagedInstanceRoleToken": Operation(OfOwnInstance, self.role_token),
            **dict.fromkeys(_HEARD, Operation(OfOwnInstance, self.hear)),
        }

    async def update(self, request: UpdateInstanceInformation, call: Call) -> Answer:
        """Remembers it; only of the instance that tells it."""
        require_instance(self._account, call.caller, request.instance_id)
        self._instances.of(request.instance_id).ping(request.told())
        return {}

    async def describe(self, request: DescribeInstanceInformation, call: Call) -> Answer:
        """A page of those to which all filters fit."""
        told = [_description(instance) for instance in self._instances]
        found = [it for it in told if all(_fits(each, it) for each in request.all_filters)]
        page, next_token = paged(found, request.next_token, request.max_results)
        return {"InstanceInformationList": page, **next_token}

    async def associations(self, request: OfOwnInstance, call: Call) -> Answer:
        """There are none."""
        return {"Associations": []}

    async def register(self, request: OfOwnInstance, call: Call) -> Answer:
        """An instance is known anyway."""
        return {"InstanceId": call.caller.identity.session}

    async def role_token(self, request: OfOwnInstance, call: Call) -> Answer:
        """What an instance without a fit profile tries next, Default Host Management, is not set up in this account."""
        why = f"Systems Manager's instance management role is not configured for account: {self._account.account_id}"
        raise ApiError(ACCESS_DENIED, why)

    async def hear(self, request: OfOwnInstance, call: Call) -> Answer:
        """Takes note of nothing."""
        return {}


def _description(instance: ManagedInstance) -> Answer:
    return {
        "InstanceId": instance.instance_id,
        "PingStatus": instance.ping_status.value,
        "LastPingDateTime": instance.pinged_at_ms / 1000,
        "IsLatestVersion": True,
        "ResourceType": "EC2Instance",
        "SourceId": instance.instance_id,
        "SourceType": "AWS::EC2::Instance",
        **instance.told,
    }


def _fits(asked: InstanceFilter | OlderInstanceFilter, told: Mapping[str, object]) -> bool:
    if asked.key not in _FILTERS:
        raise ApiError(INVALID_FILTER_KEY, f"The specified filter key {asked.key} is not valid.")
    return told.get(_FILTERS[asked.key]) in asked.values
