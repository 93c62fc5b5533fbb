"""A forward of one connection at a time: what agents up to 3.0.196.0 know."""

from __future__ import annotations

import asyncio
import socket
from asyncio import StreamWriter
from contextlib import suppress

from whodunet.aws.programs.plugin.forward import READ_BYTES, Forward
from whodunet.aws.programs.plugin.local_session import Channel
from whodunet.aws.programs.plugin.standard_streams import Output
from whodunet.aws.ssm.frames import Message, PayloadType
from whodunet.aws.ssm.payloads import Flag

_SETTLING_S = 30.0
_MOST_EARLY_BYTES = 64 * 1024


class SingleForward(Forward):
    """The session's bytes are those of the one connection; the next waits in the kernel until the agent knows."""

    def __init__(self, channel: Channel, screen: Output, session_id: str, listener: socket.socket) -> None:
        super().__init__(channel, screen, session_id, listener)
        self._writer: StreamWriter | None = None
        self._connected = asyncio.Event()
        self._early = bytearray()  # a server may speak first
        self._discards = False

    async def receive(self, message: Message) -> None:
        """Hands bytes to the connection; those of one that is over are nobody's."""
        if message.payload_type != PayloadType.OUTPUT or self._discards:
            return
        if self._writer is None and len(self._early) < _MOST_EARLY_BYTES:
            self._early += message.payload
            return
        await self._connected.wait()
        await self._deliver(message.payload)

    async def _serve(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(listener)
            self._accepted()
            try:
                await self._carry(connection)
            finally:
                self._close()
            await self._part()

    async def _carry(self, connection: socket.socket) -> None:
        reader, self._writer = await asyncio.open_connection(sock=connection)
        early, self._early = bytes(self._early), bytearray()
        self._connected.set()
        await self._deliver(early)
        with suppress(OSError):
            while content := await reader.read(READ_BYTES):
                await self._channel.write(content)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None
        self._connected.clear()

    async def _part(self) -> None:
        """Has the agent close its side, and drops what that still had to say."""
        self._discards = True
        await self._channel.send(Message(PayloadType.FLAG, Flag.DISCONNECT_TO_PORT.to_payload()))
        await self._channel.settle(_SETTLING_S)
        self._discards = False

    async def _deliver(self, content: bytes) -> None:
        if self._writer is not None:
            with suppress(OSError):
                self._writer.write(content)
                await self._writer.drain()
