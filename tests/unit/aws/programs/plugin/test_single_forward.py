from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.unit.aws.programs.plugin.local_port import LocalPort
from tests.unit.aws.programs.plugin.stage import MemoryChannel, Person, output, play
from whodunet.aws.programs.plugin.single_forward import SingleForward
from whodunet.aws.ssm.frames import Message, PayloadType
from whodunet.aws.ssm.payloads import Flag

DISCONNECT = Message(PayloadType.FLAG, Flag.DISCONNECT_TO_PORT.to_payload())


@asynccontextmanager
async def forwarding(person: Person, port: LocalPort) -> AsyncIterator[tuple[SingleForward, MemoryChannel]]:
    """A forward under way."""
    channel = MemoryChannel()
    forward = SingleForward(channel, person.streams().screen, "session-1", port)
    running = asyncio.create_task(forward.run())
    await person.reads(b"Waiting for connections...\n")
    yield forward, channel
    forward.interrupt(b"\x03")
    await running


def test_a_connection_is_the_session_s_bytes_and_its_end_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            Person() as person,
            LocalPort(tmp_path) as port,
            forwarding(person, port) as (forward, channel),
        ):
            reader, writer = await port.connect_to()
            writer.write(b"question")
            assert await channel.sent.get() == b"question"
            await forward.receive(output(b"answer"))
            assert await reader.read(100) == b"answer"
            writer.close()
            assert await channel.sent.get() == DISCONNECT

    play(story())


def test_a_server_that_speaks_first_is_heard_by_the_one_who_connects_later(tmp_path: Path) -> None:
    async def story() -> None:
        async with Person() as person, LocalPort(tmp_path) as port, forwarding(person, port) as (forward, _):
            await forward.receive(output(b"220 "))
            await forward.receive(output(b"mail\r\n"))
            reader, writer = await port.connect_to()
            assert await reader.readline() == b"220 mail\r\n"
            writer.close()

    play(story())


def test_the_next_connection_hears_nothing_of_the_one_before(tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            Person() as person,
            LocalPort(tmp_path) as port,
            forwarding(person, port) as (forward, channel),
        ):
            _, first = await port.connect_to()
            first.write(b"first")
            assert await channel.sent.get() == b"first"
            channel.settled.clear()
            first.close()
            assert await channel.sent.get() == DISCONNECT
            reader, second = await port.connect_to()
            second.write(b"second")
            await forward.receive(output(b"for the first"))
            channel.settled.set()  # the agent has closed its side
            assert await channel.sent.get() == b"second"
            await forward.receive(output(b"for the second"))
            assert await reader.read(100) == b"for the second"
            second.close()

    play(story())


def test_a_program_that_breaks_off_is_one_that_ends(tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            Person() as person,
            LocalPort(tmp_path) as port,
            forwarding(person, port) as (forward, channel),
        ):
            _, writer = await port.connect_to()
            writer.write(b"question")
            assert await channel.sent.get() == b"question"
            writer.transport.abort()
            await forward.receive(output(b"answer"))
            assert await channel.sent.get() == DISCONNECT

    play(story())


def test_a_server_that_never_stops_speaking_waits_for_a_connection(tmp_path: Path) -> None:
    async def story() -> None:
        async with Person() as person, LocalPort(tmp_path) as port, forwarding(person, port) as (forward, _):
            await forward.receive(output(b"x" * 100_000))
            waiting = asyncio.create_task(forward.receive(output(b"y" * 100_000)))
            await asyncio.sleep(0)
            assert not waiting.done()
            reader, writer = await port.connect_to()
            assert await reader.readexactly(200_000) == b"x" * 100_000 + b"y" * 100_000
            await waiting
            writer.close()

    play(story())
