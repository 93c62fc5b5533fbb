"""Pipes, terminals and other file descriptors in an event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Self

MOST_BYTES = 16 * 1024  # in one read


class Descriptor:
    """One open file descriptor, to be read and written without blocking the loop; at most one task does each."""

    def __init__(self, number: int) -> None:
        """Takes the descriptor over; `close` closes it."""
        os.set_blocking(number, False)
        self.number = number

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def read(self) -> bytes:
        """The next bytes as they come, none at the end: a terminal's is when its last program is gone."""
        loop = asyncio.get_running_loop()
        while True:
            await self._ready(loop.add_reader, loop.remove_reader)
            try:
                return os.read(self.number, MOST_BYTES)
            except BlockingIOError:
                continue
            except OSError:  # EIO: the terminal was hung up. Source: pty(7)
                return b""

    async def write(self, content: bytes) -> None:
        """Writes all of it; what nobody reads any more is dropped."""
        loop = asyncio.get_running_loop()
        rest = memoryview(content)
        while rest:
            try:
                rest = rest[os.write(self.number, rest) :]
            except BlockingIOError:
                await self._ready(loop.add_writer, loop.remove_writer)
            except OSError:
                return

    async def readable(self) -> None:
        """Waits until there is something to read, or the end; of a process's descriptor, until it has exited."""
        loop = asyncio.get_running_loop()
        await self._ready(loop.add_reader, loop.remove_reader)

    def close(self) -> None:
        """Closes it."""
        with suppress(OSError):
            os.close(self.number)

    async def _ready(self, add: Callable[[int, Callable[[], None]], object], remove: Callable[[int], object]) -> None:
        ready = asyncio.Event()
        add(self.number, ready.set)
        try:
            await ready.wait()
        finally:
            remove(self.number)
