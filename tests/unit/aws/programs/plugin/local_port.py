"""A forward's listening port without a network."""

from __future__ import annotations

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PORT = 10022


class LocalPort(socket.socket):
    """Listens on a Unix socket, and says that it is a port."""

    def __init__(self, folder: Path) -> None:
        super().__init__(socket.AF_UNIX, socket.SOCK_STREAM)
        self._path = str(folder / "port")
        self.bind(self._path)
        self.listen()
        self.setblocking(False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def getsockname(self) -> Any:
        """What a port of localhost would say."""
        return ("127.0.0.1", PORT)

    async def connect_to(self) -> tuple[StreamReader, StreamWriter]:
        """A program's connection to the port."""
        return await asyncio.open_unix_connection(self._path)
