"""A service without a network: it takes what the agent says, and opens sockets to memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from tests.unit.aws.programs.memory_sockets import MemorySocket
from whodunet.aws.programs.agent.instance import OwnInstance
from whodunet.aws.programs.signed_http import CallFailed
from whodunet.aws.ssm.create_channel import AgentChannel
from whodunet.aws.ssm.payloads import OpenChannel

INSTANCE = OwnInstance("i-1", "eu-central-1", "eu-central-1a", "10.0.1.10", "host", ())


class MemoryService:
    """Answers every call, and opens every channel, but for the failures that were put in."""

    def __init__(self) -> None:
        self.instance = INSTANCE
        self.failures: deque[CallFailed] = deque()
        self.calls: list[str] = []
        self.opened: asyncio.Queue[tuple[str, OpenChannel, MemorySocket]] = asyncio.Queue()

    async def call(self, service: str, operation: str, _body: Mapping[str, object]) -> dict[str, Any]:
        """Takes a call."""
        if service == "ec2messages":
            await asyncio.Event().wait()
        self._fail()
        self.calls.append(f"{service}.{operation}")
        return {}

    async def open_channel(self, channel: AgentChannel, opening: Callable[[str], OpenChannel]) -> MemorySocket:
        """Opens a channel; its far end is in `opened`."""
        self._fail()
        near, far = MemorySocket.pair()
        self.opened.put_nowait((f"{channel.path}?{channel.query}", opening("sesame"), far))
        return near

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.popleft()
