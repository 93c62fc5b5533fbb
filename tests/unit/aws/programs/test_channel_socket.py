from __future__ import annotations

import asyncio
import logging
from functools import partial
from uuid import UUID

import pytest

from tests.unit.aws.programs.memory_sockets import MemorySocket, Relay, both_ends, run
from whodunet.aws.programs.channel_socket import CannotConnect, ChannelSocket, SessionLost
from whodunet.aws.ssm.channel import Closed, Peer
from whodunet.aws.ssm.frames import Frame, Message, MessageType, PayloadType, serialise


async def read(end: ChannelSocket, number_of_bytes: int) -> bytes:
    """The next bytes of Output."""
    content = b""
    while len(content) < number_of_bytes:
        event = await end.receive()
        assert isinstance(event, Message)
        content += event.payload
    return content


def test_what_one_end_writes_the_other_receives() -> None:
    async def story() -> None:
        async with both_ends(Relay()) as (client, agent):
            await client.write(b"ls\n")
            assert await read(agent, 3) == b"ls\n"
            await agent.send(Message(PayloadType.EXIT_CODE, b"0"))
            assert await client.receive() == Message(PayloadType.EXIT_CODE, b"0")
            assert await agent.settle(5)

    run(story())


@pytest.mark.parametrize("cut", ["client", "agent"])
def test_a_cut_loses_and_doubles_nothing(cut: str) -> None:
    lines = [b"line %d\n" % number for number in range(1000)]

    async def story() -> None:
        relay = Relay()
        async with both_ends(relay) as (client, agent):

            async def write() -> None:
                for line in lines:
                    await agent.write(line)

            writing = asyncio.create_task(write())
            first = await read(client, 3000)
            await relay.cut(cut)
            rest = await read(client, len(b"".join(lines)) - len(first))
            await writing
            assert first + rest == b"".join(lines)
            assert relay.dialled.count(cut) == 2

    run(story())


def test_lost_acknowledgements_lose_nothing() -> None:
    lost = iter(range(10))

    def drops(frame: Frame) -> bool:
        return frame.message_type == MessageType.ACKNOWLEDGE and next(lost, None) is not None

    async def story() -> None:
        async with both_ends(Relay(drops), capacity=4) as (client, agent):
            for _ in range(4):
                await client.write(b"x")
            assert await read(agent, 4) == b"xxxx"

    run(story())


def test_who_does_not_receive_slows_the_other_end_down() -> None:
    async def story() -> None:
        async with both_ends(Relay(), capacity=5) as (client, agent):
            writing = asyncio.create_task(client.write(bytes(100), message_bytes=1))
            for _ in range(1000):
                await asyncio.sleep(0)
            assert not writing.done()
            assert await read(agent, 100) == bytes(100)
            await writing

    run(story())


def test_two_writers_do_not_get_between_each_others_bytes() -> None:
    async def story() -> None:
        async with both_ends(Relay(), capacity=2) as (client, agent):
            writing = asyncio.gather(*(client.write(letter * 50, message_bytes=1) for letter in (b"a", b"b", b"c")))
            assert await read(agent, 150) == b"a" * 50 + b"b" * 50 + b"c" * 50
            await writing

    run(story())


def test_the_end_comes_after_the_last_message_and_stays() -> None:
    async def story() -> None:
        relay = Relay()
        async with both_ends(relay) as (client, agent):
            await agent.write(b"last words", message_bytes=1)
            while len(relay.sent(MessageType.OUTPUT_STREAM_DATA)) < 10:
                await asyncio.sleep(0)
            await relay.close("client", "bye")
            assert await read(client, 10) == b"last words"
            assert await client.receive() == Closed("bye")
            assert await client.receive() == Closed("bye")
            with pytest.raises(SessionLost, match="bye"):
                await client.write(b"x")

    run(story())


def test_what_is_no_frame_is_refused_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        relay = Relay()
        async with both_ends(relay) as (client, agent):
            for rubbish in (b"", b"rubbish", serialise(Frame(MessageType.ACKNOWLEDGE, UUID(int=1), 1, b"{}"))):
                await relay.push("client", rubbish)
            await agent.write(b"ok")
            assert await read(client, 2) == b"ok"

    caplog.set_level(logging.WARNING)
    run(story())
    assert len(caplog.records) == 1
    assert "refused a frame" in caplog.text


def test_a_session_that_is_over_for_the_service_is_lost_at_once() -> None:
    async def dial() -> MemorySocket:
        raise SessionLost("Session is already terminated")

    async def story() -> None:
        async with ChannelSocket(Peer.AGENT, dial) as agent:
            with pytest.raises(SessionLost, match="already terminated"):
                await agent.receive()
            with pytest.raises(SessionLost, match="already terminated"):
                await agent.write(b"x")

    run(story())


@pytest.mark.parametrize("failure", [CannotConnect("no token"), ConnectionRefusedError("refused"), TimeoutError()])
def test_attempts_end_when_patience_does(failure: Exception) -> None:
    async def dial() -> MemorySocket:
        raise failure

    async def story() -> None:
        async with ChannelSocket(Peer.CLIENT, dial, patience_s=0) as client:
            with pytest.raises(SessionLost, match=str(failure) or "TimeoutError"):
                await client.receive()

    run(story())


def test_another_attempt_follows_one_that_fails() -> None:
    async def story() -> None:
        relay, failures = Relay(), [OSError("unreachable")]

        async def dial() -> MemorySocket:
            if failures:
                raise failures.pop()
            return await relay.dial("client")

        async with ChannelSocket(Peer.CLIENT, dial) as client:
            await client.write(b"x")
            while not relay.carried:
                await asyncio.sleep(0)

    run(story())


def test_a_service_that_closes_every_socket_is_given_up() -> None:
    async def dial() -> MemorySocket:
        near, far = MemorySocket.pair()
        far.cut()
        return near

    async def story() -> None:
        async with ChannelSocket(Peer.CLIENT, dial, patience_s=0) as client:
            with pytest.raises(SessionLost, match="closes every connection"):
                await client.receive()

    run(story())


def test_the_end_is_known_before_all_is_received() -> None:
    async def story() -> None:
        relay = Relay()
        async with both_ends(relay) as (client, agent):
            await agent.write(b"unread")
            await relay.close("client")
            await client.ended()
            assert client.over
            assert not agent.over

    run(story())


def test_a_loss_is_no_end() -> None:
    async def dial() -> MemorySocket:
        raise SessionLost("gone")

    async def story() -> None:
        async with ChannelSocket(Peer.AGENT, dial) as agent:
            with pytest.raises(SessionLost, match="gone"):
                await agent.ended()
            assert not agent.over

    run(story())


def test_what_nobody_acknowledges_does_not_settle() -> None:
    async def story() -> None:
        async with both_ends(Relay(lambda frame: frame.message_type == MessageType.ACKNOWLEDGE)) as (client, _):
            assert await client.settle(0)
            await client.write(b"x")
            assert not await client.settle(0)

    run(story())


def test_closing_writes_what_is_left() -> None:
    async def story() -> None:
        relay = Relay()
        async with both_ends(relay) as (_, agent):
            await agent.write(b"x" * 40, message_bytes=1)
            agent.tell(MessageType.AGENT_SESSION_STATE, b"{}")
            await agent.close()
            assert len(relay.sent(MessageType.OUTPUT_STREAM_DATA)) == 40
            assert len(relay.sent(MessageType.AGENT_SESSION_STATE)) == 1

    run(story())


def test_a_message_waits_until_it_is_accepted() -> None:
    ready: list[bool] = []

    async def story() -> None:
        relay = Relay()
        async with (
            ChannelSocket(Peer.CLIENT, partial(relay.dial, "client"), accepts=lambda _: bool(ready)) as client,
            ChannelSocket(Peer.AGENT, partial(relay.dial, "agent")) as agent,
        ):
            await relay.connected("client")
            await relay.connected("agent")
            await agent.write(b"early")
            receiving = asyncio.create_task(client.receive())
            for _ in range(100):
                await asyncio.sleep(0)
            assert not receiving.done()
            receiving.cancel()
            ready.append(True)
            assert await client.receive() == Message(PayloadType.OUTPUT, b"early")

    run(story())
