from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.unit.aws.programs.agent.targets_in_memory import listening
from tests.unit.aws.programs.memory_sockets import Relay, both_ends, run
from whodunet.aws.programs.agent import multiplexed_forward_to_target
from whodunet.aws.programs.agent.multiplexed_forward_to_target import MultiplexedForwardToTarget
from whodunet.aws.programs.agent.outcome import SessionFailed
from whodunet.aws.programs.agent.unwritten import Budget, Unwritten
from whodunet.aws.programs.channel_socket import ChannelSocket
from whodunet.aws.ssm.channel import Closed
from whodunet.aws.ssm.frames import Message, PayloadType
from whodunet.aws.ssm.payloads import Flag
from whodunet.aws.ssm.properties import LOCAL_FORWARD, PortProperties
from whodunet.aws.ssm.smux import KeptAlive, Multiplexer, MuxEvent, Side, StreamBytes, StreamFinished

WEB = PortProperties(port_number="80", type=LOCAL_FORWARD)
NEW = "1.2.677.0"
OLD = "1.2.331.0"


class Client:
    """The client's end of a multiplexed forward."""

    def __init__(self, socket: ChannelSocket) -> None:
        self.socket = socket
        self.mux = Multiplexer(Side.CLIENT)
        self.flags: list[Flag] = []
        self.content: dict[int, bytes] = defaultdict(bytes)
        self.finished: set[int] = set()
        self.kept_alive = 0

    async def open(self, content: bytes = b"") -> int:
        """Opens a stream and sends its first bytes."""
        stream, announcement = self.mux.open()
        await self.socket.write(announcement + self.mux.send(stream, content))
        return stream

    async def hear(self) -> bool:
        """Takes the next message; False at the session's end."""
        event = await self.socket.receive()
        if isinstance(event, Closed):
            return False
        if event.payload_type == PayloadType.FLAG:
            self.flags.append(Flag.from_payload(event.payload))
        else:
            for happened in self.mux.receive(event.payload):
                self._take(happened)
        return True

    async def hears(self, stream: int, content: bytes) -> None:
        """Waits until so much of a stream has come."""
        while len(self.content[stream]) < len(content):
            await self.hear()
        assert self.content[stream] == content

    async def hears_end(self, stream: int) -> None:
        """Waits for a stream's last byte."""
        while stream not in self.finished:
            await self.hear()

    def _take(self, event: MuxEvent) -> None:
        if isinstance(event, StreamBytes):
            self.content[event.stream] += event.content
        elif isinstance(event, StreamFinished):
            self.finished.add(event.stream)
        elif isinstance(event, KeptAlive):
            self.kept_alive += 1


@asynccontextmanager
async def forwarding(version: str = NEW) -> AsyncIterator[tuple[Client, asyncio.Task[None]]]:
    """A running forward, seen from its client."""
    async with both_ends(Relay()) as (client, agent):
        session = asyncio.create_task(MultiplexedForwardToTarget(WEB, ()).run(agent, version))
        yield Client(client), session
        session.cancel()
        await asyncio.gather(session, return_exceptions=True)


def test_each_stream_has_a_connection_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with listening(monkeypatch) as listener, forwarding() as (client, _):
            one, two = await client.open(b"first"), await client.open(b"second")
            servers = [await listener.accepted.get() for _ in range(2)]
            assert [await server.read(10) for server in servers] == [b"first", b"second"]
            await servers[1].write(b"to the second")
            await servers[0].write(b"to the first")
            await client.hears(two, b"to the second")
            await client.hears(one, b"to the first")

    run(story())


def test_the_targets_end_is_told_after_its_last_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytes(range(256)) * 1000

    async def story() -> None:
        async with listening(monkeypatch) as listener, forwarding() as (client, _):
            stream = await client.open()
            server = await listener.accepted.get()
            writing = asyncio.create_task(server.write(content))
            await client.hears(stream, content)
            assert await writing
            server.close()
            await client.hears_end(stream)
            assert client.content[stream] == content

    run(story())


def test_a_client_that_has_finished_still_gets_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with listening(monkeypatch) as listener, forwarding() as (client, _):
            stream = await client.open(b"question")
            await client.socket.write(client.mux.finish(stream))
            server = await listener.accepted.get()
            assert await server.read(100) == b"question"
            assert await server.read(100) == b""
            await server.write(b"answer")
            server.close()
            await client.hears(stream, b"answer")
            await client.hears_end(stream)
            assert client.mux.open_streams == frozenset()

    run(story())


def test_a_target_that_says_no_more_to_a_client_that_has_finished_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiplexed_forward_to_target, "_LINGER_S", 0)

    async def story() -> None:
        async with listening(monkeypatch) as listener, forwarding() as (client, _):
            stream = await client.open(b"question")
            await client.socket.write(client.mux.finish(stream))
            server = await listener.accepted.get()
            await client.hears_end(stream)
            assert await server.read(100) == b"question"
            assert await server.read(100) == b""

    run(story())


def test_a_target_that_refuses_is_flagged_and_the_session_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with listening(monkeypatch, refuses=True) as listener, forwarding() as (client, _):
            await client.hears_end(await client.open(b"x"))
            assert client.flags == [Flag.CONNECT_TO_PORT_ERROR]
            listener.refuses = False
            await client.open(b"y")
            assert await (await listener.accepted.get()).read(1) == b"y"

    run(story())


def test_a_target_that_reads_nothing_stops_neither_the_session_nor_other_streams(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        async with listening(monkeypatch) as listener, forwarding() as (client, _):
            await client.open(bytes(1024 * 1024))
            await listener.accepted.get()
            await client.open(b"quick")
            assert await (await listener.accepted.get()).read(5) == b"quick"

    run(story())


@pytest.mark.parametrize("end", ["flag", "garbage"])
def test_the_session_ends_with_the_clients_flag_or_its_garbage(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    async def story() -> None:
        async with listening(monkeypatch) as listener, forwarding() as (client, session):
            await client.open(b"x")
            server = await listener.accepted.get()
            if end == "flag":
                await client.socket.send(Message(PayloadType.FLAG, Flag.TERMINATE_SESSION.to_payload()))
                await session
            else:
                await client.socket.write(b"this is not smux")
                with pytest.raises(SessionFailed, match="version"):
                    await session
            assert await server.read(1) == b"x"
            assert await server.read(1) == b""

    run(story())


def test_an_old_client_is_kept_alive_and_given_up_when_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiplexed_forward_to_target, "KEEPALIVE_S", 0)

    async def story() -> None:
        async with listening(monkeypatch), forwarding(OLD) as (client, session):
            while client.kept_alive < 3:
                await client.hear()
            monkeypatch.setattr(multiplexed_forward_to_target, "KEEPALIVE_TIMEOUT_S", -1)
            await session

    run(story())


def test_no_keepalive_comes_before_the_first_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's plugin ceases to read where one does."""

    async def story() -> None:
        async with listening(monkeypatch, refuses=True), forwarding(OLD) as (client, _):
            await client.hears_end(await client.open())
            assert client.kept_alive == 0

    run(story())


def test_what_waits_for_all_connections_is_limited() -> None:
    async def story() -> None:
        budget = Budget(most_bytes=10)
        slow, other = Unwritten(budget), Unwritten(budget)
        slow.add(b"x" * 8)
        await budget.room()
        other.add(b"yy")
        full = asyncio.create_task(budget.room())
        await asyncio.sleep(0)
        assert not full.done()
        assert await other.next() == b"yy"
        await full

    run(story())


def test_what_nobody_takes_any_more_takes_no_room() -> None:
    async def story() -> None:
        budget = Budget(most_bytes=10)
        gone = Unwritten(budget)
        gone.add(b"x" * 100)
        gone.drop()
        gone.add(b"x" * 100)
        await budget.room()
        gone.finish()
        assert await gone.next() == b""

    run(story())
