"""ec2: what there is to see of the account's instances."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Final

from pydantic import Field

from whodunet.aws.account.account import Account
from whodunet.aws.account.connect_endpoints import ENDPOINT_PROPERTIES, describe_endpoint
from whodunet.aws.account.ec2_instances import Description, DescriptionFilter, UnknownFilter, describe, reservation
from whodunet.aws.programs.control_plane.api_errors import (
    INVALID_ENDPOINT_NOT_FOUND,
    INVALID_INSTANCE_MALFORMED,
    INVALID_INSTANCE_NOT_FOUND,
    INVALID_PARAMETER_COMBINATION,
    INVALID_PARAMETER_VALUE,
    ApiError,
)
from whodunet.aws.programs.control_plane.gate import Permission
from whodunet.aws.programs.control_plane.operations import Answer, Call, Operation, Operations, Request
from whodunet.aws.programs.control_plane.ssm_sessions import paged

_MOST_A_PAGE: Final = 1000
_INSTANCE_ID: Final = re.compile(r"i-[0-9a-z]{8,17}")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,3}")


class Ec2Filter(Request):
    """One filter: the name of a property, and what it may be."""

    name: str
    value: tuple[str, ...] = ()


class DescribeInstances(Request):
    """The instances that there are."""

    instance_id: tuple[str, ...] = ()
    filter: tuple[Ec2Filter, ...] = ()
    max_results: Annotated[int, Field(ge=5, le=_MOST_A_PAGE)] | None = None
    next_token: str = "0"

    def permissions(self, account: Account) -> Iterable[Permission]:
        """On all: EC2 knows no resource for what only looks."""
        yield Permission("ec2:DescribeInstances", "*")


class DescribeInstanceConnectEndpoints(Request):
    """The Instance Connect Endpoints that there are."""

    instance_connect_endpoint_id: tuple[str, ...] = ()
    filter: tuple[Ec2Filter, ...] = ()
    max_results: Annotated[int, Field(ge=1, le=50)] = 50
    next_token: str = "0"

    def permissions(self, account: Account) -> Iterable[Permission]:
        """On all."""
        yield Permission("ec2:DescribeInstanceConnectEndpoints", "*")


class Ec2:
    """Answers them."""

    def __init__(self, account: Account, launched_at_s: float) -> None:
        """All instances were launched at one time."""
        self._account = account
        self._launched_at_s = launched_at_s

    def operations(self) -> Operations:
        """By name."""
        return {
            "DescribeInstances": Operation(DescribeInstances, self.describe_instances),
            "DescribeInstanceConnectEndpoints": Operation(
                DescribeInstanceConnectEndpoints, self.describe_instance_connect_endpoints
            ),
        }

    async def describe_instances(self, request: DescribeInstances, call: Call) -> Answer:
        """A page of those that are named, or of all, to which all filters fit."""
        if request.instance_id and request.max_results is not None:
            why = "The parameter instancesSet cannot be used with the parameter maxResults"
            raise ApiError(INVALID_PARAMETER_COMBINATION, why)
        self._require(request.instance_id)
        chosen = [it for it in self._account.instances if not request.instance_id or it in request.instance_id]
        found = [reservation(self._account, it, self._launched_at_s) for it in chosen if self._fits(it, request.filter)]
        page, rest = paged([dict(it) for it in found], request.next_token, request.max_results or _MOST_A_PAGE)
        return {"reservationSet": page, **({"nextToken": rest["NextToken"]} if rest else {})}

    async def describe_instance_connect_endpoints(
        self, request: DescribeInstanceConnectEndpoints, call: Call
    ) -> Answer:
        """A page of those that are named, or of all, to which all filters fit."""
        endpoints, named = self._account.connect_endpoints, request.instance_connect_endpoint_id
        for endpoint_id in named:
            if endpoint_id not in endpoints:
                why = f"The instance connect endpoint ID '{endpoint_id}' does not exist"
                raise ApiError(INVALID_ENDPOINT_NOT_FOUND, why)
        filters = [DescriptionFilter(it.name, it.value, ENDPOINT_PROPERTIES) for it in request.filter]
        described = [describe_endpoint(self._account, it, self._launched_at_s) for it in named or endpoints]
        found = [dict(each) for each in described if _all_fit(filters, each, {})]
        page, rest = paged(found, request.next_token, request.max_results)
        return {"instanceConnectEndpointSet": page, **({"nextToken": rest["NextToken"]} if rest else {})}

    def _require(self, instance_ids: Iterable[str]) -> None:
        for instance_id in instance_ids:
            if not _INSTANCE_ID.fullmatch(instance_id):
                raise ApiError(INVALID_INSTANCE_MALFORMED, f'Invalid id: "{instance_id}"')
        missing = [it for it in instance_ids if it not in self._account.instances]
        if missing:
            ids = f"ID '{missing[0]}' does" if len(missing) == 1 else f"IDs '{', '.join(missing)}' do"
            raise ApiError(INVALID_INSTANCE_NOT_FOUND, f"The instance {ids} not exist")

    def _fits(self, instance_id: str, filters: Iterable[Ec2Filter]) -> bool:
        description = describe(self._account, instance_id, self._launched_at_s)
        tags = self._account.instances[instance_id].tags
        return _all_fit([DescriptionFilter(it.name, it.value) for it in filters], description, tags)


def _all_fit(filters: Iterable[DescriptionFilter], description: Description, tags: Mapping[str, str]) -> bool:
    try:
        return all(it.fits(description, tags) for it in filters)
    except UnknownFilter as unknown:
        raise ApiError(INVALID_PARAMETER_VALUE, f"The filter '{unknown}' is invalid") from unknown


def nested(fields: Mapping[str, str]) -> dict[str, object]:
    """The fields of an EC2 query as a tree: `Filter.1.Value.2` is in the second place of the first filter's values.

    Source: Smithy, "AWS EC2 Query protocol".
    """
    tree: dict[str, object] = {}
    for name, value in fields.items():
        *path, last = name.split(".")
        node: object = tree
        for part in path:
            node = node.setdefault(part, {}) if isinstance(node, dict) else None
        if not isinstance(node, dict) or isinstance(node.get(last), dict):
            raise ApiError(INVALID_PARAMETER_VALUE, f"{name} is both a value and a structure.")
        node[last] = value
    return {name: _listed(value) for name, value in tree.items()}


def _listed(value: object) -> object:
    if not isinstance(value, dict):
        return value
    if value and all(_NUMBER.fullmatch(key) for key in value):
        return [_listed(value[key]) for key in sorted(value, key=int)]
    return {key: _listed(item) for key, item in value.items()}
