"""A shell, or a command with or without a terminal: keys go out, output comes in."""

from __future__ import annotations

import asyncio
import signal

from whodunet.aws.programs.awaiting import first_of
from whodunet.aws.programs.plugin.local_session import Channel
from whodunet.aws.programs.plugin.local_terminal import keys_pass_through, size_of
from whodunet.aws.programs.plugin.standard_streams import Input, Output
from whodunet.aws.ssm.frames import Message, PayloadType


class Shell:
    """A session on the user's terminal, or on pipes."""

    def __init__(self, channel: Channel, keys: Input, screen: Output, errors: Output) -> None:
        self._channel = channel
        self._keys, self._screen, self._errors = keys, screen, errors
        self._interrupts: asyncio.Queue[bytes] = asyncio.Queue()

    async def run(self) -> None:
        """Carries keys and sizes until nobody reads the screen; the terminal is as before then."""
        with keys_pass_through(self._keys.descriptor):
            await first_of(self._send_sizes(), self._send_keys(), self._send_interrupts(), self._screen.closed())

    async def receive(self, message: Message) -> None:
        """Shows output; what is not output (an exit code) means nothing here."""
        if message.payload_type == PayloadType.OUTPUT:
            await self._screen.write(message.payload)
        elif message.payload_type == PayloadType.STDERR:
            await self._errors.write(message.payload)

    def interrupt(self, key: bytes) -> None:
        """Goes to the other side, where it becomes a signal again."""
        self._interrupts.put_nowait(key)

    async def _send_keys(self) -> None:
        while typed := await self._keys.read():
            await self._channel.write(b"\r" if typed == b"\n" else typed)
        await asyncio.Event().wait()  # all is said, and the other side may still have much to answer

    async def _send_interrupts(self) -> None:
        while True:
            await self._channel.write(await self._interrupts.get())

    async def _send_sizes(self) -> None:
        changed = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGWINCH, changed.set)
        try:
            while True:
                changed.clear()
                size = size_of(self._screen.descriptor)
                await self._channel.send(Message(PayloadType.SIZE, size.to_payload()))
                await changed.wait()
        finally:
            loop.remove_signal_handler(signal.SIGWINCH)
