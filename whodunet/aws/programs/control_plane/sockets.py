"""One WebSocket: what comes is handed on in order, what goes waits in a queue with a bound."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

CROWDED_BYTES = 4 * 1024 * 1024
_MOST_BYTES = 2 * CROWDED_BYTES
_NORMAL_CLOSURE = 1000
_UNSUPPORTED = 1003
_REASON_BYTES = 123  # RFC 6455, section 5.5: a close frame has 125 bytes


def close_reason(text: str) -> str:
    """As much of the text as a close frame holds."""
    return text.encode()[:_REASON_BYTES].decode(errors="ignore")


class PeerSocket:
    """The socket of an agent or a client."""

    def __init__(self, websocket: WebSocket, moved: Callable[[], None] = lambda: None) -> None:
        """Wraps a socket that was accepted.

        Args:
            moved: called whenever `crowded` or `closing` has changed.
        """
        self._websocket = websocket
        self._moved = moved
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._farewell: tuple[int, str] | None = None

    @property
    def crowded(self) -> bool:
        """Whether so much waits that whoever sends it has to be held back."""
        return self._queued_bytes > CROWDED_BYTES

    @property
    def closing(self) -> bool:
        """Whether nothing more can be written."""
        return self._farewell is not None

    def write(self, wire: bytes) -> None:
        """Sends a binary message after those before; one that finds no room is lost, as on any bad line."""
        if self.closing or self._queued_bytes + len(wire) > _MOST_BYTES:
            return
        self._queue.append(wire)
        self._add(len(wire))
        self._wake.set()

    def close(self, reason: str, code: int = _NORMAL_CLOSURE) -> None:
        """Closes the socket once all that was written is out."""
        if not self.closing:
            self._farewell = code, close_reason(reason)
            self._wake.set()
            self._moved()

    async def messages(self) -> AsyncIterator[bytes]:
        """The binary messages that come, until the socket is gone; a text ends it."""
        while (message := await self._websocket.receive())["type"] != "websocket.disconnect":
            wire = message.get("bytes")
            if wire is None:
                self.close("text is for the first message only", _UNSUPPORTED)
            elif not self.closing:
                yield wire

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Writes out what is queued, as long as the context lasts."""
        writer = asyncio.create_task(self._write_out())
        try:
            yield
        finally:
            writer.cancel()
            with suppress(asyncio.CancelledError):
                await writer
            self._give_up()

    async def _write_out(self) -> None:
        # It is gone, or uvicorn has closed it for what came; the reader is told.
        with suppress(WebSocketDisconnect, RuntimeError):
            while not self.closing or self._queue:
                await self._wake.wait()
                self._wake.clear()
                await self._write_queued()
            if self._farewell is not None:
                await self._websocket.close(*self._farewell)

    async def _write_queued(self) -> None:
        while self._queue:
            wire = self._queue.popleft()
            await self._websocket.send_bytes(wire)
            self._add(-len(wire))

    def _give_up(self) -> None:
        self._queue.clear()
        self._add(-self._queued_bytes)

    def _add(self, more_bytes: int) -> None:
        before = self.crowded
        self._queued_bytes += more_bytes
        if self.crowded != before:
            self._moved()
