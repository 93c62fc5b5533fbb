"""Sessions on a terminal: a shell, or one command."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import struct
import termios
from collections.abc import Sequence
from typing import Final, Self

from whodunet.aws.programs.agent.descriptors import Descriptor
from whodunet.aws.programs.agent.local_users import LocalUser
from whodunet.aws.programs.agent.session_processes import SessionProcess
from whodunet.aws.programs.awaiting import first_of
from whodunet.aws.programs.channel_socket import ChannelSocket
from whodunet.aws.ssm.channel import Closed
from whodunet.aws.ssm.frames import Message, PayloadType
from whodunet.aws.ssm.payloads import Size
from whodunet.aws.ssm.violations import MalformedPayload

log = logging.getLogger(__name__)

SHELL: Final = ("sh",)
_USUAL_SIZE: Final = Size(cols=80, rows=24)  # until the client tells its own
_SIZE_COMES_WITHIN_S: Final = 1.0


class Terminal(Descriptor):
    """The session's side of a pseudo-terminal."""

    @classmethod
    def open(cls, account: LocalUser) -> tuple[Self, int]:
        """A new terminal that belongs to the account: the session's side, and the programs' as a plain descriptor."""
        near, far = os.openpty()
        if os.geteuid() == 0:
            os.fchown(far, account.user_id, -1)
        terminal = cls(near)
        terminal.resize(_USUAL_SIZE)
        return terminal, far

    def resize(self, size: Size) -> None:
        """Gives the terminal another size; its foreground programs get SIGWINCH from the kernel."""
        fcntl.ioctl(self.number, termios.TIOCSWINSZ, struct.pack("HHHH", size.rows, size.cols, 0, 0))


class TerminalSession:
    """Runs one command on a terminal for a client."""

    def __init__(
        self, command: Sequence[str], account: LocalUser, first_line: str = "", *, awaits_size: bool = False
    ) -> None:
        """Starts nothing yet.

        Args:
            command: the program and its arguments.
            account: as whom it runs.
            first_line: what is typed before the client's input, if anything.
            awaits_size: whether the client is ready by now, so that its terminal's size is about to come.
        """
        self._command, self._account = command, account
        self._first_line = first_line
        self._awaits_size = awaits_size

    async def run(self, socket: ChannelSocket, _client_version: str) -> None:
        """Carries the session until the command or the client has ended it; nothing that it started is left."""
        terminal, far = Terminal.open(self._account)
        with terminal:
            if self._awaits_size and not await _size_came(socket, terminal):
                return
            try:
                child = SessionProcess.start(self._command, self._account, terminal=far)
            finally:
                os.close(far)
            async with child:
                if self._first_line.strip():
                    await terminal.write(self._first_line.encode() + b"\n")
                await first_of(_from_client(socket, terminal), child.outlast(_to_client(terminal, socket)))


async def _size_came(socket: ChannelSocket, terminal: Terminal) -> bool:
    """Takes the client's first message, which is its terminal's size unless it is slow; False if it has left."""
    try:
        async with asyncio.timeout(_SIZE_COMES_WITHIN_S):
            event = await socket.receive()
    except TimeoutError:
        return True
    if isinstance(event, Closed):
        return False
    await _take(event, terminal)
    return True


async def _from_client(socket: ChannelSocket, terminal: Terminal) -> None:
    while not isinstance(event := await socket.receive(), Closed):
        await _take(event, terminal)


async def _to_client(terminal: Terminal, socket: ChannelSocket) -> None:
    while content := await terminal.read():
        await socket.write(content)


async def _take(message: Message, terminal: Terminal) -> None:
    if message.payload_type == PayloadType.OUTPUT:
        await terminal.write(message.payload)
    elif message.payload_type == PayloadType.SIZE:
        try:
            terminal.resize(Size.from_payload(message.payload))
        except MalformedPayload as violation:
            log.warning("refused a size: %s", violation)
