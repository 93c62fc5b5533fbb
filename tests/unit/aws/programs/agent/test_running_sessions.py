from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

import pytest

from tests.unit.aws.programs.memory_sockets import MemorySocket, Relay, run
from whodunet.aws.programs.agent import session
from whodunet.aws.programs.agent.outcome import Outcome
from whodunet.aws.programs.agent.running_sessions import RunningSessions
from whodunet.aws.programs.channel_socket import Dial, SessionLost
from whodunet.aws.ssm.documents import DOCUMENTS
from whodunet.aws.ssm.frames import MessageType
from whodunet.aws.ssm.payloads import ShellContent, TaskStatus


@pytest.fixture(autouse=True)
def nobody_acknowledges(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no client here, and no use in waiting for it."""
    monkeypatch.setattr(session, "_DRAIN_S", 0)


def shell(session_id: str) -> ShellContent:
    """An order for a shell."""
    document = DOCUMENTS["SSM-SessionManagerRunShell"]
    return ShellContent(document_name="a", document_content=document, session_id=session_id)


class Ends:
    """Takes the reports of sessions that are over."""

    def __init__(self) -> None:
        self.reported: dict[str, Outcome] = {}

    async def report(self, session_id: str, outcome: Outcome) -> None:
        """A session is over."""
        assert session_id not in self.reported
        self.reported[session_id] = outcome

    async def all(self, number: int) -> None:
        """Waits for so many reports."""
        while len(self.reported) < number:
            await asyncio.sleep(0)


class Network:
    """A relay for each session."""

    def __init__(self) -> None:
        self.relays: dict[str, Relay] = {}

    def dial(self, session_id: str) -> Dial:
        """How to get to a session."""
        relay = self.relays.setdefault(session_id, Relay())
        return partial(relay.dial, "agent")

    async def prompts(self, session_id: str) -> None:
        """Waits for a shell's first word."""
        while session_id not in self.relays or not self.relays[session_id].sent(MessageType.OUTPUT_STREAM_DATA):
            await asyncio.sleep(0)


def test_sessions_run_side_by_side_and_each_end_is_reported() -> None:
    async def story() -> None:
        network, ends = Network(), Ends()
        sessions = RunningSessions(network.dial, ends.report, ())
        for name in ("a", "b", "c"):
            sessions.start(shell(name))
        for name in ("a", "b", "c"):
            await network.prompts(name)
        sessions.stop("b")
        await network.relays["a"].close("agent")
        await ends.all(2)
        assert set(ends.reported) == {"a", "b"}
        await sessions.end()
        assert ends.reported == dict.fromkeys("abc", Outcome())

    run(story())


def test_a_session_that_runs_is_not_started_twice() -> None:
    async def story() -> None:
        network, ends = Network(), Ends()
        sessions = RunningSessions(network.dial, ends.report, ())
        for _ in range(2):
            sessions.start(shell("a"))
        await network.prompts("a")
        await sessions.end()
        assert network.relays["a"].dialled == ["agent"]

    run(story())


@pytest.mark.parametrize("how", ["lost", "broken"])
def test_a_session_that_fails_is_reported_and_harms_no_other(how: str, caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> MemorySocket:
        if how == "lost":
            raise SessionLost("gone")
        raise ZeroDivisionError

    async def story() -> None:
        network, ends = Network(), Ends()

        def dial(session_id: str) -> Dial:
            return fail if session_id == "bad" else network.dial(session_id)

        sessions = RunningSessions(dial, ends.report, ())
        sessions.start(shell("good"))
        sessions.start(shell("bad"))
        await ends.all(1)
        assert ends.reported["bad"].status is TaskStatus.FAILED
        await network.prompts("good")
        await sessions.end()
        assert ends.reported["good"] == Outcome()

    caplog.set_level(logging.CRITICAL)
    run(story())


def test_what_cannot_be_started_is_reported() -> None:
    async def story() -> None:
        ends = Ends()
        sessions = RunningSessions(Network().dial, ends.report, ())
        sessions.refuse("a", "no document")
        await ends.all(1)
        assert ends.reported == {"a": Outcome.failed("no document")}

    run(story())


@pytest.mark.parametrize("stop", [lambda sessions: sessions.stop("nobody"), lambda sessions: sessions.stop("")])
def test_to_stop_what_does_not_run_is_nothing(stop: Callable[[RunningSessions], None]) -> None:
    async def story() -> None:
        sessions = RunningSessions(Network().dial, Ends().report, ())
        stop(sessions)
        await sessions.end()

    run(story())
