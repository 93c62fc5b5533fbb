from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.unit.aws.programs.plugin.local_port import LocalPort
from tests.unit.aws.programs.plugin.stage import MemoryChannel, Person, play
from whodunet.aws.programs.channel_socket import SessionLost
from whodunet.aws.programs.plugin.kinds import session_for
from whodunet.aws.programs.plugin.local_session import Session
from whodunet.aws.programs.plugin.multiplexed_forward import MultiplexedForward
from whodunet.aws.programs.plugin.raw import RawSession
from whodunet.aws.programs.plugin.shell import Shell
from whodunet.aws.programs.plugin.single_forward import SingleForward
from whodunet.aws.ssm.documents import SessionType
from whodunet.aws.ssm.handshake import Started

FORWARD: JsonValue = {"portNumber": "22", "localPortNumber": "10022", "type": "LocalPortForwarding"}


def no_port(port: int) -> socket.socket:
    """There is none to be had."""
    raise SessionLost(f"cannot listen on localhost:{port}")


def session_of(started: Started, port: LocalPort | None = None) -> Session:
    """The session that the client would run."""
    sessions: list[Session] = []

    async def story() -> None:
        def listen(number: int) -> socket.socket:
            assert number in (0, 10022)
            return port or no_port(number)

        async with Person() as person:
            sessions.append(session_for(started, MemoryChannel(), person.streams(), "session-1", listen))
        await asyncio.sleep(0)

    play(story())
    return sessions[0]


@pytest.mark.parametrize("session_type", [kind for kind in SessionType if kind is not SessionType.PORT])
def test_whatever_is_no_port_is_a_shell(session_type: SessionType) -> None:
    assert isinstance(session_of(Started(session_type, None, "3.3.0.0")), Shell)


def test_a_port_without_a_type_is_raw() -> None:
    assert isinstance(session_of(Started(SessionType.PORT, {"portNumber": "22"}, "3.3.0.0")), RawSession)


@pytest.mark.parametrize(
    ("agent_version", "kind"),
    [("3.0.196.0", SingleForward), ("3.0.197.0", MultiplexedForward), ("3.3.0.0", MultiplexedForward)],
)
def test_the_agent_s_version_tells_how_a_forward_is_carried(
    agent_version: str, kind: type[Session], tmp_path: Path
) -> None:
    with LocalPort(tmp_path) as port:
        assert type(session_of(Started(SessionType.PORT, FORWARD, agent_version), port)) is kind


def test_a_port_that_is_taken_ends_the_session() -> None:
    with pytest.raises(SessionLost, match="cannot listen on localhost:10022"):
        session_of(Started(SessionType.PORT, FORWARD, "3.3.0.0"))


@pytest.mark.parametrize("properties", [None, {}, {"portNumber": 22}, {"portNumber": "x"}, "22"])
def test_properties_that_make_no_sense_end_the_session(properties: JsonValue) -> None:
    with pytest.raises(SessionLost, match="the agent's handshake: PortProperties"):
        session_of(Started(SessionType.PORT, properties, "3.3.0.0"))
