"""Port sessions with many connections at a time: smux streams on one side, connections to the target on the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress
from time import monotonic
from typing import Final

from whodunet.aws.programs.agent.outcome import SessionFailed
from whodunet.aws.programs.agent.single_forward_to_target import flag_of
from whodunet.aws.programs.agent.targets import Target, TargetConnection
from whodunet.aws.programs.agent.unwritten import Budget, Unwritten
from whodunet.aws.programs.awaiting import cancelled, first_of
from whodunet.aws.programs.channel_socket import MESSAGE_BYTES, ChannelSocket, SessionLost
from whodunet.aws.ssm.channel import Closed
from whodunet.aws.ssm.forward_targets import AddressBlock
from whodunet.aws.ssm.frames import Message, PayloadType
from whodunet.aws.ssm.payloads import Flag
from whodunet.aws.ssm.properties import PortProperties
from whodunet.aws.ssm.smux import (
    KEEPALIVE_S,
    KEEPALIVE_TIMEOUT_S,
    Broken,
    Multiplexer,
    MuxEvent,
    Side,
    StreamBytes,
    StreamFinished,
    StreamOpened,
    StreamOver,
)
from whodunet.aws.ssm.versions import agent_keeps_alive

log = logging.getLogger(__name__)

_HEADER_BYTES: Final = 8
_READ_BYTES: Final = MESSAGE_BYTES - _HEADER_BYTES  # one read, one smux frame, one message
_LINGER_S: Final = 60.0  # after the client's last byte the target may be silent for as long


class MultiplexedForwardToTarget:
    """Carries each stream that the client opens to a connection of its own to the target."""

    def __init__(self, properties: PortProperties, vpc_networks: Collection[AddressBlock]) -> None:
        """Dials nothing yet."""
        self._properties, self._vpc_networks = properties, vpc_networks
        self._mux = Multiplexer(Side.SERVER)
        self._budget = Budget()
        self._unwritten: dict[int, Unwritten] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._heard_at_s = monotonic()

    async def run(self, socket: ChannelSocket, client_version: str) -> None:
        """Carries the session until the client has ended it.

        Raises:
            SessionFailed: for a target that is forbidden, and when the client breaks the multiplexer's protocol.
        """
        target = await Target.of(self._properties, self._vpc_networks)
        works = [self._from_client(target, socket)]
        if agent_keeps_alive(client_version):
            works.append(self._keep_alive(socket))
        try:
            await first_of(*works)
        finally:
            await cancelled(*self._connections)

    async def _from_client(self, target: Target, socket: ChannelSocket) -> None:
        while not isinstance(event := await socket.receive(), Closed):
            if flag_of(event) == Flag.TERMINATE_SESSION:
                return
            if event.payload_type == PayloadType.OUTPUT:
                self._heard_at_s = monotonic()
                for happened in self._mux.receive(event.payload):
                    self._take(happened, target, socket)
                await self._budget.room()

    def _take(self, event: MuxEvent, target: Target, socket: ChannelSocket) -> None:
        if isinstance(event, StreamOpened):
            unwritten = self._unwritten[event.stream] = Unwritten(self._budget)
            task = asyncio.create_task(self._serve(event.stream, unwritten, target, socket))
            self._connections.add(task)
            task.add_done_callback(self._over)
        elif isinstance(event, StreamBytes):
            self._unwritten[event.stream].add(event.content)
        elif isinstance(event, StreamFinished):
            self._unwritten.pop(event.stream).finish()
        elif isinstance(event, Broken):
            raise SessionFailed(f"The multiplexed connection broke: {event.reason}")

    async def _serve(self, stream: int, unwritten: Unwritten, target: Target, socket: ChannelSocket) -> None:
        try:
            await self._carry(stream, unwritten, await target.dial(), socket)
        except SessionFailed as failed:
            log.info("%s", failed)
            await socket.send(Message(PayloadType.FLAG, Flag.CONNECT_TO_PORT_ERROR.to_payload()))
        finally:
            unwritten.drop()
        await self._finish(stream, socket)

    def _over(self, connection: asyncio.Task[None]) -> None:
        self._connections.discard(connection)
        error = None if connection.cancelled() else connection.exception()
        if error is not None and not isinstance(error, SessionLost):
            log.error("a connection failed", exc_info=error)

    async def _carry(
        self, stream: int, unwritten: Unwritten, connection: TargetConnection, socket: ChannelSocket
    ) -> None:
        answers = asyncio.create_task(self._to_client(stream, connection, socket))
        try:
            while piece := await unwritten.next():
                if not await connection.write(piece):
                    unwritten.drop()
                    break
            connection.finish()
            await _last_words(connection, answers)
        finally:
            await cancelled(answers)
            connection.close()

    async def _to_client(self, stream: int, connection: TargetConnection, socket: ChannelSocket) -> None:
        while content := await connection.read(_READ_BYTES):
            await socket.write(self._mux.send(stream, content))
        await self._finish(stream, socket)

    async def _finish(self, stream: int, socket: ChannelSocket) -> None:
        with suppress(StreamOver):  # it was said before
            await socket.write(self._mux.finish(stream))

    async def _keep_alive(self, socket: ChannelSocket) -> None:
        # The first one not at once: AWS's plugin stops reading where output comes before it has its streams.
        await asyncio.sleep(KEEPALIVE_S)
        while monotonic() < self._heard_at_s + KEEPALIVE_TIMEOUT_S:
            await socket.write(self._mux.keep_alive())
            await asyncio.sleep(KEEPALIVE_S)


async def _last_words(connection: TargetConnection, answers: asyncio.Task[None]) -> None:
    """Waits for what the target has to say to a client that has finished, until it is silent for too long."""
    heard_bytes = -1
    while not answers.done() and heard_bytes != connection.bytes_read:
        heard_bytes = connection.bytes_read
        await asyncio.wait({answers}, timeout=_LINGER_S)
