"""The operations of ssm on commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

from whodunet.aws.account.account import Account
from whodunet.aws.programs.clock import now
from whodunet.aws.programs.control_plane.api_errors import (
    INVALID_COMMAND_ID,
    INVALID_DOCUMENT,
    INVALID_INSTANCE_ID,
    INVALID_PARAMETERS,
    INVOCATION_DOES_NOT_EXIST,
    VALIDATION,
    ApiError,
)
from whodunet.aws.programs.control_plane.command_requests import (
    CancelCommand,
    GetCommandInvocation,
    ListCommandInvocations,
    ListCommands,
    SendCommand,
)
from whodunet.aws.programs.control_plane.instances import Instances, ManagedInstance
from whodunet.aws.programs.control_plane.operations import Answer, Call, Operation, Operations
from whodunet.aws.programs.control_plane.run_commands import (
    CommandStatus,
    Invocation,
    RunCommands,
    SentCommand,
    parameters_of,
)
from whodunet.aws.programs.control_plane.ssm_sessions import paged
from whodunet.aws.ssm.commands import COMMAND_DOCUMENTS, SHELL_SCRIPT, CommandOrder, accept
from whodunet.aws.ssm.frames import Now
from whodunet.aws.ssm.violations import InvalidParameters

_NOT_BEGUN = -1  # the response code until there is one
_STATUS_OF_PLUGIN = {"Pending": "Pending", "Cancelling": "InProgress"}


class SsmCommands:
    """Answers them."""

    def __init__(
        self, commands: RunCommands, instances: Instances, account: Account, clock: Callable[[], Now] = now
    ) -> None:
        self._commands = commands
        self._instances = instances
        self._account = account
        self._clock = clock

    def operations(self) -> Operations:
        """By name."""
        return {
            "SendCommand": Operation(SendCommand, self.send),
            "GetCommandInvocation": Operation(GetCommandInvocation, self.invocation),
            "ListCommandInvocations": Operation(ListCommandInvocations, self.list_invocations),
            "ListCommands": Operation(ListCommands, self.list_commands),
            "CancelCommand": Operation(CancelCommand, self.cancel),
        }

    async def send(self, request: SendCommand, call: Call) -> Answer:
        """Sends a command to instances that have an agent."""
        command = self._command(request, call)
        self._commands.send(command, self._managed(command.instance_ids))
        return {"Command": self._description(command)}

    async def invocation(self, request: GetCommandInvocation, call: Call) -> Answer:
        """How far it is, and what it said."""
        found = self._commands.invocation(request.command_id, request.instance_id)
        if found is None or request.plugin_name not in ("", SHELL_SCRIPT):
            raise ApiError(INVOCATION_DOES_NOT_EXIST, "")
        result = found.result
        return {
            "CommandId": request.command_id,
            "InstanceId": request.instance_id,
            "Comment": found.command.comment,
            "DocumentName": found.command.order.document_name,
            "DocumentVersion": "$DEFAULT",
            "PluginName": SHELL_SCRIPT,
            "ResponseCode": _NOT_BEGUN if result is None else result.code,
            "ExecutionStartDateTime": "" if result is None else result.start_date_time,
            "ExecutionElapsedTime": "",
            "ExecutionEndDateTime": "" if result is None else result.end_date_time,
            "Status": found.status.value,
            "StatusDetails": found.details,
            "StandardOutputContent": "" if result is None else result.standard_output,
            "StandardOutputUrl": "",
            "StandardErrorContent": "" if result is None else result.standard_error,
            "StandardErrorUrl": "",
            "CloudWatchOutputConfig": {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False},
        }

    async def list_invocations(self, request: ListCommandInvocations, call: Call) -> Answer:
        """Newest first, a page at a time."""
        found = [it for command in self._known(request.command_id) for it in self._of(command, request.instance_id)]
        told = [self._invocation(it, details=request.details) for it in found]
        page, next_token = paged(told, request.next_token, request.max_results)
        return {"CommandInvocations": page, **next_token}

    async def list_commands(self, request: ListCommands, call: Call) -> Answer:
        """Newest first, a page at a time."""
        known = self._known(request.command_id)
        told = [self._description(it) for it in known if list(self._of(it, request.instance_id))]
        page, next_token = paged(told, request.next_token, request.max_results)
        return {"Commands": page, **next_token}

    async def cancel(self, request: CancelCommand, call: Call) -> Answer:
        """Asks the agents to end it; what is over stays as it is."""
        if not self._commands.invocations(request.command_id):
            raise ApiError(INVALID_COMMAND_ID, "")
        for invocation in self._commands.invocations(request.command_id):
            if not request.instance_ids or invocation.instance_id in request.instance_ids:
                self._commands.cancel(invocation, self._instances.get(invocation.instance_id))
        return {}

    def _command(self, request: SendCommand, call: Call) -> SentCommand:
        document = COMMAND_DOCUMENTS.get(request.document_name.rpartition("/")[2])
        if document is None:
            raise ApiError(INVALID_DOCUMENT, f"Document {request.document_name} does not exist in your account.")
        if bool(request.instance_ids) == bool(request.targets):
            raise ApiError(VALIDATION, "Exactly one of InstanceIds and Targets must be given.")
        if request.output_s3_bucket_name:
            raise ApiError(VALIDATION, "There is no S3 in this account: a command's output is in its invocation alone.")
        try:
            parameters = accept(document, request.parameters)
        except InvalidParameters as error:
            raise ApiError(INVALID_PARAMETERS, str(error)) from error
        longest = parameters.get("executionTimeout")
        order = CommandOrder(
            command_id=str(uuid4()),
            document_name=request.document_name,
            document_content=document,
            parameters=parameters,
        )
        return SentCommand(
            order=order,
            owner=call.caller.identity,
            instance_ids=tuple(request.chosen(self._account)),
            targets=[it.model_dump(by_alias=True, mode="json") for it in request.targets],
            comment=request.comment,
            source_ip=call.visit.source_ip,
            requested_at_s=self._clock().epoch_s,
            deliver_within_s=request.timeout_seconds,
            longest_s=int(longest) if isinstance(longest, str) else 0,
        )

    def _managed(self, instance_ids: tuple[str, ...]) -> list[ManagedInstance]:
        found = {it: self._instances.get(it) for it in instance_ids}
        missing = [instance_id for instance_id, it in found.items() if it is None]
        if missing:
            which = f"[{', '.join(missing)}]"
            why = f"Instances [{which}] not in a valid state for account {self._account.account_id}"
            raise ApiError(INVALID_INSTANCE_ID, why)
        return [it for it in found.values() if it is not None]

    def _known(self, command_id: str | None) -> list[SentCommand]:
        return [it for it in self._commands if command_id in (None, it.command_id)]

    def _of(self, command: SentCommand, instance_id: str | None) -> Iterator[Invocation]:
        for invocation in self._commands.invocations(command.command_id):
            if instance_id in (None, invocation.instance_id):
                yield invocation

    def _description(self, command: SentCommand) -> Answer:
        invocations = self._commands.invocations(command.command_id)
        status, ends = self._commands.status(command), [it.status for it in invocations if it.status.over]
        bad = (CommandStatus.FAILED, CommandStatus.TIMED_OUT)
        return {
            "CommandId": command.command_id,
            "DocumentName": command.order.document_name,
            "DocumentVersion": "$DEFAULT",
            "Comment": command.comment,
            "ExpiresAfter": command.expires_at_s,
            "Parameters": parameters_of(command),
            "InstanceIds": [] if command.targets else list(command.instance_ids),
            "Targets": list(command.targets),
            "RequestedDateTime": command.requested_at_s,
            "Status": status.value,
            "StatusDetails": status.value,
            "OutputS3BucketName": "",
            "OutputS3KeyPrefix": "",
            "MaxConcurrency": "50",
            "MaxErrors": "0",
            "TargetCount": len(invocations),
            "CompletedCount": len(ends),
            "ErrorCount": sum(it in bad for it in ends),
            "DeliveryTimedOutCount": sum(it.details == "DeliveryTimedOut" for it in invocations),
            "TimeoutSeconds": command.deliver_within_s,
        }

    def _invocation(self, invocation: Invocation, *, details: bool) -> Answer:
        command, managed = invocation.command, self._instances.get(invocation.instance_id)
        return {
            "CommandId": command.command_id,
            "InstanceId": invocation.instance_id,
            "InstanceName": "" if managed is None else str(managed.told.get("ComputerName", "")),
            "Comment": command.comment,
            "DocumentName": command.order.document_name,
            "DocumentVersion": "$DEFAULT",
            "RequestedDateTime": command.requested_at_s,
            "Status": invocation.status.value,
            "StatusDetails": invocation.details,
            "StandardOutputUrl": "",
            "StandardErrorUrl": "",
            "CommandPlugins": [_plugin(invocation)] if details else [],
        }


def _plugin(invocation: Invocation) -> Answer:
    result = invocation.result
    return {
        "Name": SHELL_SCRIPT,
        "Status": _STATUS_OF_PLUGIN.get(invocation.status, invocation.status.value),
        "StatusDetails": invocation.details,
        "ResponseCode": _NOT_BEGUN if result is None else result.code,
        "Output": "" if result is None else result.output,
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
        "OutputS3Region": "",
        "OutputS3BucketName": "",
        "OutputS3KeyPrefix": "",
    }
