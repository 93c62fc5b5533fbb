"""A Port session on standard input and output: what ssh runs as its ProxyCommand."""

from __future__ import annotations

from whodunet.aws.programs.awaiting import first_of
from whodunet.aws.programs.plugin.local_session import Channel
from whodunet.aws.programs.plugin.standard_streams import Input, Output
from whodunet.aws.ssm.frames import Message, PayloadType


class RawSession:
    """Bytes as they are, both ways, until the program at this end closes one of them."""

    def __init__(self, channel: Channel, source: Input, sink: Output) -> None:
        self._channel, self._source, self._sink = channel, source, sink

    async def run(self) -> None:
        """Carries what comes in; ssh that is gone has closed both."""
        await first_of(self._send_bytes(), self._sink.closed())

    async def receive(self, message: Message) -> None:
        """Hands the bytes on."""
        if message.payload_type == PayloadType.OUTPUT:
            await self._sink.write(message.payload)

    def interrupt(self, key: bytes) -> None:
        """Is meant for the program that runs this one."""

    async def _send_bytes(self) -> None:
        while content := await self._source.read():
            await self._channel.write(content)
