from __future__ import annotations

import asyncio
import os

from whodunet.aws.programs.agent.descriptors import Descriptor


def test_what_is_written_is_read_and_then_the_end() -> None:
    async def story() -> None:
        read, write = os.pipe()
        with Descriptor(read) as reader:
            with Descriptor(write) as writer:
                await writer.write(b"hello")
                assert await reader.read() == b"hello"
            assert await reader.read() == b""

    asyncio.run(story())


def test_a_writer_waits_for_its_reader_and_loses_nothing() -> None:
    content = os.urandom(1_000_000)

    async def story() -> None:
        read, write = os.pipe()
        with Descriptor(read) as reader, Descriptor(write) as writer:
            writing = asyncio.create_task(writer.write(content))
            received = b""
            while len(received) < len(content):
                received += await reader.read()
            await writing
            assert received == content

    asyncio.run(story())


def test_what_nobody_reads_any_more_is_dropped() -> None:
    async def story() -> None:
        read, write = os.pipe()
        os.close(read)
        with Descriptor(write) as writer:
            await writer.write(b"x")

    asyncio.run(story())


def test_a_terminals_end_is_an_end_and_no_error() -> None:
    async def story() -> None:
        near, far = os.openpty()
        with Descriptor(near) as terminal:
            os.write(far, b"bye")
            os.close(far)
            assert await terminal.read() == b"bye"
            assert await terminal.read() == b""

    asyncio.run(story())
