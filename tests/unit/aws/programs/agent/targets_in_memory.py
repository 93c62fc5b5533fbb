"""A target of port sessions without a network: each connection to it is a pair of sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from whodunet.aws.programs.agent.outcome import SessionFailed
from whodunet.aws.programs.agent.targets import Target, TargetConnection


@dataclass
class Listener:
    """The far end: every connection that was dialled, in order."""

    refuses: bool = False
    accepted: asyncio.Queue[TargetConnection] = field(default_factory=asyncio.Queue)
    opened: list[TargetConnection] = field(default_factory=list)

    async def dial(self) -> TargetConnection:
        """Connects to the target."""
        if self.refuses:
            raise SessionFailed("Unable to connect to specified port: 127.0.0.1:80: Connection refused")
        near, far = [TargetConnection(*await asyncio.open_connection(sock=end)) for end in socket.socketpair()]
        self.accepted.put_nowait(far)
        self.opened += [near, far]
        return near


@asynccontextmanager
async def listening(monkeypatch: pytest.MonkeyPatch, *, refuses: bool = False) -> AsyncIterator[Listener]:
    """Puts a target in the network's place."""
    listener = Listener(refuses)
    monkeypatch.setattr(Target, "dial", lambda _: listener.dial())
    yield listener
    for connection in listener.opened:
        connection.writer.transport.abort()
        await asyncio.gather(connection.writer.wait_closed(), return_exceptions=True)
