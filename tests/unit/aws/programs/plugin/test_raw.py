from __future__ import annotations

import asyncio

from tests.unit.aws.programs.plugin.stage import MemoryChannel, Person, output, play
from whodunet.aws.programs.plugin.raw import RawSession
from whodunet.aws.ssm.frames import Message, PayloadType


def test_bytes_pass_as_they_are_until_standard_input_ends() -> None:
    async def story() -> None:
        channel = MemoryChannel()
        async with Person() as person:
            streams = person.streams()
            session = RawSession(channel, streams.keys, streams.screen)
            running = asyncio.create_task(session.run())
            person.types(b"\n")
            assert await channel.sent.get() == b"\n"
            session.interrupt(b"\x03")
            await session.receive(output(b"SSH-2.0-x\r\n"))
            await session.receive(Message(PayloadType.EXIT_CODE, b"0"))
            assert await person.reads(b"\n") == b"SSH-2.0-x\r\n"
            person.stops_typing()
            await running
            assert channel.sent.empty()

    play(story())


def test_it_ends_when_nobody_reads() -> None:
    async def story() -> None:
        async with Person() as person:
            streams = person.streams()
            session = RawSession(MemoryChannel(), streams.keys, streams.screen)
            running = asyncio.create_task(session.run())
            person.stops_reading()
            await session.receive(output(b"for nobody"))
            await running

    play(story())
