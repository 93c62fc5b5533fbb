"""A forward of many connections at a time, over smux."""

from __future__ import annotations

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from contextlib import suppress

from whodunet.aws.programs.channel_socket import SessionLost
from whodunet.aws.programs.plugin.forward import READ_BYTES, Forward
from whodunet.aws.programs.plugin.local_session import Channel
from whodunet.aws.programs.plugin.standard_streams import Output
from whodunet.aws.ssm.frames import Message, PayloadType
from whodunet.aws.ssm.payloads import Flag
from whodunet.aws.ssm.smux import (
    KEEPALIVE_S,
    MAX_STREAMS,
    Broken,
    Multiplexer,
    MuxEvent,
    Side,
    StreamBytes,
    StreamFinished,
)
from whodunet.aws.ssm.violations import ProtocolViolation

_CONNECT_FAILED = "\nConnection to destination port failed, check SSM Agent logs.\n"


class MultiplexedForward(Forward):
    """Each local connection is a stream of its own; one not read holds up the others: smux 1 has no windows."""

    def __init__(
        self, channel: Channel, screen: Output, session_id: str, listener: socket.socket, keeps_alive: bool = False
    ) -> None:
        """`keeps_alive`: whether the agent gives up a forward on which nothing happens."""
        super().__init__(channel, screen, session_id, listener)
        self._mux = Multiplexer(Side.CLIENT)
        self._writers: dict[int, StreamWriter] = {}
        self._keeps_alive = keeps_alive

    async def receive(self, message: Message) -> None:
        """Hands bytes to the connections that they are for; raises SessionLost if they make no sense."""
        if message.payload_type == PayloadType.OUTPUT:
            for event in self._mux.receive(message.payload):
                await self._take(event)
        elif message.payload_type == PayloadType.FLAG:
            with suppress(ProtocolViolation):
                if Flag.from_payload(message.payload) is Flag.CONNECT_TO_PORT_ERROR:
                    self._screen.show(_CONNECT_FAILED)

    async def _serve(self, listener: socket.socket) -> None:
        server = await asyncio.start_server(self._connected, sock=listener)
        try:
            await self._keep_alive()
        finally:
            server.close()
            for writer in self._writers.values():
                writer.close()

    async def _keep_alive(self) -> None:
        while self._keeps_alive:
            await asyncio.sleep(KEEPALIVE_S)
            await self._channel.write(self._mux.keep_alive())
        await asyncio.Event().wait()

    async def _connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._accepted()
        if len(self._mux.open_streams) >= MAX_STREAMS:  # the agent would take one more for the end of the session
            writer.close()
            return
        stream, opening = self._mux.open()
        self._writers[stream] = writer
        with suppress(SessionLost):  # whoever receives is told the reason
            await self._channel.write(opening)
            await self._send_all(stream, reader)
            await self._channel.write(self._mux.finish(stream))

    async def _send_all(self, stream: int, reader: StreamReader) -> None:
        try:
            while content := await reader.read(READ_BYTES):
                await self._channel.write(self._mux.send(stream, content))
        except OSError:
            self._writers.pop(stream, None)

    async def _take(self, event: MuxEvent) -> None:
        if isinstance(event, Broken):
            raise SessionLost(f"the agent sends what is not smux: {event.reason}")
        if isinstance(event, StreamBytes) and (writer := self._writers.get(event.stream)):
            with suppress(OSError):
                writer.write(event.content)
                await writer.drain()
        if isinstance(event, StreamFinished) and (writer := self._writers.pop(event.stream, None)):
            writer.close()
