"""A data channel's end on the network: one `DataChannel`, carried by one WebSocket after another.

Agent and plugin differ in how they get to a socket (`dial`) and in what they do with the messages; what lies between,
reading, writing, resending, coming back after a cut, is here.

    async with ChannelSocket(Peer.CLIENT, dial) as socket:
        await socket.write(b"ls\\n")
        event = await socket.receive()
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import random
from types import TracebackType
from typing import Self
from uuid import uuid4

from websockets.exceptions import ConnectionClosed, WebSocketException

from whodunet.aws.programs.awaiting import first_of
from whodunet.aws.programs.clock import now
from whodunet.aws.programs.web_socket import Socket
from whodunet.aws.ssm.back_off import BackOff
from whodunet.aws.ssm.channel import ChannelEvent, Closed, DataChannel, Peer
from whodunet.aws.ssm.frames import Message, MessageType, Now, parse, serialise
from whodunet.aws.ssm.stream import SENDER_CAPACITY
from whodunet.aws.ssm.violations import ProtocolViolation

log = logging.getLogger(__name__)

MESSAGE_BYTES = 16 * 1024  # in one message of ours; session-manager-plugin is seen to read as much
PATIENCE_S = 60.0  # without a socket; the service gives up a client after as long

_PROVEN_S = 5.0  # a socket that lasted as long was a good one, even if nobody had anything to say
_LONGEST_WAIT_S = 8.0
_CLOSING_S = 2.0


class CannotConnect(Exception):
    """This attempt at a socket failed, and another may not."""


class SessionLost(Exception):
    """There is no way back to the session; the text says why, for the user."""


Dial = Callable[[], Awaitable[Socket]]


class ChannelSocket:
    """One end of a session; its messages survive the loss of a socket."""

    def __init__(
        self,
        peer: Peer,
        dial: Dial,
        *,
        accepts: Callable[[Message], bool] = lambda _: True,
        capacity: int = SENDER_CAPACITY,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], Now] = now,
    ) -> None:
        """Begins without a socket; `async with` begins to dial.

        Args:
            peer: which end this is.
            dial: one attempt at a socket, on which the session is open: token asked for, first text sent. It raises
                SessionLost when no other attempt can do better, and CannotConnect, OSError or WebSocketException else.
            accepts: whether a message may be received now; those that may not wait, with all behind them.
            capacity: how many messages may be sent before an acknowledgement has to come.
            patience_s: how long to try for a socket, at first and after each loss.
            clock: the time.
        """
        self.channel = DataChannel(peer, uuid4, lambda message: not self._events and accepts(message), capacity)
        self._dial, self._patience_s, self._clock = dial, patience_s, clock
        self._back_off = BackOff(most_s=_LONGEST_WAIT_S)
        self._events: deque[Message] = deque()  # next to be received; the channel holds back what comes after them
        self._closed: Closed | None = None
        self._connected = self._closing = False
        self._outgoing = asyncio.Event()  # there may be frames to write
        self._moved = asyncio.Event()  # something came in, or the end
        self._in_turn = asyncio.Lock()
        self._malformed = logging.WARNING
        self._carrier: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self._carrier = asyncio.create_task(self._carry())
        self._carrier.add_done_callback(lambda _: self._moved.set())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._carrier.cancel()
        await asyncio.gather(self._carrier, return_exceptions=True)

    @property
    def over(self) -> bool:
        """Whether the service has ended the session."""
        return self._closed is not None

    async def ended(self) -> None:
        """Waits until the service has ended the session, whatever is still to be received; raises SessionLost."""
        while not self.over:
            await self._movement()

    async def receive(self) -> ChannelEvent:
        """The next message, or that the session is over, which is said again whenever it is asked.

        A message is acknowledged when it is handed over here, or is next in turn: who does not receive slows the
        other end down. To be called by one task.

        Raises:
            SessionLost: when no socket could be had.
        """
        while True:
            if not self._events:
                self._events += self.channel.drain(self._clock())
                self._outgoing.set()
            if self._events:
                return self._events.popleft()
            if self._closed is not None:
                return self._closed
            await self._movement()

    async def send(self, message: Message) -> None:
        """Sends one message, when there is room for it; raises SessionLost."""
        async with self._in_turn:
            await self._room()
            self.channel.send(message, self._clock())
            self._outgoing.set()

    async def write(self, content: bytes, message_bytes: int = MESSAGE_BYTES) -> None:
        """Sends bytes as Output, as room comes up; those of another call never get between them. Raises SessionLost."""
        async with self._in_turn:
            while content:
                await self._room()
                content = content[self.channel.write(content, self._clock(), message_bytes) :]
                self._outgoing.set()

    def tell(self, message_type: MessageType, payload: bytes) -> None:
        """Sends a frame outside the stream, on this socket or never."""
        self.channel.tell(message_type, payload, self._clock())
        self._outgoing.set()

    async def settle(self, timeout_s: float) -> bool:
        """Waits until the other end has acknowledged everything; False if it has not by then."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self.channel.settled:
                    await self._movement()
        except (TimeoutError, SessionLost):
            return False
        return True

    async def close(self) -> None:
        """Writes what is left to be written, and closes the socket."""
        self._closing = True
        self._outgoing.set()
        if self._connected:
            await asyncio.wait({self._carrier}, timeout=_CLOSING_S)
        self._carrier.cancel()

    async def _room(self) -> None:
        while not self.channel.room:
            await self._movement()
        self._still_there()

    async def _movement(self) -> None:
        self._still_there()
        self._moved.clear()
        await self._moved.wait()

    def _still_there(self) -> None:
        if self._closed is not None:
            raise SessionLost(self._closed.output or "the session is over")
        if self._carrier.done():
            self._carrier.result()
            raise SessionLost("the session was closed here")

    async def _carry(self) -> None:
        deadline_s = self._clock().monotonic_s + self._patience_s
        while self._closed is None and not self._closing:
            carrier = await self._connect(deadline_s)
            connected_s = self._clock().monotonic_s
            heard = await self._use(carrier)
            lost_s = self._clock().monotonic_s
            if heard or lost_s - connected_s > _PROVEN_S:
                self._back_off.reset()
                deadline_s = lost_s + self._patience_s
            elif lost_s >= deadline_s:
                raise SessionLost("the service closes every connection")

    async def _connect(self, deadline_s: float) -> Socket:
        while True:
            await asyncio.sleep(self._back_off.wait_s(random()))  # noqa: S311 - spreads attempts, no secret
            try:
                return await self._dial()
            except (CannotConnect, OSError, WebSocketException) as failure:
                reason = str(failure) or type(failure).__name__
            if self._clock().monotonic_s >= deadline_s:
                raise SessionLost(reason)
            log.info("data channel: %s", reason)

    async def _use(self, socket: Socket) -> bool:
        """Carries the channel until the socket is lost or the session over; whether anything was heard."""
        self.channel.reconnected(self._clock())
        heard, self._connected = asyncio.Event(), True
        try:
            await first_of(self._read(socket, heard), self._write_frames(socket))
        except ConnectionClosed as cut:
            log.info("data channel: %s", cut)
        finally:
            self._connected = False
            await socket.close()
        return heard.is_set()

    async def _read(self, socket: Socket, heard: asyncio.Event) -> None:
        while self._closed is None:
            wire = await socket.recv()
            heard.set()
            self._take(wire)
            self._moved.set()
            self._outgoing.set()

    def _take(self, wire: str | bytes) -> None:
        try:
            events = self.channel.receive(parse(wire if isinstance(wire, bytes) else wire.encode()), self._clock())
        except ProtocolViolation as violation:
            log.log(self._malformed, "data channel: refused a frame: %s", violation)
            self._malformed = logging.DEBUG  # said once; whoever sends one may send thousands
            return
        for event in events:
            if isinstance(event, Closed):
                self._closed = event
            else:
                self._events.append(event)

    async def _write_frames(self, socket: Socket) -> None:
        while not self.channel.exhausted:
            self._outgoing.clear()
            for frame in self.channel.take_frames():
                await socket.send(serialise(frame))
            if self._closing and not self._outgoing.is_set():
                return
            await self._outgoing_or_overdue()
            self.channel.tick(self._clock())
        raise SessionLost("the other end acknowledges nothing")

    async def _outgoing_or_overdue(self) -> None:
        wake_at_s = self.channel.wake_at_s
        wait_s = None if wake_at_s is None else max(0.0, wake_at_s - self._clock().monotonic_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._outgoing.wait()
