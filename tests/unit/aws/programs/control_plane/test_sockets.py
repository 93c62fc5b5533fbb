"""One socket: what waits is bounded, written in order, and followed by the farewell."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.unit.aws.programs.control_plane.plane import play
from whodunet.aws.programs.control_plane.sockets import CROWDED_BYTES, PeerSocket, close_reason

MESSAGE = bytes(CROWDED_BYTES // 4)


class SlowWebSocket:
    """A WebSocket whose peer takes a message whenever `takes` is released."""

    def __init__(self) -> None:
        self.takes = asyncio.Semaphore(0)
        self.taken: asyncio.Queue[bytes | tuple[int, str]] = asyncio.Queue()
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.lost: Exception | None = None

    async def send_bytes(self, wire: bytes) -> None:
        """Waits until the peer takes it."""
        if self.lost is not None:
            raise self.lost
        await self.takes.acquire()
        self.taken.put_nowait(wire)

    async def close(self, code: int, reason: str) -> None:
        """Closes."""
        self.taken.put_nowait((code, reason))

    async def receive(self) -> Message:
        """What comes."""
        return await self.incoming.get()


def wrapped() -> tuple[SlowWebSocket, PeerSocket, list[bool]]:
    """A socket, and whether it was crowded at each change."""
    websocket, changes = SlowWebSocket(), list[bool]()
    socket = PeerSocket(cast(WebSocket, websocket), lambda: changes.append(socket.crowded))
    return websocket, socket, changes


def test_messages_are_written_in_order_and_then_the_farewell() -> None:
    async def story() -> None:
        websocket, socket, _ = wrapped()
        async with socket.writing():
            for number in range(3):
                socket.write(bytes([number]))
            socket.close("over", 1008)
            socket.write(b"too late")
            for _ in range(3):
                websocket.takes.release()
            assert [await websocket.taken.get() for _ in range(4)] == [b"\0", b"\1", b"\2", (1008, "over")]
        assert websocket.taken.empty()

    play(story)


def test_a_peer_that_takes_nothing_makes_the_socket_crowded_and_taking_makes_room() -> None:
    async def story() -> None:
        websocket, socket, changes = wrapped()
        async with socket.writing():
            for _ in range(5):
                socket.write(MESSAGE)
            assert changes == [True]
            for _ in range(5):
                websocket.takes.release()
                await websocket.taken.get()
        assert changes == [True, False]

    play(story)


def test_what_finds_no_room_is_lost_and_the_memory_stays_bounded() -> None:
    async def story() -> None:
        websocket, socket, _ = wrapped()
        async with socket.writing():
            for _ in range(100):
                socket.write(MESSAGE)
            socket.close("over")
            for _ in range(100):
                websocket.takes.release()
            written = []
            while isinstance(taken := await websocket.taken.get(), bytes):
                written.append(taken)
            assert len(written) == 8

    play(story)


def test_a_socket_that_is_left_is_no_longer_crowded() -> None:
    async def story() -> None:
        _, socket, changes = wrapped()
        async with socket.writing():
            for _ in range(8):
                socket.write(MESSAGE)
        assert changes == [True, False]

    play(story)


@pytest.mark.parametrize("lost", [WebSocketDisconnect(), RuntimeError("after sending 'websocket.close'")])
def test_a_peer_that_is_gone_ends_the_writing_quietly(lost: Exception) -> None:
    async def story() -> None:
        websocket, socket, _ = wrapped()
        websocket.lost = lost
        async with socket.writing():
            socket.write(b"x")
            await asyncio.sleep(0)

    play(story)


def test_binary_messages_are_handed_on_until_the_peer_is_gone() -> None:
    async def story() -> None:
        websocket, socket, _ = wrapped()
        for wire in (b"one", b"two"):
            websocket.incoming.put_nowait({"type": "websocket.receive", "bytes": wire})
        websocket.incoming.put_nowait({"type": "websocket.disconnect"})
        assert [wire async for wire in socket.messages()] == [b"one", b"two"]

    play(story)


def test_a_text_ends_the_conversation_and_what_follows_is_not_heard() -> None:
    async def story() -> None:
        websocket, socket, _ = wrapped()
        websocket.incoming.put_nowait({"type": "websocket.receive", "text": "hello"})
        websocket.incoming.put_nowait({"type": "websocket.receive", "bytes": b"one"})
        websocket.incoming.put_nowait({"type": "websocket.disconnect"})
        assert [wire async for wire in socket.messages()] == []
        assert socket.closing

    play(story)


@pytest.mark.parametrize("text", ["short", "x" * 500, "é" * 100])
def test_a_reason_fits_a_close_frame(text: str) -> None:
    reason = close_reason(text)
    assert len(reason.encode()) <= 123
    assert text.startswith(reason)
    assert reason
