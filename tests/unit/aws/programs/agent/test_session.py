from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from pydantic import JsonValue

from tests.unit.aws.programs.memory_sockets import Relay, run
from whodunet.aws.programs.agent import session
from whodunet.aws.programs.agent.outcome import Outcome, SessionFailed
from whodunet.aws.programs.agent.session import SessionPlan, plan, run_session
from whodunet.aws.programs.channel_socket import ChannelSocket, SessionLost
from whodunet.aws.ssm.channel import Closed, Peer
from whodunet.aws.ssm.documents import DEFAULT_DOCUMENT, DOCUMENTS, SessionDocument, SessionType
from whodunet.aws.ssm.frames import Message, MessageType, PayloadType
from whodunet.aws.ssm.handshake import TIMED_OUT, ClientHandshake, Started
from whodunet.aws.ssm.payloads import AgentSessionState, SessionState, ShellContent, Size, TaskStatus


def order(document: str | SessionDocument, **parameters: str) -> ShellContent:
    """An order for a session."""
    content = DOCUMENTS[document] if isinstance(document, str) else document
    return ShellContent(document_name="a", document_content=content, session_id="ann-0abc", parameters=parameters)


def shell_with(**inputs: JsonValue) -> ShellContent:
    """An order for a shell with settings of its account."""
    return order(SessionDocument(session_type=SessionType.STANDARD_STREAM, inputs=inputs))


async def client(relay: Relay) -> tuple[Started | None, bytes, Closed | None]:
    """A client that agrees to everything: what it was told, all output, and how it ended if it was told so."""
    handshake, started, output = ClientHandshake("1.2.677.0"), None, b""
    async with ChannelSocket(Peer.CLIENT, partial(relay.dial, "client"), accepts=handshake.accepts) as socket:
        while not isinstance(event := await socket.receive(), Closed):
            for step in handshake.receive(event):
                if isinstance(step, Message):
                    await socket.send(step)
                else:
                    assert isinstance(step, Started)
                    started = step
                    await socket.send(Message(PayloadType.SIZE, Size.DEFAULT.to_payload()))
            output += event.payload if event.payload_type == PayloadType.OUTPUT else b""
    return started, output, event


async def play(plan: SessionPlan, stop: asyncio.Event | None = None) -> tuple[Outcome, Started | None, bytes, Relay]:
    """Runs a session with a client, whom the service tells its end."""
    relay = Relay()
    there = asyncio.create_task(client(relay))
    await relay.connected("client")
    outcome = await run_session(plan, "ann-0abc", partial(relay.dial, "agent"), stop or asyncio.Event())
    await relay.close("client", outcome.output)
    started, output, _ = await there
    return outcome, started, output, relay


def states(relay: Relay) -> list[SessionState]:
    """What the agent told the service about the session."""
    told = relay.sent(MessageType.AGENT_SESSION_STATE)
    return [AgentSessionState.from_payload(frame.payload).session_state for frame in told]


def saying(content: bytes) -> Callable[[ChannelSocket, str], Awaitable[None]]:
    """Work that says something and is done."""

    async def work(socket: ChannelSocket, _client_version: str) -> None:
        await socket.write(content)

    return work


def test_a_session_that_is_done_says_so_after_its_last_word() -> None:
    async def story() -> None:
        outcome, _, output, relay = await play(SessionPlan(None, saying(b"hello")))
        assert outcome == Outcome(TaskStatus.SUCCESS)
        assert output == b"hello"
        assert states(relay) == [SessionState.TERMINATING]
        of_the_agent = (MessageType.OUTPUT_STREAM_DATA, MessageType.AGENT_SESSION_STATE)
        assert [frame.message_type for frame in relay.carried if frame.message_type in of_the_agent] == [*of_the_agent]

    run(story())


def test_a_command_agrees_with_its_client_first() -> None:
    async def story() -> None:
        planned = plan(order("AWS-StartNonInteractiveCommand", command="echo hello"), ())
        outcome, started, output, _ = await play(planned)
        assert (outcome, output) == (Outcome(), b"hello\n")
        assert started is not None
        assert started.session_type is SessionType.NON_INTERACTIVE_COMMANDS

    run(story())


def test_an_interactive_command_has_a_terminal() -> None:
    async def story() -> None:
        outcome, started, output, _ = await play(plan(order("AWS-StartInteractiveCommand", command="tty"), ()))
        assert outcome == Outcome()
        assert output.startswith(b"/dev/pts/")
        assert started is not None

    run(story())


def test_a_shell_begins_without_a_handshake() -> None:
    assert plan(order(DEFAULT_DOCUMENT), ()).handshake is None


def test_a_port_session_tells_the_client_where_it_leads() -> None:
    async def story() -> None:
        planned = plan(order("AWS-StartPortForwardingSessionToRemoteHost", host="169.254.169.254", portNumber="80"), ())
        outcome, started, _, _ = await play(planned)
        assert outcome == Outcome.failed("Forwarding to IP address 169.254.169.254 is forbidden.")
        assert started is not None
        assert started.properties == {
            "host": "169.254.169.254",
            "portNumber": "80",
            "localPortNumber": "0",
            "type": "LocalPortForwarding",
        }

    run(story())


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (order("AWS-StartNonInteractiveCommand", command=" "), "CommandProperties: linux.commands"),
        (order("AWS-StartNonInteractiveCommand", command="'unbalanced"), "Failed to parse commands input"),
        (order("AWS-StartPortForwardingSession", portNumber="99999"), "PortProperties: portNumber"),
        (shell_with(kmsKeyId="alias/key"), "cannot encrypt a session with a KMS key"),
        (shell_with(runAsEnabled="yes"), "ShellInputs: runAsEnabled"),
    ],
)
def test_an_order_that_cannot_be_carried_out_fails_once_the_client_is_there(wrong: ShellContent, why: str) -> None:
    async def story() -> None:
        outcome, started, output, relay = await play(plan(wrong, ()))
        assert outcome.status is TaskStatus.FAILED
        assert why in outcome.output
        assert started is not None
        assert output == b""
        assert states(relay) == [SessionState.TERMINATING]

    run(story())


def test_a_client_that_does_not_answer_fails_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "TIMEOUT_S", 0)

    async def story() -> None:
        planned = plan(order("AWS-StartNonInteractiveCommand", command="echo hello"), ())
        outcome = await run_session(planned, "ann-0abc", partial(Relay().dial, "agent"), asyncio.Event())
        assert outcome == Outcome.failed(TIMED_OUT)

    monkeypatch.setattr(session, "_DRAIN_S", 0)
    run(story())


def test_a_session_that_is_stopped_ends_cleanly() -> None:
    async def story() -> None:
        stop, gone = asyncio.Event(), []

        async def work(socket: ChannelSocket, _client_version: str) -> None:
            await socket.write(b"hello")
            stop.set()
            try:
                await asyncio.Event().wait()
            finally:
                gone.append(True)

        outcome, _, output, relay = await play(SessionPlan(None, work), stop)
        assert (outcome, output) == (Outcome(), b"hello")
        assert states(relay) == [SessionState.TERMINATING]
        assert gone

    run(story())


def test_work_that_waits_for_a_program_does_not_outlast_the_services_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_DRAIN_S", 0)

    async def story() -> None:
        relay = Relay()

        async def work(_socket: ChannelSocket, _client_version: str) -> None:
            await relay.connected("agent")
            await relay.close("agent")
            await asyncio.Event().wait()

        outcome = await run_session(SessionPlan(None, work), "s", partial(relay.dial, "agent"), asyncio.Event())
        assert outcome == Outcome()
        assert states(relay) == []

    run(story())


def test_a_session_that_the_service_ended_while_it_wrote_is_no_failure() -> None:
    async def story() -> None:
        relay = Relay()

        async def work(socket: ChannelSocket, _client_version: str) -> None:
            await relay.connected("agent")
            await relay.close("agent")
            await socket.ended()
            await socket.write(b"too late")

        outcome = await run_session(SessionPlan(None, work), "s", partial(relay.dial, "agent"), asyncio.Event())
        assert outcome == Outcome()

    run(story())


def test_a_session_whose_service_is_lost_fails() -> None:
    async def dial() -> None:
        raise SessionLost("Session is already terminated")

    async def story() -> None:
        async def work(socket: ChannelSocket, _client_version: str) -> None:
            await socket.receive()

        outcome = await run_session(SessionPlan(None, work), "s", dial, asyncio.Event())  # type: ignore[arg-type]
        assert outcome == Outcome.failed("The connection to the service was lost: Session is already terminated")

    run(story())


def test_work_that_does_not_notice_the_loss_fails_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_DRAIN_S", 0)

    async def dial() -> None:
        raise SessionLost("gone")

    async def story() -> None:
        async def work(_socket: ChannelSocket, _client_version: str) -> None:
            await asyncio.Event().wait()

        outcome = await run_session(SessionPlan(None, work), "s", dial, asyncio.Event())  # type: ignore[arg-type]
        assert outcome == Outcome.failed("The connection to the service was lost: gone")

    run(story())


def test_a_failure_in_the_middle_is_told() -> None:
    async def story() -> None:
        async def work(socket: ChannelSocket, _client_version: str) -> None:
            await socket.write(b"so far")
            raise SessionFailed("no further")

        outcome, _, output, _ = await play(SessionPlan(None, work))
        assert (outcome, output) == (Outcome.failed("no further"), b"so far")

    run(story())
