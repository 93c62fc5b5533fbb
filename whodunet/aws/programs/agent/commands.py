"""Sessions without a terminal: one command, its output and its exit status."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
from collections.abc import Mapping
from typing import Final

from whodunet.aws.programs.agent.descriptors import Descriptor
from whodunet.aws.programs.agent.local_users import LocalUser
from whodunet.aws.programs.agent.outcome import SessionFailed
from whodunet.aws.programs.agent.session_processes import SessionProcess
from whodunet.aws.programs.awaiting import first_of
from whodunet.aws.programs.channel_socket import ChannelSocket
from whodunet.aws.ssm.channel import Closed
from whodunet.aws.ssm.frames import Message, PayloadType
from whodunet.aws.ssm.properties import LinuxCommand

_SIGNALS: Final[Mapping[int, signal.Signals]] = {0x03: signal.SIGINT, 0x1C: signal.SIGQUIT}  # ^C and ^\ as bytes
_CANNOT_START: Final = 1


class CommandSession:
    """Runs a command, split into words as a shell would, but by none.

    Its two outputs go to the client as one, or, where the document says so, apart, each with its prefix, and followed
    by the exit status. Source: amazon-ssm-agent, observed behaviour.
    """

    def __init__(self, command: LinuxCommand, account: LocalUser) -> None:
        """Starts nothing yet; raises SessionFailed for a command that cannot be split."""
        self._command, self._account = command, account
        self._words = words_of(command.commands)

    async def run(self, socket: ChannelSocket, _client_version: str) -> None:
        """Carries the session until the command or the client has ended it; nothing that it started is left."""
        if shutil.which(self._words[0]) is None:
            await self._tell_missing(socket)
            return
        output, output_far = os.pipe()
        errors, errors_far = os.pipe()
        with Descriptor(output) as near, Descriptor(errors) as near_errors:
            outputs = (output_far, errors_far if self._command.separate_output_stream else output_far)
            try:
                child = SessionProcess.start(self._words, self._account, outputs=outputs)
            finally:
                os.close(output_far)
                os.close(errors_far)
            async with child:
                await first_of(_signals(socket, child), self._tell(socket, child, near, near_errors))

    async def _tell_missing(self, socket: ChannelSocket) -> None:
        await self._tell_status(socket, _CANNOT_START)
        said = f'exec: "{self._words[0]}": executable file not found in $PATH'
        await socket.send(Message(PayloadType.STDERR, said.encode(errors="replace")))

    async def _tell(self, socket: ChannelSocket, child: SessionProcess, output: Descriptor, errors: Descriptor) -> None:
        await self._tell_status(socket, await child.outlast(self._pass_on(output, errors, socket)))

    async def _tell_status(self, socket: ChannelSocket, status: int) -> None:
        if self._command.separate_output_stream:
            await socket.send(Message(PayloadType.EXIT_CODE, f"EXIT_CODE: {status}".encode()))

    async def _pass_on(self, output: Descriptor, errors: Descriptor, socket: ChannelSocket) -> None:
        await asyncio.gather(
            _pump(output, socket, PayloadType.OUTPUT, self._command.std_out_separator_prefix.encode()),
            _pump(errors, socket, PayloadType.STDERR, self._command.std_err_separator_prefix.encode()),
        )


def words_of(command: str) -> list[str]:
    """The program and its arguments; raises SessionFailed."""
    try:
        return shlex.split(command)
    except ValueError as error:
        raise SessionFailed(f"Unable to start command: Failed to parse commands input: {error}") from error


async def _signals(socket: ChannelSocket, child: SessionProcess) -> None:
    while not isinstance(event := await socket.receive(), Closed):
        number = next((_SIGNALS[byte] for byte in event.payload if byte in _SIGNALS), None)
        if event.payload_type == PayloadType.OUTPUT and number is not None:
            child.signal(number)


async def _pump(source: Descriptor, socket: ChannelSocket, kind: PayloadType, prefix: bytes) -> None:
    """Passes output on; each piece that begins a line begins with the prefix."""
    begins = True
    while content := await source.read():
        await socket.send(Message(kind, prefix * begins + content))
        begins = content.endswith(b"\n")
