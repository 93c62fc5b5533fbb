"""Whom the plugin meets: a person at its standard streams, an agent at the other end of the session."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from pydantic import JsonValue

from tests.unit.aws.programs.memory_sockets import Relay
from whodunet.aws.programs.channel_socket import ChannelSocket
from whodunet.aws.programs.clock import now
from whodunet.aws.programs.plugin.kinds import Streams
from whodunet.aws.programs.plugin.standard_streams import Input, Output
from whodunet.aws.ssm.channel import Closed, Peer
from whodunet.aws.ssm.documents import SessionType
from whodunet.aws.ssm.frames import Message, PayloadType, serialise
from whodunet.aws.ssm.handshake import AgentHandshake, Started
from whodunet.aws.ssm.payloads import channel_closed


def play(story: Coroutine[Any, Any, None]) -> None:
    """Plays a story; one that gets stuck fails."""
    asyncio.run(asyncio.wait_for(story, 20))


def output(content: bytes) -> Message:
    """What an agent has to show."""
    return Message(PayloadType.OUTPUT, content)


class Person:
    """Holds the other ends of standard input, output and error, which are pipes."""

    def __init__(self) -> None:
        self._stdin, self._keyboard = os.pipe()
        self._screen, self._stdout = os.pipe()
        self._complaints, self._stderr = os.pipe()
        self._open = {self._stdin, self._keyboard, self._screen, self._stdout, self._complaints, self._stderr}
        self._streams: list[Streams] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Lets nothing be written any more: the next person's descriptors have the same numbers."""
        for descriptor in {self._screen, self._complaints} & self._open:
            self._close(descriptor)
        for streams in self._streams:
            await streams.drain()
        for descriptor in tuple(self._open):
            self._close(descriptor)

    def streams(self) -> Streams:
        """The plugin's ends; to be asked for in the event loop."""
        self._streams.append(Streams(Input(self._stdin), Output(self._stdout), Output(self._stderr)))
        return self._streams[-1]

    def types(self, keys: bytes) -> None:
        """Presses some keys."""
        os.write(self._keyboard, keys)

    def stops_typing(self) -> None:
        """Ends standard input."""
        self._close(self._keyboard)

    def stops_reading(self) -> None:
        """Closes the far end of standard output."""
        self._close(self._screen)

    async def reads(self, wanted: bytes) -> bytes:
        """All that appears, up to what is wanted."""
        seen = b""
        while wanted not in seen:
            seen += await Input(self._screen).read()
        return seen

    def screen(self) -> bytes:
        """What stands there now."""
        return _there(self._screen)

    def complaints(self) -> bytes:
        """What stands on standard error now."""
        return _there(self._complaints)

    def _close(self, descriptor: int) -> None:
        self._open.discard(descriptor)
        os.close(descriptor)


def _there(descriptor: int) -> bytes:
    os.set_blocking(descriptor, False)
    try:
        return os.read(descriptor, 1_000_000)
    except BlockingIOError:
        return b""


class Service:
    """Systems Manager, as far as the client asks it."""

    def __init__(self) -> None:
        self.terminated = 0

    async def terminate(self) -> None:
        """Ends the session."""
        self.terminated += 1


@asynccontextmanager
async def agent_on(relay: Relay) -> AsyncIterator[ChannelSocket]:
    """The agent's end of a session."""
    async with ChannelSocket(Peer.AGENT, partial(relay.dial, "agent")) as agent:
        yield agent


async def agree(
    agent: ChannelSocket, session_type: SessionType, properties: JsonValue = None, version: str = "3.3.0.0"
) -> Started:
    """The agent's side of the handshake."""
    handshake = AgentHandshake(session_type, properties, version)
    await agent.send(handshake.begin(now().monotonic_s))
    while True:
        message = await agent.receive()
        assert isinstance(message, Message)
        for step in handshake.receive(message, now().monotonic_s):
            if isinstance(step, Message):
                await agent.send(step)
            else:
                assert isinstance(step, Started), step
                assert await agent.settle(10)
                return step


async def close(relay: Relay, text: str = "") -> None:
    """The service ends the session."""
    await relay.push("client", serialise(channel_closed("session-1", text, uuid4, now())))


async def next_message(agent: ChannelSocket, payload_type: PayloadType) -> bytes:
    """The payload of the next message of that type that reaches the agent."""
    while True:
        event = await agent.receive()
        assert not isinstance(event, Closed)
        if event.payload_type == payload_type:
            return event.payload


class MemoryChannel:
    """What a session sends, as one queue."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[bytes | Message] = asyncio.Queue()
        self.settled = asyncio.Event()
        self.settled.set()

    async def send(self, message: Message) -> None:
        """Takes a message."""
        self.sent.put_nowait(message)

    async def write(self, content: bytes) -> None:
        """Takes bytes."""
        self.sent.put_nowait(content)

    async def settle(self, timeout_s: float) -> bool:
        """Waits until the test has `settled` it."""
        await self.settled.wait()
        return timeout_s > 0
