from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import struct
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.unit.aws.programs.plugin.stage import MemoryChannel, Person, output, play
from whodunet.aws.programs.plugin.shell import Shell
from whodunet.aws.programs.plugin.standard_streams import Input, Output
from whodunet.aws.ssm.frames import Message, PayloadType
from whodunet.aws.ssm.payloads import Size

DEFAULT_SIZE = Message(PayloadType.SIZE, b'{"cols":300,"rows":100}')


@asynccontextmanager
async def running(shell: Shell) -> AsyncIterator[asyncio.Task[None]]:
    """The shell's local side, until the block is left."""
    task = asyncio.create_task(shell.run())
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def shell_of(person: Person, channel: MemoryChannel) -> Shell:
    """A shell on a person's pipes."""
    streams = person.streams()
    return Shell(channel, streams.keys, streams.screen, streams.errors)


def test_the_size_goes_out_first_and_without_a_terminal_it_is_the_default() -> None:
    async def story() -> None:
        channel = MemoryChannel()
        async with Person() as person:
            person.types(b"uptime\n")
            async with running(shell_of(person, channel)):
                assert await channel.sent.get() == DEFAULT_SIZE
                assert await channel.sent.get() == b"uptime\n"

    play(story())


@pytest.mark.parametrize(("typed", "sent"), [(b"\n", b"\r"), (b"a\n", b"a\n"), (b"\n\n", b"\n\n"), (b"\x04", b"\x04")])
def test_a_newline_alone_is_the_enter_key(typed: bytes, sent: bytes) -> None:
    async def story() -> None:
        channel = MemoryChannel()
        async with Person() as person, running(shell_of(person, channel)):
            assert await channel.sent.get() == DEFAULT_SIZE
            person.types(typed)
            assert await channel.sent.get() == sent

    play(story())


def test_keys_wait_where_they_are_while_the_channel_has_no_room() -> None:
    class FullChannel(MemoryChannel):
        room = asyncio.Event()

        async def write(self, content: bytes) -> None:
            await super().write(content)
            await self.room.wait()

    async def story() -> None:
        channel = FullChannel()
        async with Person() as person, running(shell_of(person, channel)):
            person.types(b"first")
            assert [await channel.sent.get() for _ in range(2)] == [DEFAULT_SIZE, b"first"]
            person.types(b"second")
            person.types(b"third")
            channel.room.set()
            assert await channel.sent.get() == b"secondthird"

    play(story())


def test_the_end_of_standard_input_does_not_end_the_session() -> None:
    class WatchedInput(Input):
        ended = asyncio.Event()

        async def read(self) -> bytes:
            content = await super().read()
            if not content:
                self.ended.set()
            return content

    async def story() -> None:
        channel = MemoryChannel()
        async with Person() as person:
            streams = person.streams()
            keys = WatchedInput(streams.keys.descriptor)
            person.stops_typing()
            async with running(shell := Shell(channel, keys, streams.screen, streams.errors)) as task:
                await keys.ended.wait()
                assert await channel.sent.get() == DEFAULT_SIZE
                await shell.receive(output(b"up 3 days"))
                await person.reads(b"up 3 days")
                shell.interrupt(b"\x03")
                assert await channel.sent.get() == b"\x03"
                assert not task.done()

    play(story())


def test_signal_keys_are_bytes_for_the_other_side() -> None:
    async def story() -> None:
        channel = MemoryChannel()
        async with Person() as person, running(shell := shell_of(person, channel)):
            shell.interrupt(b"\x03")
            shell.interrupt(b"\x1a")
            assert [await channel.sent.get() for _ in range(3)] == [DEFAULT_SIZE, b"\x03", b"\x1a"]

    play(story())


def test_output_and_errors_go_where_they_belong_and_an_exit_code_nowhere() -> None:
    async def story() -> None:
        async with Person() as person:
            streams = person.streams()
            shell = Shell(MemoryChannel(), streams.keys, streams.screen, streams.errors)
            await shell.receive(output(b"result\n"))
            await shell.receive(Message(PayloadType.STDERR, b"warning\n"))
            await shell.receive(Message(PayloadType.EXIT_CODE, b"3"))
            await streams.screen.drain()
            await streams.errors.drain()
            assert (person.screen(), person.complaints()) == (b"result\n", b"warning\n")

    play(story())


def test_it_ends_when_nobody_reads_its_output() -> None:
    async def story() -> None:
        async with Person() as person, running(shell := shell_of(person, MemoryChannel())) as task:
            person.stops_reading()
            await shell.receive(output(b"for nobody"))
            await task

    play(story())


def test_a_terminal_gives_its_size_again_when_it_changes_and_is_restored_at_the_end() -> None:
    async def story() -> None:
        keyboard, terminal = os.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        before = termios.tcgetattr(terminal)
        channel = MemoryChannel()
        async with running(Shell(channel, Input(terminal), Output(terminal), Output(terminal))):
            assert await channel.sent.get() == Message(PayloadType.SIZE, Size(cols=80, rows=24).to_payload())
            os.write(keyboard, b"q")
            assert await channel.sent.get() == b"q"
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 132, 0, 0))
            os.kill(os.getpid(), signal.SIGWINCH)
            assert await channel.sent.get() == Message(PayloadType.SIZE, Size(cols=132, rows=50).to_payload())
        assert termios.tcgetattr(terminal) == before
        os.close(keyboard)
        os.close(terminal)

    play(story())
