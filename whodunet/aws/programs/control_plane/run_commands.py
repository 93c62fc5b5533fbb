"""The commands of Run Command: sent to instances, and how far each is there.

Source: Systems Manager User Guide, "Understanding command statuses".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final
from uuid import uuid4

from whodunet.aws.account.seal import Identity
from whodunet.aws.account.timestamps import utc_text
from whodunet.aws.programs.clock import now
from whodunet.aws.programs.control_plane.instances import ManagedInstance
from whodunet.aws.ssm.commands import (
    AgentJob,
    AgentJobAck,
    AgentJobReply,
    AgentJobReplyAck,
    CommandCancellation,
    CommandOrder,
    CommandReply,
    JobCode,
    JobTopic,
    ParameterValue,
    PluginStatus,
    ResultStatus,
    job_id,
)
from whodunet.aws.ssm.frames import Frame, MessageType, Now

_MODE: Final = 0o600


class CommandStatus(StrEnum):
    """How far a command is, on one instance or on all together."""

    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    CANCELLING = "Cancelling"
    SUCCESS = "Success"
    CANCELLED = "Cancelled"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return self in (self.SUCCESS, self.CANCELLED, self.FAILED, self.TIMED_OUT)


_ENDS: Final[Mapping[str, tuple[CommandStatus, str]]] = {  # with what the details say
    ResultStatus.SUCCESS: (CommandStatus.SUCCESS, "Success"),
    ResultStatus.CANCELLED: (CommandStatus.CANCELLED, "Cancelled"),
    ResultStatus.TIMED_OUT: (CommandStatus.TIMED_OUT, "ExecutionTimedOut"),
    ResultStatus.FAILED: (CommandStatus.FAILED, "Failed"),
}
_DELIVERY_TIMED_OUT: Final = "DeliveryTimedOut"
_WORST_FIRST: Final = (
    *(CommandStatus.IN_PROGRESS, CommandStatus.CANCELLING, CommandStatus.PENDING),
    *(CommandStatus.FAILED, CommandStatus.TIMED_OUT, CommandStatus.CANCELLED),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentCommand:
    """What somebody asked for."""

    order: CommandOrder
    owner: Identity
    instance_ids: tuple[str, ...]
    targets: Sequence[Mapping[str, object]]  # as they were given, where they were not instances
    comment: str
    source_ip: str
    requested_at_s: float
    deliver_within_s: int
    longest_s: int  # that it may run

    @property
    def command_id(self) -> str:
        """Its identifier."""
        return self.order.command_id

    @property
    def expires_at_s(self) -> float:
        """When it is over on every instance, one way or the other."""
        return self.requested_at_s + self.deliver_within_s + self.longest_s


@dataclass(slots=True)
class Invocation:
    """A command on one instance."""

    command: SentCommand
    instance_id: str
    status: CommandStatus = CommandStatus.PENDING
    details: str = CommandStatus.PENDING.value
    result: PluginStatus | None = None

    @property
    def job(self) -> str:
        """The name that the agent knows it by."""
        return job_id(self.command.command_id, self.instance_id)

    def become(self, status: CommandStatus, details: str) -> None:
        """Goes on, or ends."""
        self.status, self.details = status, details


class CommandRecords:
    """What was run, and what came of it: the audit trail hides the parameters of commands, as AWS's does."""

    def __init__(self, directory: Path) -> None:
        """Writes beside the transcripts of sessions."""
        self._directory = directory

    def begin(self, command: SentCommand) -> None:
        """Writes down who runs what where."""
        header = {
            "commandId": command.command_id,
            "owner": command.owner.arn,
            "targets": list(command.instance_ids),
            "documentName": command.order.document_name,
            "parameters": command.order.parameters,
            "startTime": utc_text(command.requested_at_s),
            "sourceIPAddress": command.source_ip,
            "comment": command.comment,
        }
        self._append(command, header)

    def end(self, invocation: Invocation) -> None:
        """Writes down what came of it on one instance."""
        result = invocation.result
        told = {"instanceId": invocation.instance_id, "status": invocation.status, "statusDetails": invocation.details}
        if result is not None:
            told |= {"standardOutput": result.standard_output, "standardError": result.standard_error}
        self._append(invocation.command, {**told, **({} if result is None else {"responseCode": result.code})})

    def _append(self, command: SentCommand, line: Mapping[str, object]) -> None:
        path = self._directory / f"{command.command_id}.log"
        path.touch(_MODE)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


@dataclass(slots=True)
class _Held:
    command: SentCommand
    invocations: dict[str, Invocation] = field(default_factory=dict)  # by instance


class RunCommands:
    """All commands that were ever sent."""

    def __init__(self, records: Path, clock: Callable[[], Now] = now) -> None:
        self._records = CommandRecords(records)
        self._clock = clock
        self._held: dict[str, _Held] = {}

    def __iter__(self) -> Iterator[SentCommand]:
        """Newest first."""
        yield from (held.command for held in reversed(self._held.values()))

    def invocations(self, command_id: str) -> list[Invocation]:
        """Of one command; none for one that is not known."""
        held = self._held.get(command_id)
        return [] if held is None else list(held.invocations.values())

    def invocation(self, command_id: str, instance_id: str) -> Invocation | None:
        """Of one command on one instance, if there is such."""
        held = self._held.get(command_id)
        return None if held is None else held.invocations.get(instance_id)

    def status(self, command: SentCommand) -> CommandStatus:
        """Of all instances together: what is not over comes first, then the worst end."""
        found = {it.status for it in self.invocations(command.command_id)}
        return next((status for status in _WORST_FIRST if status in found), CommandStatus.SUCCESS)

    def send(self, command: SentCommand, instances: Sequence[ManagedInstance]) -> None:
        """Sends a command to instances: to those that can be told at once, to the others once they can be."""
        self._records.begin(command)
        invocations = {it.instance_id: Invocation(command, it.instance_id) for it in instances}
        self._held[command.command_id] = _Held(command, invocations)
        for instance in instances:
            _deliver(invocations[instance.instance_id], instance)

    def connected(self, instance: ManagedInstance) -> None:
        """An instance can be told now of what waits for it; an agent knows what it was told before."""
        for held in self._held.values():
            invocation = held.invocations.get(instance.instance_id)
            if invocation is not None and invocation.status is CommandStatus.PENDING:
                _deliver(invocation, instance)

    def cancel(self, invocation: Invocation, instance: ManagedInstance | None) -> None:
        """Ends a command on an instance: at once if its agent was not told yet."""
        if invocation.status is CommandStatus.PENDING:
            self._end(invocation, CommandStatus.CANCELLED, "Cancelled")
        elif not invocation.status.over and instance is not None:
            invocation.become(CommandStatus.CANCELLING, "Cancelling")
            content = CommandCancellation(cancel_message_id=invocation.job).to_payload().decode()
            name = job_id(str(uuid4()), invocation.instance_id)
            job = AgentJob(content=content, job_id=name, topic=JobTopic.CANCEL)
            instance.tell(MessageType.AGENT_JOB, job.to_payload())

    def hear(self, instance: ManagedInstance, frame: Frame) -> None:
        """Takes what an agent says of a job; raises ProtocolViolation for what cannot be read."""
        if frame.message_type == MessageType.AGENT_JOB_ACK:
            ack = AgentJobAck.from_payload(frame.payload)
            self._taken(self._find(instance, ack.job_id), ack)
            return
        message = AgentJobReply.from_payload(frame.payload)
        told = AgentJobReplyAck(job_id=message.job_id, acknowledged_message_id=frame.message_id)
        instance.tell(MessageType.AGENT_JOB_REPLY_ACK, told.to_payload())
        self._replied(self._find(instance, message.job_id), CommandReply.from_payload(message.content))

    def end_overdue(self) -> None:
        """Gives up on what no agent has taken in time, or has not ended in time."""
        now_s = self._clock().epoch_s
        for held in self._held.values():
            command = held.command
            for invocation in held.invocations.values():
                waits = invocation.status is CommandStatus.PENDING
                if waits and now_s >= command.requested_at_s + command.deliver_within_s:
                    self._end(invocation, CommandStatus.TIMED_OUT, _DELIVERY_TIMED_OUT)
                elif not invocation.status.over and now_s >= command.expires_at_s:
                    self._end(invocation, *_ENDS[ResultStatus.TIMED_OUT])

    def _find(self, instance: ManagedInstance, job: str) -> Invocation | None:
        """Whose job it is, among the instance's own that are not over."""
        for held in self._held.values():
            invocation = held.invocations.get(instance.instance_id)
            if invocation is not None and invocation.job == job and not invocation.status.over:
                return invocation
        return None

    def _taken(self, invocation: Invocation | None, ack: AgentJobAck) -> None:
        if invocation is None or ack.status_code == JobCode.DUPLICATE:
            return
        if ack.status_code == JobCode.ACCEPTED:
            _begun(invocation)
        else:
            self._end(invocation, CommandStatus.FAILED, "Failed")

    def _replied(self, invocation: Invocation | None, reply: CommandReply) -> None:
        if invocation is None:
            return
        if reply.document_status == ResultStatus.IN_PROGRESS:
            _begun(invocation)
            return
        invocation.result = next(iter((reply.runtime_status or {}).values()), None)
        self._end(invocation, *_ENDS.get(reply.document_status, _ENDS[ResultStatus.FAILED]))

    def _end(self, invocation: Invocation, status: CommandStatus, details: str) -> None:
        invocation.become(status, details)
        self._records.end(invocation)


def parameters_of(command: SentCommand) -> dict[str, list[str]]:
    """The parameters as the API has them: every one a list."""
    return {name: _listed(value) for name, value in command.order.parameters.items()}


def _listed(value: ParameterValue) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _begun(invocation: Invocation) -> None:
    if invocation.status is CommandStatus.PENDING:
        invocation.become(CommandStatus.IN_PROGRESS, CommandStatus.IN_PROGRESS.value)


def _deliver(invocation: Invocation, instance: ManagedInstance) -> None:
    content = invocation.command.order.to_payload().decode()
    job = AgentJob(content=content, job_id=invocation.job, topic=JobTopic.SEND)
    instance.tell(MessageType.AGENT_JOB, job.to_payload())
