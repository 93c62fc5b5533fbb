from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.unit.aws.programs.plugin.local_port import LocalPort
from tests.unit.aws.programs.plugin.stage import MemoryChannel, Person, output, play
from whodunet.aws.programs.channel_socket import SessionLost
from whodunet.aws.programs.plugin import multiplexed_forward
from whodunet.aws.programs.plugin.multiplexed_forward import MultiplexedForward
from whodunet.aws.ssm.frames import Message, PayloadType
from whodunet.aws.ssm.payloads import Flag
from whodunet.aws.ssm.smux import Multiplexer, MuxEvent, Side, StreamBytes, StreamFinished, StreamOpened

MEGABYTE = bytes(range(256)) * 4096


@dataclass
class Agent:
    """The other end of the forward's stream of bytes."""

    channel: MemoryChannel
    forward: MultiplexedForward
    mux: Multiplexer = field(default_factory=lambda: Multiplexer(Side.SERVER))
    events: list[MuxEvent] = field(default_factory=list)

    async def hears(self) -> MuxEvent:
        """The next event."""
        while not self.events:
            content = await self.channel.sent.get()
            assert isinstance(content, bytes)
            self.events += self.mux.receive(content)
        return self.events.pop(0)

    async def sends(self, frames: bytes) -> None:
        """Brings frames to the forward."""
        await self.forward.receive(output(frames))


@asynccontextmanager
async def forwarding(person: Person, port: LocalPort) -> AsyncIterator[Agent]:
    """A forward under way."""
    channel = MemoryChannel()
    forward = MultiplexedForward(channel, person.streams().screen, "session-1", port)
    running = asyncio.create_task(forward.run())
    await person.reads(b"Waiting for connections...\n")
    yield Agent(channel, forward)
    forward.interrupt(b"\x03")
    await running


def test_it_says_what_the_users_scripts_wait_for(tmp_path: Path) -> None:
    async def story() -> None:
        async with Person() as person:
            forward = MultiplexedForward(
                MemoryChannel(), person.streams().screen, "session-1", port := LocalPort(tmp_path)
            )
            running = asyncio.create_task(forward.run())
            opened = b"Port 10022 opened for sessionId session-1.\nWaiting for connections...\n"
            assert await person.reads(opened) == opened
            _, first = await port.connect_to()
            accepted = b"\nConnection accepted for session [session-1]\n"
            assert await person.reads(accepted) == accepted
            _, second = await port.connect_to()
            forward.interrupt(b"\x03")
            await running
            assert await person.reads(b"exiting.\n") == b"Terminate signal received, exiting.\n"
            first.close()
            second.close()

    play(story())


def test_two_connections_are_two_streams(tmp_path: Path) -> None:
    async def story() -> None:
        async with Person() as person, LocalPort(tmp_path) as port, forwarding(person, port) as agent:
            one_reader, one = await port.connect_to()
            assert await agent.hears() == StreamOpened(3)
            two_reader, two = await port.connect_to()
            assert await agent.hears() == StreamOpened(5)
            two.write(b"second")
            assert await agent.hears() == StreamBytes(5, b"second")
            one.write(b"first")
            assert await agent.hears() == StreamBytes(3, b"first")
            await agent.sends(agent.mux.send(5, b"to the second") + agent.mux.send(3, b"to the first"))
            assert await one_reader.read(100) == b"to the first"
            assert await two_reader.read(100) == b"to the second"
            one.close()
            two.close()

    play(story())


def test_a_program_that_has_said_all_still_gets_its_answer(tmp_path: Path) -> None:
    async def story() -> None:
        async with Person() as person, LocalPort(tmp_path) as port, forwarding(person, port) as agent:
            reader, writer = await port.connect_to()
            writer.write(b"question")
            writer.write_eof()
            heard = [await agent.hears() for _ in range(3)]
            assert heard == [StreamOpened(3), StreamBytes(3, b"question"), StreamFinished(3, over=False)]
            await agent.sends(agent.mux.send(3, b"answer") + agent.mux.finish(3))
            assert await reader.read() == b"answer"
            writer.close()

    play(story())


def test_a_connection_that_ends_on_the_far_side_ends_here(tmp_path: Path) -> None:
    async def story() -> None:
        async with Person() as person, LocalPort(tmp_path) as port, forwarding(person, port) as agent:
            reader, writer = await port.connect_to()
            assert await agent.hears() == StreamOpened(3)
            await agent.sends(agent.mux.send(3, b"bye") + agent.mux.finish(3))
            assert await reader.read() == b"bye"
            assert await agent.hears() == StreamFinished(3, over=True)
            writer.close()

    play(story())


def test_what_comes_for_a_program_that_has_gone_disturbs_no_other(tmp_path: Path) -> None:
    async def story() -> None:
        async with Person() as person, LocalPort(tmp_path) as port, forwarding(person, port) as agent:
            _, gone = await port.connect_to()
            assert await agent.hears() == StreamOpened(3)
            gone.transport.abort()
            assert await agent.hears() == StreamFinished(3, over=False)
            await agent.sends(agent.mux.send(3, MEGABYTE) + agent.mux.finish(3))
            reader, writer = await port.connect_to()
            assert await agent.hears() == StreamOpened(5)
            await agent.sends(agent.mux.send(5, b"still here"))
            assert await reader.read(100) == b"still here"
            writer.close()

    play(story())


def test_a_program_that_does_not_read_holds_the_agent_up(tmp_path: Path) -> None:
    async def story() -> None:
        async with Person() as person, LocalPort(tmp_path) as port, forwarding(person, port) as agent:
            reader, writer = await port.connect_to()
            assert await agent.hears() == StreamOpened(3)
            sending = asyncio.create_task(agent.sends(agent.mux.send(3, 4 * MEGABYTE)))
            assert await reader.readexactly(1) == b"\0"
            assert not sending.done()
            assert await reader.readexactly(4 * len(MEGABYTE) - 1) == (4 * MEGABYTE)[1:]
            await sending
            writer.close()

    play(story())


def test_a_port_that_the_agent_cannot_reach_is_said_on_the_screen(tmp_path: Path) -> None:
    async def story() -> None:
        async with Person() as person, LocalPort(tmp_path) as port, forwarding(person, port) as agent:
            await agent.forward.receive(Message(PayloadType.FLAG, Flag.CONNECT_TO_PORT_ERROR.to_payload()))
            await agent.forward.receive(Message(PayloadType.FLAG, b"no flag"))
            said = await person.reads(b".\n")
            assert said == b"\nConnection to destination port failed, check SSM Agent logs.\n"

    play(story())


def test_a_connection_too_many_is_closed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiplexed_forward, "MAX_STREAMS", 1)

    async def story() -> None:
        async with Person() as person, LocalPort(tmp_path) as port, forwarding(person, port) as agent:
            _, first = await port.connect_to()
            assert await agent.hears() == StreamOpened(3)
            reader, second = await port.connect_to()
            assert await reader.read() == b""
            first.write(b"still here")
            assert await agent.hears() == StreamBytes(3, b"still here")
            first.close()
            second.close()

    play(story())


def test_bytes_that_are_no_smux_end_the_session(tmp_path: Path) -> None:
    async def story() -> None:
        async with Person() as person, LocalPort(tmp_path) as port, forwarding(person, port) as agent:
            with pytest.raises(SessionLost, match="not smux: version 72 is not 1"):
                await agent.sends(b"HTTP/1.1 200 OK\r\n\r\n")

    play(story())
