"""Back-pressure between the two sides of a session, and what is remembered of those that ended."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.unit.aws.programs.control_plane.plane import INSTANCE, Plane, output, play, typed
from whodunet.aws.account.seal import Identity
from whodunet.aws.programs.control_plane.authentication import Caller
from whodunet.aws.programs.control_plane.sessions import LiveSession
from whodunet.aws.programs.control_plane.sockets import PeerSocket
from whodunet.aws.programs.control_plane.transcripts import Transcript
from whodunet.aws.ssm.channel import Peer
from whodunet.aws.ssm.documents import DEFAULT_DOCUMENT, DOCUMENTS
from whodunet.aws.ssm.session import Order

ANN = Identity("123456789012", "Developer", "ann")
ORDER = Order(
    session_id="ann-0123",
    owner=ANN,
    target=INSTANCE,
    document_name=DEFAULT_DOCUMENT,
    document=DOCUMENTS[DEFAULT_DOCUMENT],
    parameters={},
    started_at_s=1.0,
)


class Socket(PeerSocket):
    """A peer's socket as the session sees it."""

    def __init__(self) -> None:
        self.full, self.ended = False, False
        self.written: list[bytes] = []

    @property
    def crowded(self) -> bool:
        """As the test says."""
        return self.full

    @property
    def closing(self) -> bool:
        """Whether it was closed."""
        return self.ended

    def write(self, wire: bytes) -> None:
        """Notes what is written."""
        self.written.append(wire)

    def close(self, reason: str, code: int = 1000) -> None:
        """Notes that it is closed."""
        self.ended = True


class Table:
    """A session with both sides there; the agent has spoken."""

    def __init__(self, transcripts: Path) -> None:
        self.session = LiveSession(ORDER, Caller(ANN, "ASIA", 0), Transcript(transcripts, ORDER))
        self.agent, self.client = Socket(), Socket()
        self.agent_number = self.session.join(Peer.AGENT, self.agent)
        self.client_number = self.session.join(Peer.CLIENT, self.client)

    def agent_says(self, sequence: int) -> asyncio.Task[None]:
        """The agent's edge hands a message on."""
        return asyncio.create_task(self.session.receive(self.agent_number, output(sequence, b"x")))

    def client_says(self, sequence: int) -> asyncio.Task[None]:
        """The client's edge hands a message on."""
        return asyncio.create_task(self.session.receive(self.client_number, typed(sequence, b"x")))


async def settle() -> None:
    """Lets all that can happen happen."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_side_is_read_on_once_the_other_side_has_room(tmp_path: Path) -> None:
    async def story() -> None:
        table = Table(tmp_path)
        table.client.full = True
        handed_on = table.agent_says(0)
        await settle()
        assert not handed_on.done()
        assert len(table.client.written) == 1
        table.client.full = False
        table.session.socket_moved()
        await handed_on

    play(story)


def test_two_sides_that_are_both_full_are_both_read(tmp_path: Path) -> None:
    async def story() -> None:
        table = Table(tmp_path)
        table.client.full = True
        held_back = table.agent_says(0)
        await settle()
        assert not held_back.done()
        table.agent.full = True
        table.session.socket_moved()
        await held_back
        await table.client_says(0)

    play(story)


def test_input_passes_while_output_is_held_back(tmp_path: Path) -> None:
    async def story() -> None:
        table = Table(tmp_path)
        table.client.full = True
        held_back = table.agent_says(0)
        await table.client_says(0)
        assert len(table.agent.written) == 1
        held_back.cancel()

    play(story)


@pytest.mark.parametrize("gone", ["client leaves", "agent is replaced", "session ends"])
def test_nobody_is_held_back_for_ever(tmp_path: Path, gone: str) -> None:
    async def story() -> None:
        table = Table(tmp_path)
        table.client.full = True
        held_back = table.agent_says(0)
        await settle()
        if gone == "client leaves":
            table.session.leave(table.client_number)
        elif gone == "agent is replaced":
            table.session.join(Peer.AGENT, Socket())
        else:
            table.session.end("")
            table.session.socket_moved()
        await held_back

    play(story)


def test_a_socket_that_was_replaced_takes_nothing_away_when_it_goes(tmp_path: Path) -> None:
    async def story() -> None:
        table = Table(tmp_path)
        newer = Socket()
        table.session.join(Peer.CLIENT, newer)
        assert table.client.closing
        table.session.leave(table.client_number)
        await table.agent_says(0)
        assert len(newer.written) == 1

    play(story)


def test_a_session_ends_once(tmp_path: Path) -> None:
    async def story() -> None:
        table = Table(tmp_path)
        assert table.session.end("over")
        assert not table.session.end("again")
        assert len(table.client.written) == len(table.agent.written) == 1

    play(story)


def test_the_end_is_recorded_once_with_what_was_said(plane: Plane) -> None:
    async def story() -> None:
        sessions = plane.control_plane.sessions
        session = sessions.start(ORDER, Caller(ANN, "ASIA", 0))
        for _ in range(2):
            sessions.end(session, "over")
        names = [event["eventName"] for event in plane.events]
        assert names == ["SessionStarted", "SessionEnded"]
        details = plane.events[-1]["serviceEventDetails"]
        assert (details["reason"], details["bytesFromAgent"]) == ("over", 0)
        assert [it.order for it in sessions] == [ORDER]
        assert sessions.live("ann-0123") is None

    play(story)
