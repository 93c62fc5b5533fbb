"""Standard input and output as an event loop can use them, whatever they are: terminal, pipe, file or socket.

Neither is made non-blocking: that would be so for every program that shares them, the user's shell among them.
"""

from __future__ import annotations

import asyncio
import os
import select
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread

_READ_BYTES = 16 * 1024
_MOST_PENDING_BYTES = 256 * 1024


class Input:
    """Reads a file descriptor when it has something."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    async def read(self) -> bytes:
        """The next bytes; none at the end, which a terminal has too when its window is closed."""
        await self._readable()
        try:
            return os.read(self.descriptor, _READ_BYTES)
        except OSError:
            return b""

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        try:
            loop.add_reader(self.descriptor, readable.set)
        except PermissionError:  # a file, /dev/null: always readable. Source: epoll_ctl(2), EPERM
            await asyncio.sleep(0)
            return
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self.descriptor)


class Output:
    """Writes everything to a file descriptor, in order, on a thread that waits as long as the reader wants."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._pending_bytes = 0
        self._moved = asyncio.Event()
        self._closed = asyncio.Event()
        self._queue: SimpleQueue[bytes] = SimpleQueue()
        loop = asyncio.get_running_loop()
        # A daemon: a reader that never reads must not keep the program from ending.
        Thread(target=self._write_all, args=(loop,), name=f"output {descriptor}", daemon=True).start()

    async def write(self, content: bytes) -> None:
        """Takes the content, and returns when there is room for more; after the end, content is dropped."""
        self._put(content)
        await self._until_pending(_MOST_PENDING_BYTES)

    def show(self, text: str) -> None:
        """Takes a text of ours, which is short."""
        self._put(text.encode())

    async def drain(self) -> None:
        """Returns when everything is written, or cannot be."""
        await self._until_pending(0)

    async def closed(self) -> None:
        """Returns when it was seen that nobody reads any more."""
        await self._closed.wait()

    def _put(self, content: bytes) -> None:
        self._pending_bytes += len(content)
        self._queue.put(content)

    async def _until_pending(self, most_bytes: int) -> None:
        while self._pending_bytes > most_bytes:
            self._moved.clear()
            await self._moved.wait()

    def _write_all(self, loop: asyncio.AbstractEventLoop) -> None:
        usable = True
        with suppress(RuntimeError):  # the loop is over, and nobody waits for what is left
            while True:
                content = _all_of(self._queue)
                usable = usable and _write(self.descriptor, content)
                loop.call_soon_threadsafe(self._written, len(content), usable)

    def _written(self, written_bytes: int, usable: bool) -> None:
        self._pending_bytes -= written_bytes
        self._moved.set()
        if not usable:
            self._closed.set()


def _all_of(queue: SimpleQueue[bytes]) -> bytes:
    """Waits for one piece, and takes those behind it too."""
    pieces = [queue.get()]
    while not queue.empty():
        pieces.append(queue.get())
    return b"".join(pieces)


def _write(descriptor: int, content: bytes) -> bool:
    """Writes all of it, however long that takes; False if nobody reads any more."""
    unwritten = memoryview(content)
    while unwritten:
        try:
            unwritten = unwritten[os.write(descriptor, unwritten) :]
        except BlockingIOError:  # another program made it non-blocking
            select.select([], [descriptor], [])
        except OSError:
            return False
    return True
