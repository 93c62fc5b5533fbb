"""A forward's listening port without a network."""

from __future__ import annotations

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from pathlib import Path
from typing import Any

PORT = 10022


class LocalPort(socket.socket):
    """Listens on a Unix socket, and says that it is a port."""

    def __init__(self, path: Path) -> None:
        super().__init__(socket.AF_UNIX, socket.SOCK_STREAM)
        self.path = path
        self.bind(str(path))
        self.listen()
        self.setblocking(False)

    def getsockname(self) -> Any:
        """What a port of localhost would say."""
        return ("127.0.0.1", PORT)

    async def connect_to(self) -> tuple[StreamReader, StreamWriter]:
        """A program's connection to the port."""
        return await asyncio.open_unix_connection(str(self.path))
