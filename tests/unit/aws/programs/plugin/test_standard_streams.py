from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.unit.aws.programs.plugin.stage import play
from whodunet.aws.programs.plugin.standard_streams import Input, Output

MEGABYTE = bytes(range(256)) * 4096


def read_all(descriptor: int) -> bytes:
    """Everything up to the end."""
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read()


def test_a_pipe_is_read_when_it_has_something() -> None:
    async def story() -> None:
        reading, writing = os.pipe()
        first = asyncio.create_task(Input(reading).read())
        await asyncio.sleep(0)
        assert not first.done()
        os.write(writing, b"now")
        assert await first == b"now"
        os.close(writing)
        assert await Input(reading).read() == b""
        os.close(reading)

    play(story())


def test_a_reader_that_gives_up_takes_nothing() -> None:
    async def story() -> None:
        reading, writing = os.pipe()
        first = asyncio.create_task(Input(reading).read())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        os.write(writing, b"later")
        assert await Input(reading).read() == b"later"
        os.close(reading)
        os.close(writing)

    play(story())


def test_a_file_can_be_standard_input_too(tmp_path: Path) -> None:
    async def story() -> None:
        (tmp_path / "script").write_bytes(b"uptime\n")
        for path, content in ((tmp_path / "script", b"uptime\n"), (Path("/dev/null"), b"")):
            descriptor = os.open(path, os.O_RDONLY)
            assert await Input(descriptor).read() == content
            assert await Input(descriptor).read() == b""
            os.close(descriptor)

    play(story())


def test_a_terminal_whose_window_is_closed_has_ended() -> None:
    async def story() -> None:
        keyboard, terminal = os.openpty()
        os.close(keyboard)
        assert await Input(terminal).read() == b""
        os.close(terminal)

    play(story())


def test_everything_is_written_in_order_however_slowly_it_is_read() -> None:
    async def story() -> None:
        reading, writing = os.pipe()
        output = Output(writing)

        async def write() -> None:
            for start in range(0, len(MEGABYTE), 1000):
                await output.write(MEGABYTE[start : start + 1000])
            await output.drain()
            os.close(writing)

        writes = asyncio.create_task(write())
        assert await asyncio.to_thread(read_all, reading) == MEGABYTE
        await writes

    play(story())


def test_a_reader_that_does_not_read_holds_up_the_writer_and_nobody_else() -> None:
    async def story() -> None:
        reading, writing = os.pipe()
        output = Output(writing)
        written = asyncio.create_task(output.write(MEGABYTE))
        await asyncio.to_thread(os.read, reading, 1)  # the writing has begun, and the loop still runs
        assert not written.done()
        rest = asyncio.create_task(asyncio.to_thread(read_all, reading))
        await output.drain()
        os.close(writing)
        assert len(await rest) == len(MEGABYTE) - 1
        await written

    play(story())


def test_an_output_that_others_made_non_blocking_is_written_whole() -> None:
    async def story() -> None:
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        output = Output(writing)
        rest = asyncio.create_task(asyncio.to_thread(read_all, reading))
        await output.write(MEGABYTE)
        await output.drain()
        os.close(writing)
        assert await rest == MEGABYTE

    play(story())


@pytest.mark.parametrize("pieces", [1, 3])
def test_it_is_seen_that_nobody_reads_any_more(pieces: int) -> None:
    async def story() -> None:
        reading, writing = os.pipe()
        output = Output(writing)
        os.close(reading)
        for _ in range(pieces):
            await output.write(b"for nobody")
        await output.closed()
        await output.drain()
        os.close(writing)

    play(story())
