"""The channel on which the service gives its orders, and the agent reports that they are carried out."""

from __future__ import annotations

import asyncio
import logging
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
from whodunet.aws.ssm.frames import Frame, MessageType, parse, serialise
from whodunet.aws.ssm.payloads import (
    AgentTaskAcknowledge,
    AgentTaskComplete,
    ChannelClosed,
    InteractiveShell,
    OpenControlChannel,
    ShellContent,
)
from whodunet.aws.ssm.violations import ProtocolViolation

log = logging.getLogger(__name__)

_REPORTS: Final = 3  # of one end, unless it is acknowledged
_ACKNOWLEDGED_WITHIN_S: Final = 1.0


class Orders(Protocol):
    """Whoever carries out what the service asks for."""

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

    async def serve(self, socket: Socket, orders: Orders) -> None:
        """Passes on what comes on a socket; raises Unreachable when that is lost."""
        self._socket = socket
        self._open.set()
        try:
            while True:
                self._take(await socket.recv(), orders)
        except ConnectionClosed as cut:
            raise Unreachable(f"the control channel was closed: {cut}") from cut
        finally:
            self._open.clear()
            self._socket = None
            await socket.close()

    async def report(self, session_id: str, outcome: Outcome) -> None:
        """Tells the end of a session, as soon as there is a socket, until it is acknowledged; not for ever."""
        acknowledged = self._unacknowledged[session_id] = asyncio.Event()
        try:
            for attempt in range(_REPORTS):
                await self._send(self._complete(session_id, outcome, attempt))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_ACKNOWLEDGED_WITHIN_S):
                        await acknowledged.wait()
                        return
            log.warning("session %s: nobody acknowledged its end", session_id)
        finally:
            del self._unacknowledged[session_id]

    def _complete(self, session_id: str, outcome: Outcome, attempt: int) -> AgentTaskComplete:
        return AgentTaskComplete(
            task_id=session_id,
            final_task_status=outcome.status,
            instance_id=self._instance_id,
            output=outcome.output,
            retry_number=attempt,
        )

    async def _send(self, complete: AgentTaskComplete) -> None:
        frame = Frame(MessageType.AGENT_TASK_COMPLETE, uuid4(), now().epoch_ms, complete.to_payload())
        while True:
            await self._open.wait()
            assert self._socket is not None
            try:
                return await self._socket.send(serialise(frame))
            except ConnectionClosed:
                self._open.clear()  # `serve` learns it as well

    def _take(self, wire: str | bytes, orders: Orders) -> None:
        try:
            self._handle(parse(wire if isinstance(wire, bytes) else wire.encode()), orders)
        except ProtocolViolation as violation:
            log.warning("control channel: refused a message: %s", violation)

    def _handle(self, frame: Frame, orders: Orders) -> None:
        if frame.message_type == MessageType.INTERACTIVE_SHELL:
            _begin(InteractiveShell.from_payload(frame.payload), orders)
        elif frame.message_type == MessageType.AGENT_TASK_ACKNOWLEDGE:
            task = AgentTaskAcknowledge.from_payload(frame.payload).task_id
            if task in self._unacknowledged:
                self._unacknowledged[task].set()
        elif frame.message_type == MessageType.CHANNEL_CLOSED:
            orders.stop(ChannelClosed.from_payload(frame.payload).session_id)
        else:
            log.debug("control channel: %s means nothing to this agent", frame.message_type)


def _begin(shell: InteractiveShell, orders: Orders) -> None:
    try:
        order = shell.shell_content()
    except ProtocolViolation as violation:
        orders.refuse(shell.task_id, str(violation))
    else:
        orders.start(order)
