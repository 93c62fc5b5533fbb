"""The channel on which the service gives its orders, and the agent reports that they are carried out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol
from uuid import uuid4

from websockets.exceptions import ConnectionClosed

from whodunet.aws.programs.agent import AGENT_VERSION
from whodunet.aws.programs.agent.cloud_calls import CloudCalls
from whodunet.aws.programs.agent.outcome import Outcome
from whodunet.aws.programs.clock import now
from whodunet.aws.programs.signed_http import Unreachable
from whodunet.aws.programs.web_socket import Socket
from whodunet.aws.ssm import create_channel
from whodunet.aws.ssm.commands import (
    AgentJob,
    AgentJobAck,
    AgentJobReply,
    AgentJobReplyAck,
    CommandCancellation,
    CommandReply,
    JobCode,
    JobTopic,
)
from whodunet.aws.ssm.frames import Frame, MessageType, parse, serialise
from whodunet.aws.ssm.payloads import (
    AgentTaskAcknowledge,
    AgentTaskComplete,
    ChannelClosed,
    InteractiveShell,
    OpenControlChannel,
    ShellContent,
    control_frame,
    time_text,
)
from whodunet.aws.ssm.violations import ProtocolViolation

log = logging.getLogger(__name__)

_REPORTS: Final = 3  # of one end, unless it is acknowledged
_ACKNOWLEDGED_WITHIN_S: Final = 1.0


class Jobs(Protocol):
    """Whoever runs commands."""

    def begin(self, job: str, content: str) -> JobCode:
        """Starts a command; what becomes of the order."""

    def cancel(self, job: str) -> None:
        """Ends a command; raises ProtocolViolation for a name that is none."""


class Orders(Protocol):
    """Whoever runs sessions."""

    def start(self, order: ShellContent) -> None:
        """Starts a session."""

    def refuse(self, task_id: str, reason: str) -> None:
        """Says that a session cannot be started."""

    def stop(self, session_id: str) -> None:
        """Ends a session."""


async def open_control_channel(service: CloudCalls) -> Socket:
    """A socket on which the service tells its orders; raises CallFailed."""

    def opening(token: str) -> OpenControlChannel:
        return OpenControlChannel(request_id=str(uuid4()), token_value=token, agent_version=AGENT_VERSION)

    return await service.open_channel(create_channel.control_channel(service.instance.instance_id), opening)


class ControlChannel:
    """Passes orders on and reports their ends; it outlives the sockets that carry it."""

    def __init__(self, instance_id: str) -> None:
        """Begins without a socket."""
        self._instance_id = instance_id
        self._socket: Socket | None = None
        self._open = asyncio.Event()
        self._unacknowledged: dict[str, asyncio.Event] = {}

    async def serve(self, socket: Socket, orders: Orders, jobs: Jobs) -> None:
        """Passes on what comes on a socket; raises Unreachable when that is lost."""
        self._socket = socket
        self._open.set()
        try:
            while True:
                answer = self._take(await socket.recv(), orders, jobs)
                if answer is not None:
                    await socket.send(serialise(answer))
        except ConnectionClosed as cut:
            raise Unreachable(f"the control channel was closed: {cut}") from cut
        finally:
            self._open.clear()
            self._socket = None
            await socket.close()

    async def report(self, session_id: str, outcome: Outcome) -> None:
        """Tells the end of a session, as soon as there is a socket, until it is acknowledged; not for ever."""

        def attempt(number: int) -> Frame:
            complete = self._complete(session_id, outcome, number)
            return Frame(MessageType.AGENT_TASK_COMPLETE, uuid4(), now().epoch_ms, complete.to_payload())

        await self._insist(session_id, attempt)

    async def reply(self, job: str, reply: CommandReply) -> None:
        """Tells how far a command is, as `report` does."""
        frame = Frame(MessageType.AGENT_JOB_REPLY, uuid4(), now().epoch_ms, AgentJobReply.of(job, reply).to_payload())
        await self._insist(str(frame.message_id), lambda _: frame)

    async def _insist(self, subject: str, attempt: Callable[[int], Frame]) -> None:
        acknowledged = self._unacknowledged[subject] = asyncio.Event()
        try:
            for number in range(_REPORTS):
                await self._send(attempt(number))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_ACKNOWLEDGED_WITHIN_S):
                        await acknowledged.wait()
                        return
            log.warning("%s: nobody acknowledged its end", subject)
        finally:
            del self._unacknowledged[subject]

    def _complete(self, session_id: str, outcome: Outcome, attempt: int) -> AgentTaskComplete:
        return AgentTaskComplete(
            task_id=session_id,
            final_task_status=outcome.status,
            instance_id=self._instance_id,
            output=outcome.output,
            retry_number=attempt,
        )

    async def _send(self, frame: Frame) -> None:
        while True:
            await self._open.wait()
            assert self._socket is not None
            try:
                return await self._socket.send(serialise(frame))
            except ConnectionClosed:
                self._open.clear()  # `serve` learns it as well

    def _take(self, wire: str | bytes, orders: Orders, jobs: Jobs) -> Frame | None:
        """Carries out what a message asks for; what it is to be answered with."""
        try:
            frame = parse(wire if isinstance(wire, bytes) else wire.encode())
            if frame.message_type == MessageType.AGENT_JOB:
                return _begin_job(frame, jobs)
            self._handle(frame, orders)
        except ProtocolViolation as violation:
            log.warning("control channel: refused a message: %s", violation)
        return None

    def _handle(self, frame: Frame, orders: Orders) -> None:
        if frame.message_type == MessageType.INTERACTIVE_SHELL:
            _begin(InteractiveShell.from_payload(frame.payload), orders)
        elif frame.message_type == MessageType.AGENT_TASK_ACKNOWLEDGE:
            self._acknowledged(AgentTaskAcknowledge.from_payload(frame.payload).task_id)
        elif frame.message_type == MessageType.AGENT_JOB_REPLY_ACK:
            self._acknowledged(str(AgentJobReplyAck.from_payload(frame.payload).acknowledged_message_id))
        elif frame.message_type == MessageType.CHANNEL_CLOSED:
            orders.stop(ChannelClosed.from_payload(frame.payload).session_id)
        else:
            log.debug("control channel: %s means nothing to this agent", frame.message_type)

    def _acknowledged(self, subject: str) -> None:
        if subject in self._unacknowledged:
            self._unacknowledged[subject].set()


def _begin_job(frame: Frame, jobs: Jobs) -> Frame:
    """Starts or cancels a command; the frame that says what becomes of the order."""
    job = AgentJob.from_payload(frame.payload)
    code = JobCode.ACCEPTED
    if job.topic.startswith(JobTopic.CANCEL):
        jobs.cancel(CommandCancellation.from_payload(job.content).cancel_message_id)
    else:
        code = jobs.begin(job.job_id, job.content)
    answer = AgentJobAck(
        job_id=job.job_id,
        acknowledged_message_id=frame.message_id,
        created_date=time_text(frame.created_ms),
        status_code=code.value,
        error_message="" if code is JobCode.ACCEPTED else code.name,
    )
    return control_frame(MessageType.AGENT_JOB_ACK, answer.to_payload(), uuid4, now())


def _begin(shell: InteractiveShell, orders: Orders) -> None:
    try:
        order = shell.shell_content()
    except ProtocolViolation as violation:
        orders.refuse(shell.task_id, str(violation))
    else:
        orders.start(order)
