"""What ssm's operations on commands are asked with, and which permissions they need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from whodunet.aws.account.account import Account
from whodunet.aws.programs.control_plane.gate import Permission
from whodunet.aws.programs.control_plane.operations import Request

InstanceId = Annotated[str, StringConstraints(pattern=r"^m?i-[0-9a-z]{8,17}$")]
CommandId = Annotated[str, StringConstraints(min_length=36, max_length=36)]


class CommandTarget(Request):
    """Instances by their identifiers or by a tag."""

    key: Annotated[str, StringConstraints(pattern=r"^(InstanceIds|tag:.{1,128}|tag-key)$")]
    values: Annotated[tuple[str, ...], Field(max_length=50)]

    def instances(self, account: Account) -> Iterator[str]:
        """Those of the account that are meant."""
        for instance_id, instance in account.instances.items():
            if self.key == "InstanceIds":
                found = instance_id in self.values
            elif self.key == "tag-key":
                found = not instance.tags.keys().isdisjoint(self.values)
            else:
                found = instance.tags.get(self.key.removeprefix("tag:")) in self.values
            if found:
                yield instance_id


class SendCommand(Request):
    """A command for instances."""

    read_only: ClassVar[bool] = False
    hidden: ClassVar[frozenset[str]] = frozenset({"Parameters"})  # as in CloudTrail

    document_name: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_\-.:/]{3,128}$")]
    instance_ids: Annotated[tuple[InstanceId, ...], Field(max_length=50)] = ()
    targets: Annotated[tuple[CommandTarget, ...], Field(max_length=5)] = ()
    parameters: Mapping[str, list[str]] = Field(default_factory=dict)
    timeout_seconds: Annotated[int, Field(ge=30, le=2592000)] = 3600
    comment: Annotated[str, StringConstraints(max_length=100)] = ""
    output_s3_bucket_name: Annotated[str, Field(alias="OutputS3BucketName")] = ""

    def permissions(self, account: Account) -> Iterable[Permission]:
        """On each instance, and on the document."""
        for instance_id in self.chosen(account):
            yield Permission("ssm:SendCommand", account.instance_arn(instance_id))
        yield Permission("ssm:SendCommand", account.document_arn(self.document_name))

    def chosen(self, account: Account) -> list[str]:
        """The instances, each once: those that are named, and those that all targets are about."""
        found = [set(target.instances(account)) for target in self.targets]
        targeted = [it for it in account.instances if found and all(it in each for each in found)]
        return list(dict.fromkeys((*self.instance_ids, *targeted)))


class OfCommands(Request):
    """Something on commands; AWS knows no resource for these."""

    action: ClassVar[str]

    def permissions(self, account: Account) -> Iterable[Permission]:
        """On nothing in particular."""
        yield Permission(self.action, account.service_arn("ssm"))


class GetCommandInvocation(OfCommands):
    """How far a command is on one instance."""

    action: ClassVar[str] = "ssm:GetCommandInvocation"

    command_id: CommandId
    instance_id: InstanceId
    plugin_name: str = ""


class _Listed(OfCommands):
    command_id: CommandId | None = None
    instance_id: InstanceId | None = None
    max_results: Annotated[int, Field(ge=1, le=50)] = 50
    next_token: str = "0"


class ListCommandInvocations(_Listed):
    """How far commands are on instances."""

    action: ClassVar[str] = "ssm:ListCommandInvocations"

    details: bool = False


class ListCommands(_Listed):
    """Which commands there were."""

    action: ClassVar[str] = "ssm:ListCommands"


class CancelCommand(OfCommands):
    """The end of a command, on some instances or on all."""

    read_only: ClassVar[bool] = False
    action: ClassVar[str] = "ssm:CancelCommand"

    command_id: CommandId
    instance_ids: tuple[InstanceId, ...] = ()
