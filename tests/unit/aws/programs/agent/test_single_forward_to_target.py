from __future__ import annotations

import asyncio

import pytest

from tests.unit.aws.programs.agent.targets_in_memory import listening
from tests.unit.aws.programs.memory_sockets import Relay, both_ends, run
from whodunet.aws.programs.agent.outcome import SessionFailed
from whodunet.aws.programs.agent.single_forward_to_target import SingleForwardToTarget, flag_of
from whodunet.aws.programs.channel_socket import ChannelSocket
from whodunet.aws.ssm.frames import Message, PayloadType
from whodunet.aws.ssm.payloads import Flag
from whodunet.aws.ssm.properties import LOCAL_FORWARD, PortProperties

SSH = PortProperties(port_number="22")
WEB = PortProperties(port_number="80", type=LOCAL_FORWARD)


def flag(flag: Flag) -> Message:
    """A flag as it travels."""
    return Message(PayloadType.FLAG, flag.to_payload())


async def received(client: ChannelSocket, content: bytes) -> None:
    """The client's next bytes are these."""
    so_far = b""
    while len(so_far) < len(content):
        event = await client.receive()
        assert isinstance(event, Message)
        so_far += event.payload
    assert so_far == content


def test_bytes_go_both_ways_and_a_session_without_a_type_ends_with_its_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        async with listening(monkeypatch) as listener, both_ends(Relay()) as (client, agent):
            session = asyncio.create_task(SingleForwardToTarget(SSH, ()).run(agent, "1.2.0.0"))
            server = await listener.accepted.get()
            await server.write(b"SSH-2.0")
            await received(client, b"SSH-2.0")
            await client.write(b"hello")
            assert await server.read(5) == b"hello"
            await server.write(b"bye")
            server.close()
            await session
            await received(client, b"bye")

    run(story())


def test_nothing_is_taken_before_the_target_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with listening(monkeypatch, refuses=True) as listener, both_ends(Relay()) as (client, agent):
            await client.write(b"early")
            with pytest.raises(SessionFailed, match="Connection refused"):
                await SingleForwardToTarget(SSH, ()).run(agent, "")
            assert not await client.settle(0)
            assert listener.accepted.empty()

    run(story())


@pytest.mark.parametrize("ended_by", ["client", "target"])
def test_a_forward_dials_again_for_the_next_bytes(monkeypatch: pytest.MonkeyPatch, ended_by: str) -> None:
    async def story() -> None:
        async with listening(monkeypatch) as listener, both_ends(Relay()) as (client, agent):
            forward = SingleForwardToTarget(WEB, ())
            session = asyncio.create_task(forward.run(agent, ""))
            first = await listener.accepted.get()
            await client.write(b"one")
            assert await first.read(3) == b"one"
            if ended_by == "client":
                await client.send(flag(Flag.DISCONNECT_TO_PORT))
                assert await first.read(1) == b""
            else:
                first.close()
                while forward.connected:
                    await asyncio.sleep(0)
            await client.write(b"two")
            second = await listener.accepted.get()
            assert await second.read(3) == b"two"
            await second.write(b"answer")
            await received(client, b"answer")
            await client.send(flag(Flag.TERMINATE_SESSION))
            await session
            assert await second.read(1) == b""

    run(story())


def test_a_flag_that_cannot_be_read_is_none() -> None:
    assert flag_of(Message(PayloadType.FLAG, b"?")) is None
    assert flag_of(Message(PayloadType.FLAG, b"\0\0\0\x09")) is None
    assert flag_of(Message(PayloadType.OUTPUT, Flag.TERMINATE_SESSION.to_payload())) is None
    assert flag_of(flag(Flag.TERMINATE_SESSION)) is Flag.TERMINATE_SESSION
