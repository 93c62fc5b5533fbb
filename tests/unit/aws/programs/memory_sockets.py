"""WebSockets without a network: pairs of ends, and a service that relays between agent and client and may cut them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Self
from uuid import uuid4

from websockets.exceptions import ConnectionClosedError

from whodunet.aws.programs.channel_socket import ChannelSocket
from whodunet.aws.programs.clock import now
from whodunet.aws.ssm.channel import Peer
from whodunet.aws.ssm.frames import Frame, MessageType, parse, serialise
from whodunet.aws.ssm.payloads import channel_closed, control_frame


class MemorySocket:
    """One end; what it sends its other end receives, until either is closed."""

    def __init__(self) -> None:
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.other: MemorySocket | None = None

    @classmethod
    def pair(cls) -> tuple[Self, Self]:
        """Two ends of one connection."""
        one, two = cls(), cls()
        one.other, two.other = two, one
        return one, two

    @property
    def unread(self) -> int:
        """How many messages wait to be received."""
        return sum(message is not None for message in self._inbox._queue)  # type: ignore[attr-defined]

    async def send(self, message: bytes) -> None:
        """Hands a message over."""
        if self.other is None:
            raise ConnectionClosedError(None, None)
        self.other._inbox.put_nowait(message)
        await asyncio.sleep(0)

    async def recv(self) -> bytes:
        """The next message."""
        message = await self._inbox.get()
        if message is None:
            raise ConnectionClosedError(None, None)
        return message

    async def close(self) -> None:
        """Closes both ends; what was sent before still arrives."""
        self.cut()

    def cut(self) -> None:
        """Closes both ends, at once."""
        for end in (self, self.other):
            if end is not None:
                end.other = None
                end._inbox.put_nowait(None)


class Relay:
    """Carries frames between the two ends that dial it; `drops` says which it loses."""

    def __init__(self, drops: Callable[[Frame], bool] = lambda _: False) -> None:
        self._drops = drops
        self._ends: dict[str, MemorySocket] = {}
        self._work: set[asyncio.Task[None]] = set()
        self.carried: list[Frame] = []
        self.dialled: list[str] = []

    async def dial(self, name: str) -> MemorySocket:
        """A socket to the relay for the end of this name, in the place of the one it had before."""
        near, far = MemorySocket.pair()
        self.dialled.append(name)
        returned = name in self.dialled[:-1]
        self._ends[name] = far
        if returned and name == "client":
            await self._publication(MessageType.START_PUBLICATION)
        task = asyncio.create_task(self._carry(name, far))
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return near

    def sent(self, message_type: MessageType) -> list[Frame]:
        """The frames of one type that came by."""
        return [frame for frame in self.carried if frame.message_type == message_type]

    async def connected(self, name: str) -> None:
        """Waits until an end has dialled."""
        while name not in self.dialled:
            await asyncio.sleep(0)

    async def cut(self, name: str) -> None:
        """Cuts an end's socket, with what is under way."""
        self._ends.pop(name).cut()
        if name == "client":
            await self._publication(MessageType.PAUSE_PUBLICATION)

    async def close(self, name: str, output: str = "") -> None:
        """Ends the session for one end, as the service does."""
        await self.push(name, serialise(channel_closed("session", output, uuid4, now())))

    async def push(self, name: str, wire: bytes) -> None:
        """Sends bytes of the service's own."""
        await self._ends[name].send(wire)

    async def _publication(self, message_type: MessageType) -> None:
        if "agent" in self._ends:
            await self.push("agent", serialise(control_frame(message_type, b"{}", uuid4, now())))

    async def _carry(self, name: str, far: MemorySocket) -> None:
        while True:
            try:
                wire = await far.recv()
            except ConnectionClosedError:
                return
            frame = parse(wire)
            self.carried.append(frame)
            others = [end for other, end in self._ends.items() if other != name]
            for end in [] if self._drops(frame) else others:
                if end.other is not None:
                    await end.send(wire)


def run(story: Coroutine[Any, Any, None]) -> None:
    """Plays a story; one that gets stuck fails."""
    asyncio.run(asyncio.wait_for(story, 10))


@asynccontextmanager
async def both_ends(relay: Relay, capacity: int = 100) -> AsyncIterator[tuple[ChannelSocket, ChannelSocket]]:
    """The client's and the agent's end of a session through the relay."""
    async with (
        ChannelSocket(Peer.CLIENT, partial(relay.dial, "client"), capacity=capacity) as client,
        ChannelSocket(Peer.AGENT, partial(relay.dial, "agent"), capacity=capacity) as agent,
    ):
        await relay.connected("client")
        await relay.connected("agent")
        yield client, agent
