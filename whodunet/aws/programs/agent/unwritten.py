"""What came for connections that take it slowly."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

_MOST_UNWRITTEN_BYTES: Final = 4 * 1024 * 1024  # for all connections; smux's own receive buffer


class Budget:
    """How many bytes of all streams may wait: smux has no windows, so past that the whole session has to wait."""

    def __init__(self, most_bytes: int = _MOST_UNWRITTEN_BYTES) -> None:
        self._room_bytes = most_bytes
        self._returned = asyncio.Event()

    def take(self, number_of_bytes: int) -> None:
        """So many more wait."""
        self._room_bytes -= number_of_bytes

    def give_back(self, number_of_bytes: int) -> None:
        """So many wait no longer."""
        self._room_bytes += number_of_bytes
        self._returned.set()

    async def room(self) -> None:
        """Waits until more may come."""
        while self._room_bytes <= 0:
            self._returned.clear()
            await self._returned.wait()


class Unwritten:
    """What the client sent on one stream, until the target takes it."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._pieces: deque[bytes] = deque()
        self._finished = self._dropped = False
        self._changed = asyncio.Event()

    def add(self, piece: bytes) -> None:
        """The next bytes."""
        if not self._dropped:
            self._pieces.append(piece)
            self._budget.take(len(piece))
            self._changed.set()

    def finish(self) -> None:
        """No more come."""
        self._finished = True
        self._changed.set()

    async def next(self) -> bytes:
        """The next bytes to write, none at the end."""
        while not self._pieces and not self._finished:
            self._changed.clear()
            await self._changed.wait()
        piece = self._pieces.popleft() if self._pieces else b""
        self._budget.give_back(len(piece))
        return piece

    def drop(self) -> None:
        """Forgets what is left and what still comes: nobody takes it any more."""
        self._dropped = True
        self._budget.give_back(sum(map(len, self._pieces)))
        self._pieces.clear()
