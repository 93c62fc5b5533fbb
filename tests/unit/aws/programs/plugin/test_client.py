from __future__ import annotations

import asyncio
import os
import socket
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.unit.aws.programs.memory_sockets import MemorySocket, Relay
from tests.unit.aws.programs.plugin.local_port import LocalPort
from tests.unit.aws.programs.plugin.stage import (
    Person,
    Service,
    agent_on,
    agree,
    close,
    next_message,
    play,
)
from whodunet.aws.programs.channel_socket import MESSAGE_BYTES, ChannelSocket, SessionLost
from whodunet.aws.programs.plugin import client
from whodunet.aws.programs.plugin.client import SessionClient
from whodunet.aws.programs.plugin.forward import PortTaken, listening_on
from whodunet.aws.programs.plugin.kinds import Streams
from whodunet.aws.programs.plugin.session_calls import SessionTimedOut
from whodunet.aws.programs.plugin.standard_streams import Input, Output
from whodunet.aws.ssm.documents import SessionType
from whodunet.aws.ssm.frames import Message, MessageType, PayloadType
from whodunet.aws.ssm.handshake import HandshakeRequest, HandshakeResponse, RequestedAction
from whodunet.aws.ssm.payloads import Flag

STARTING = b"\nStarting session with SessionId: session-1\n"
EXITING = b"\n\nExiting session with sessionId: session-1.\n\n"
FORWARD: JsonValue = {"portNumber": "22", "localPortNumber": "0", "type": "LocalPortForwarding"}
RAW: JsonValue = {"portNumber": "22"}


@dataclass
class Scene:
    """A client at work."""

    person: Person
    relay: Relay
    agent: ChannelSocket
    service: Service
    client: SessionClient
    running: asyncio.Task[int]


@asynccontextmanager
async def on_stage(quiet: bool = False, listen: Callable[[int], socket.socket] = listening_on) -> AsyncIterator[Scene]:
    """A client between a person and an agent."""
    relay, service = Relay(), Service()
    async with Person() as person:
        dial = partial(relay.dial, "client")
        plugin = SessionClient("session-1", dial, service, person.streams(), quiet=quiet, listen=listen)
        async with agent_on(relay) as agent:
            running = asyncio.create_task(plugin.run())
            while len(relay.dialled) < 2:
                await asyncio.sleep(0)
            yield Scene(person, relay, agent, service, plugin, running)
            assert running.done(), "the story has to see how the client ends"


def test_an_agent_without_a_handshake_runs_a_shell() -> None:
    async def story() -> None:
        async with on_stage() as scene:
            await scene.agent.write(b"$ ")
            assert await scene.person.reads(b"$ ") == STARTING + b"$ "
            scene.person.types(b"exit\n")
            assert await next_message(scene.agent, PayloadType.OUTPUT) == b"exit\n"
            await close(scene.relay)
            assert await scene.running == 0
            assert scene.person.screen() == EXITING
            assert scene.service.terminated == 0

    play(story())


def test_a_shell_may_begin_with_a_handshake() -> None:
    async def story() -> None:
        async with on_stage() as scene:
            started = await agree(scene.agent, SessionType.INTERACTIVE_COMMANDS)
            assert started.peer_version == "1.2.764.0"
            assert await next_message(scene.agent, PayloadType.SIZE) == b'{"cols":300,"rows":100}'
            await scene.agent.write(b"up 3 days\n")
            assert await scene.agent.settle(10)
            await close(scene.relay)
            assert await scene.running == 0
            assert scene.person.screen() == STARTING + b"up 3 days\n" + EXITING

    play(story())


def test_what_the_service_says_at_the_end_is_shown() -> None:
    async def story() -> None:
        async with on_stage() as scene:
            await agree(scene.agent, SessionType.STANDARD_STREAM)
            await close(scene.relay, "Your session timed out due to inactivity.")
            assert await scene.running == 0
            said = b"\n\nSessionId: session-1 : Your session timed out due to inactivity.\n\n"
            assert scene.person.screen() == STARTING + said

    play(story())


def test_a_token_that_is_refused_ends_the_session_before_it_begins() -> None:
    async def story() -> None:
        async with on_stage() as scene:
            await close(scene.relay, "The token is invalid.")
            assert await scene.running == 0
            assert b"SessionId: session-1 : The token is invalid." in scene.person.screen()

    play(story())


def test_all_output_is_shown_in_order_before_the_farewell() -> None:
    lines = [b"line %d\n" % number for number in range(2000)]

    async def story() -> None:
        async with on_stage() as scene:
            await agree(scene.agent, SessionType.STANDARD_STREAM)

            async def talk() -> None:
                for line in lines:
                    await scene.agent.write(line)
                assert await scene.agent.settle(10)
                await close(scene.relay)

            talking = asyncio.create_task(talk())
            assert await scene.person.reads(EXITING) == STARTING + b"".join(lines) + EXITING
            await talking
            assert await scene.running == 0

    play(story())


def test_keys_after_the_end_take_nothing_from_the_output_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FLUSH_S", 0)
    content = bytes(range(1, 256)) * 4000

    async def story() -> None:
        async with on_stage() as scene:
            await agree(scene.agent, SessionType.STANDARD_STREAM)
            await scene.agent.write(content)
            pieces = -(-len(content) // MESSAGE_BYTES)
            while len(scene.relay.sent(MessageType.OUTPUT_STREAM_DATA)) < 2 + pieces:
                await asyncio.sleep(0)
            await close(scene.relay)
            scene.person.types(b"too late")
            assert await scene.person.reads(EXITING) == STARTING + content + EXITING
            assert await scene.running == 0
            assert scene.person.complaints() == b""

    play(story())


def test_a_cut_is_not_seen_on_the_screen() -> None:
    async def story() -> None:
        async with on_stage() as scene:
            await agree(scene.agent, SessionType.STANDARD_STREAM)
            await scene.agent.write(b"before ")
            await scene.person.reads(b"before ")
            await scene.relay.cut("client")
            scene.person.types(b"typed meanwhile")
            await scene.agent.write(b"after")
            assert await scene.person.reads(b"after") == b"after"
            assert await next_message(scene.agent, PayloadType.OUTPUT) == b"typed meanwhile"
            await close(scene.relay)
            assert await scene.running == 0
            assert scene.person.complaints() == b""

    play(story())


def test_an_interrupt_belongs_to_the_remote_command() -> None:
    async def story() -> None:
        async with on_stage() as scene:
            await agree(scene.agent, SessionType.STANDARD_STREAM)
            assert await next_message(scene.agent, PayloadType.SIZE)
            scene.client.interrupt(b"\x03")
            assert await next_message(scene.agent, PayloadType.OUTPUT) == b"\x03"
            await close(scene.relay)
            assert await scene.running == 0

    play(story())


def test_an_interrupt_before_there_is_a_session_ends_it() -> None:
    async def story() -> None:
        async with on_stage() as scene:
            scene.client.interrupt(b"\x03")
            assert await scene.running == 130
            assert scene.service.terminated == 1

    play(story())


def test_a_shell_that_is_left_is_terminated_by_the_service_and_the_terminal_restored() -> None:
    async def story() -> None:
        keyboard, terminal = os.openpty()
        before = termios.tcgetattr(terminal)
        relay, service = Relay(), Service()
        streams = Streams(Input(terminal), Output(terminal), Output(terminal))
        plugin = SessionClient("session-1", partial(relay.dial, "client"), service, streams)
        async with agent_on(relay) as agent:
            running = asyncio.create_task(plugin.run())
            await agree(agent, SessionType.STANDARD_STREAM)
            assert await next_message(agent, PayloadType.SIZE)
            assert termios.tcgetattr(terminal) != before
            plugin.leave(143)
            assert await running == 143
        assert termios.tcgetattr(terminal) == before
        assert service.terminated == 1
        os.close(keyboard)
        os.close(terminal)

    play(story())


def test_a_session_whose_output_nobody_reads_ends_without_a_complaint() -> None:
    async def story() -> None:
        async with on_stage() as scene:
            await agree(scene.agent, SessionType.STANDARD_STREAM)
            scene.person.stops_reading()
            await scene.agent.write(b"for nobody")
            assert await scene.running == 0
            assert scene.service.terminated == 1
            assert scene.person.complaints() == b""

    play(story())


def test_a_screen_that_stands_still_keeps_nobody_from_leaving(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FLUSH_S", 0)

    async def story() -> None:
        async with on_stage() as scene:
            await agree(scene.agent, SessionType.STANDARD_STREAM)
            talking = asyncio.create_task(scene.agent.write(bytes(1_000_000)))
            await scene.person.reads(bytes(10_000))
            scene.client.leave(143)
            assert await scene.running == 143
            talking.cancel()

    play(story())


@pytest.mark.parametrize(
    ("lost", "status", "screen", "complaints", "terminated"),
    [
        (
            SessionLost("cannot connect to h:443: timed out"),
            0,
            b"Cannot perform start session: cannot connect to h:443: timed out\n",
            b"",
            1,
        ),
        (SessionTimedOut("timed out"), 0, b"Session: session-1 timed out.\n", b"", 0),
    ],
)
def test_a_session_that_cannot_be_reached_ends_with_the_reason(
    lost: SessionLost, status: int, screen: bytes, complaints: bytes, terminated: int
) -> None:
    async def dial() -> MemorySocket:
        raise lost

    async def story() -> None:
        service = Service()
        async with Person() as person:
            assert await SessionClient("session-1", dial, service, person.streams()).run() == status
            assert person.screen() == STARTING + screen
            assert person.complaints() == (b"session-manager-plugin: %s\n" % complaints if complaints else b"")
        assert service.terminated == terminated

    play(story())


def test_what_this_end_does_not_support_is_answered_and_said() -> None:
    async def story() -> None:
        async with on_stage() as scene:
            action = RequestedAction(action_type="KMSEncryption", action_parameters={"KMSKeyId": "key"})
            request = HandshakeRequest(agent_version="3.3.0.0", requested_client_actions=(action,))
            await scene.agent.send(Message(PayloadType.HANDSHAKE_REQUEST, request.to_payload()))
            answer = await next_message(scene.agent, PayloadType.HANDSHAKE_RESPONSE)
            assert HandshakeResponse.from_payload(answer).errors == ("Unsupported action KMSEncryption",)
            assert await scene.running == 0
            assert scene.person.screen().endswith(b"Cannot perform start session: Unsupported action KMSEncryption\n")
            assert scene.service.terminated == 1

    play(story())


def test_a_forward_that_is_interrupted_tells_the_agent(tmp_path: Path) -> None:
    async def story() -> None:
        async with LocalPort(tmp_path) as port, on_stage(listen=lambda _: port) as scene:
            await agree(scene.agent, SessionType.PORT, FORWARD)
            await scene.person.reads(b"Waiting for connections...\n")
            scene.client.interrupt(b"\x03")
            flag = await next_message(scene.agent, PayloadType.FLAG)
            assert Flag.from_payload(flag) is Flag.TERMINATE_SESSION
            assert await scene.agent.settle(10)
            assert await scene.running == 0
            assert scene.person.screen() == b"Terminate signal received, exiting.\n" + EXITING
            assert scene.service.terminated == 0

    play(story())


def test_an_agent_too_old_to_be_told_is_ended_by_the_service(tmp_path: Path) -> None:
    async def story() -> None:
        async with LocalPort(tmp_path) as port, on_stage(listen=lambda _: port) as scene:
            await agree(scene.agent, SessionType.PORT, FORWARD, version="2.3.722.0")
            await scene.person.reads(b"Waiting for connections...\n")
            scene.client.interrupt(b"\x03")
            assert await scene.running == 0
            assert scene.service.terminated == 1

    play(story())


def test_a_port_that_is_taken_is_said_and_the_session_terminated() -> None:
    def taken(port: int) -> socket.socket:
        raise PortTaken("listen tcp 127.0.0.1:8080: bind: address already in use")

    async def story() -> None:
        async with on_stage(listen=taken) as scene:
            await agree(scene.agent, SessionType.PORT, FORWARD)
            assert await scene.running == 0
            assert b"Cannot perform start session: listen tcp 127.0.0.1:8080" in scene.person.screen()
            assert scene.service.terminated == 1

    play(story())


def test_nothing_but_the_session_s_bytes_is_on_the_standard_output_of_ssh() -> None:
    async def story() -> None:
        async with on_stage(quiet=True) as scene:
            await agree(scene.agent, SessionType.PORT, RAW)
            await scene.agent.write(b"SSH-2.0-x\r\n")
            assert await scene.person.reads(b"\n") == b"SSH-2.0-x\r\n"
            await close(scene.relay)
            assert await scene.running == 0
            assert scene.person.screen() == b""
            assert scene.person.complaints() == b""

    play(story())


def test_ssh_that_has_gone_ends_the_session_on_the_agent() -> None:
    async def story() -> None:
        async with on_stage(quiet=True) as scene:
            await agree(scene.agent, SessionType.PORT, RAW)
            scene.person.types(b"last words")
            scene.person.stops_typing()
            assert await next_message(scene.agent, PayloadType.OUTPUT) == b"last words"
            flag = await next_message(scene.agent, PayloadType.FLAG)
            assert Flag.from_payload(flag) is Flag.TERMINATE_SESSION
            assert await scene.running == 0

    play(story())


def test_why_a_raw_session_ended_is_said_on_standard_error() -> None:
    async def story() -> None:
        async with on_stage() as scene:
            await agree(scene.agent, SessionType.PORT, RAW)
            await close(scene.relay, "Connection to destination port failed.")
            assert await scene.running == 0
            assert scene.person.screen() == STARTING
            assert b"Connection to destination port failed." in scene.person.complaints()

    play(story())
