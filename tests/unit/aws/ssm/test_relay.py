from __future__ import annotations

from dataclasses import replace
from itertools import count
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whodunet.aws.ssm.channel import Closed, DataChannel, Peer
from whodunet.aws.ssm.frames import Frame, Message, MessageType, NewId, Now, PayloadType, parse, serialise
from whodunet.aws.ssm.payloads import (
    Acknowledge,
    AgentSessionState,
    ChannelClosed,
    SessionState,
    acknowledge,
    control_frame,
)
from whodunet.aws.ssm.relay import (
    HELD_BYTES,
    HELD_FRAMES,
    Decision,
    Disconnect,
    Refused,
    SessionRelay,
    StateReported,
    Write,
)

AGENT, CLIENT = 1, 2  # their first sockets


def at(seconds: float) -> Now:
    """The moment so many seconds after the start."""
    return Now(monotonic_s=seconds, epoch_ms=1_700_000_000_000 + int(seconds * 1000))


def ids() -> NewId:
    """Identifiers, counted."""
    return (UUID(int=number) for number in count(1)).__next__


NOW = at(0)


def stream(message_type: MessageType, sequence: int, payload: bytes = b"x") -> bytes:
    """One stream message."""
    return serialise(Frame(message_type, UUID(int=99), 1, payload, sequence, payload_type=PayloadType.OUTPUT))


def output(sequence: int, payload: bytes = b"x") -> bytes:
    """One message of the agent."""
    return stream(MessageType.OUTPUT_STREAM_DATA, sequence, payload)


def typed(sequence: int, payload: bytes = b"x") -> bytes:
    """One message of the client."""
    return stream(MessageType.INPUT_STREAM_DATA, sequence, payload)


def acknowledgement(of: bytes) -> bytes:
    """The acknowledgement of a message."""
    return serialise(acknowledge(parse(of), ids(), NOW))


def joined(*, speaks: bool = True) -> SessionRelay:
    """A session with both sides there; the agent has spoken, and the client has acknowledged nothing."""
    relay = SessionRelay("dev-0123", ids())
    relay.joined(Peer.AGENT, AGENT, NOW)
    relay.joined(Peer.CLIENT, CLIENT, NOW)
    if speaks:
        relay.received(AGENT, output(0), NOW)
    return relay


def kinds(decisions: list[Decision]) -> list[tuple[int, str]]:
    """Who is written what."""
    assert all(isinstance(decision, Write) for decision in decisions)
    return [(it.socket_id, str(parse(it.wire).message_type)) for it in decisions if isinstance(it, Write)]


def test_both_sides_get_each_others_bytes_as_they_are() -> None:
    relay = joined()
    for source, target, wire in (
        (AGENT, CLIENT, output(1, b"$ ")),
        (CLIENT, AGENT, typed(0, b"ls")),
        (AGENT, CLIENT, acknowledgement(typed(0))),
        (CLIENT, AGENT, acknowledgement(output(1))),
    ):
        assert relay.received(source, wire, NOW) == [Write(target, wire)]


def test_input_waits_until_the_agents_first_output_and_then_follows_it() -> None:
    relay = joined(speaks=False)
    size, keys = typed(0, b"size"), typed(1, b"ls")
    assert relay.received(CLIENT, size, NOW) == []
    assert relay.received(CLIENT, keys, NOW) == []
    first = output(0)
    assert relay.received(AGENT, first, NOW) == [Write(CLIENT, first), Write(AGENT, size), Write(AGENT, keys)]
    assert relay.received(AGENT, output(1), NOW) == [Write(CLIENT, output(1))]


def test_an_acknowledgement_of_the_agent_is_no_output() -> None:
    relay = joined(speaks=False)
    relay.received(CLIENT, typed(0), NOW)
    wire = acknowledgement(typed(0))
    assert relay.received(AGENT, wire, NOW) == [Write(CLIENT, wire)]


def test_waiting_input_that_is_resent_waits_once() -> None:
    relay = joined(speaks=False)
    for _ in range(HELD_FRAMES + 1):
        assert relay.received(CLIENT, typed(0), NOW) == []
    assert kinds(relay.received(AGENT, output(0), NOW)) == [
        (CLIENT, "output_stream_data"),
        (AGENT, "input_stream_data"),
    ]


def test_no_more_frames_wait_than_there_is_room_for() -> None:
    relay = joined(speaks=False)
    for sequence in range(HELD_FRAMES):
        assert relay.received(CLIENT, typed(sequence), NOW) == []
    (refused,) = relay.received(CLIENT, typed(HELD_FRAMES), NOW)
    assert isinstance(refused, Refused)
    assert len(relay.received(AGENT, output(0), NOW)) == 1 + HELD_FRAMES


def test_no_more_bytes_wait_than_there_is_room_for() -> None:
    relay = joined(speaks=False)
    wire = typed(0, bytes(200_000))
    fit = HELD_BYTES // len(wire)
    answers = [relay.received(CLIENT, typed(sequence, bytes(200_000)), NOW) for sequence in range(fit + 1)]
    assert answers[:-1] == [[]] * fit
    assert isinstance(answers[-1][0], Refused)


def test_an_agent_known_to_listen_gets_input_at_once() -> None:
    relay = SessionRelay("dev-0123", ids(), agent_listens=True)
    relay.joined(Peer.CLIENT, CLIENT, NOW)
    early, later = typed(0), typed(1)
    assert relay.received(CLIENT, early, NOW) == []
    assert relay.joined(Peer.AGENT, AGENT, NOW) == [Write(AGENT, early)]
    assert relay.received(CLIENT, later, NOW) == [Write(AGENT, later)]


def test_input_waits_for_an_agent_that_is_away() -> None:
    relay = joined()
    relay.left(AGENT, NOW)
    assert relay.received(CLIENT, typed(0), NOW) == []
    assert relay.joined(Peer.AGENT, 7, NOW) == [Write(7, typed(0))]


def test_output_for_a_client_that_is_away_is_left_to_the_agent_to_resend() -> None:
    relay = joined()
    relay.left(CLIENT, NOW)
    assert relay.received(AGENT, output(1), NOW) == []
    relay.joined(Peer.CLIENT, 7, NOW)
    assert relay.received(AGENT, output(1), NOW) == [Write(7, output(1))]


def test_output_that_the_client_has_acknowledged_is_acknowledged_again_and_not_passed_on() -> None:
    relay = joined()
    relay.received(CLIENT, acknowledgement(output(0)), NOW)
    (answer,) = relay.received(AGENT, output(0), NOW)
    assert isinstance(answer, Write)
    assert answer.socket_id == AGENT
    payload = Acknowledge.from_payload(parse(answer.wire).payload)
    assert (payload.acknowledged_message_type, payload.acknowledged_message_sequence_number) == (
        "output_stream_data",
        0,
    )


def test_output_that_the_client_has_not_acknowledged_is_passed_on_again() -> None:
    relay = joined()
    relay.received(AGENT, output(1), NOW)
    relay.received(CLIENT, acknowledgement(output(1)), NOW)
    assert relay.received(AGENT, output(0), NOW) == [Write(CLIENT, output(0))]


def test_an_acknowledgement_is_remembered_even_if_the_agent_is_away() -> None:
    relay = joined()
    relay.left(AGENT, NOW)
    assert relay.received(CLIENT, acknowledgement(output(0)), NOW) == []
    relay.joined(Peer.AGENT, 7, NOW)
    assert kinds(relay.received(7, output(0), NOW)) == [(7, "acknowledge")]


def test_output_is_never_taken_away_by_an_acknowledgement_in_advance() -> None:
    relay = joined()
    relay.received(CLIENT, acknowledgement(output(1)), NOW)
    assert relay.received(AGENT, output(1), NOW) == [Write(CLIENT, output(1))]


def test_the_agents_state_is_for_the_service_alone() -> None:
    payload = AgentSessionState(session_state=SessionState.TERMINATING, session_id="dev-0123").to_payload()
    wire = serialise(control_frame(MessageType.AGENT_SESSION_STATE, payload, ids(), NOW))
    assert joined().received(AGENT, wire, NOW) == [StateReported(SessionState.TERMINATING)]


def test_a_newer_socket_takes_the_place_of_the_older() -> None:
    relay = joined()
    assert relay.joined(Peer.CLIENT, 7, NOW) == [Disconnect(CLIENT, "a newer connection took its place")]
    assert relay.received(CLIENT, typed(0), NOW) == []
    assert relay.left(CLIENT, NOW) == []
    assert relay.received(AGENT, output(1), NOW) == [Write(7, output(1))]


def test_the_agent_pauses_while_the_client_is_away() -> None:
    relay = joined()
    assert kinds(relay.left(CLIENT, NOW)) == [(AGENT, "pause_publication")]
    assert kinds(relay.joined(Peer.CLIENT, 7, NOW)) == [(AGENT, "start_publication")]


def test_a_client_that_comes_for_the_first_time_starts_nothing() -> None:
    relay = SessionRelay("dev-0123", ids())
    assert relay.joined(Peer.AGENT, AGENT, NOW) == []
    assert relay.joined(Peer.CLIENT, CLIENT, NOW) == []


@pytest.mark.parametrize("client_is_back", [True, False])
def test_an_agent_that_comes_back_is_told_whether_anybody_listens(client_is_back: bool) -> None:
    relay = joined()
    relay.left(AGENT, NOW)
    assert relay.left(CLIENT, NOW) == []
    if client_is_back:
        assert relay.joined(Peer.CLIENT, 7, NOW) == []
    told = "start_publication" if client_is_back else "pause_publication"
    assert kinds(relay.joined(Peer.AGENT, 8, NOW)) == [(8, told)]


def test_the_end_is_told_to_both_once() -> None:
    relay = joined()
    decisions = relay.close("idle for too long", at(5))
    assert kinds([it for it in decisions if isinstance(it, Write)]) == [
        (AGENT, "channel_closed"),
        (CLIENT, "channel_closed"),
    ]
    assert [it.socket_id for it in decisions if isinstance(it, Disconnect)] == [AGENT, CLIENT]
    assert relay.closed
    assert relay.close("again", at(6)) == []


def test_who_comes_after_the_end_is_told_and_disconnected() -> None:
    relay = joined()
    relay.close("gone", NOW)
    farewell, disconnect = relay.joined(Peer.CLIENT, 7, at(9))
    assert isinstance(farewell, Write)
    payload = ChannelClosed.from_payload(parse(farewell.wire).payload)
    assert (farewell.socket_id, payload.session_id, payload.output) == (7, "dev-0123", "gone")
    assert disconnect == Disconnect(7, "the session is over")


def test_after_the_end_nothing_is_passed_on() -> None:
    relay = joined()
    relay.close("", NOW)
    assert relay.received(AGENT, output(1), NOW) == []
    assert relay.received(CLIENT, typed(0), NOW) == []
    assert relay.left(CLIENT, NOW) == []


FORGED = {
    "a client ends the channel": (CLIENT, MessageType.CHANNEL_CLOSED),
    "a client pauses the agent": (CLIENT, MessageType.PAUSE_PUBLICATION),
    "a client speaks for the agent": (CLIENT, MessageType.OUTPUT_STREAM_DATA),
    "a client tells the agent's state": (CLIENT, MessageType.AGENT_SESSION_STATE),
    "an agent speaks for the client": (AGENT, MessageType.INPUT_STREAM_DATA),
    "an agent ends the client's channel": (AGENT, MessageType.CHANNEL_CLOSED),
    "an agent sends what nobody knows": (AGENT, MessageType("news")),
}


@pytest.mark.parametrize(("socket_id", "kind"), FORGED.values(), ids=FORGED)
def test_nothing_is_passed_on_if(socket_id: int, kind: MessageType) -> None:
    (refused,) = joined().received(socket_id, stream(kind, 1, b"{}"), NOW)
    assert isinstance(refused, Refused)
    assert str(kind) in refused.reason


@pytest.mark.parametrize("socket_id", [AGENT, CLIENT])
@pytest.mark.parametrize("wire", [b"", b"x" * 200, output(1)[:-1] + b"?", serialise(replace(parse(output(1))))[:119]])
def test_a_malformed_frame_is_refused_and_disturbs_nothing(socket_id: int, wire: bytes) -> None:
    relay = joined()
    (refused,) = relay.received(socket_id, wire, NOW)
    assert isinstance(refused, Refused)
    assert refused.socket_id == socket_id
    assert relay.received(AGENT, output(1), NOW) == [Write(CLIENT, output(1))]
    assert relay.received(CLIENT, typed(0), NOW) == [Write(AGENT, typed(0))]


@pytest.mark.parametrize("payload", [b"{}", b"nonsense"])
def test_an_unreadable_acknowledgement_is_refused(payload: bytes) -> None:
    wire = serialise(control_frame(MessageType.ACKNOWLEDGE, payload, ids(), NOW))
    (refused,) = joined().received(CLIENT, wire, NOW)
    assert isinstance(refused, Refused)


def test_the_last_stream_message_tells_how_long_a_session_is_idle() -> None:
    relay = joined()
    relay.received(CLIENT, typed(0), at(3))
    relay.received(AGENT, acknowledgement(typed(0)), at(4))
    relay.received(CLIENT, acknowledgement(output(0)), at(5))
    relay.received(AGENT, output(0), at(6))  # a resend that the relay answers by itself
    assert relay.active_at_s == 3


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["agent", "client"]), st.integers(0, 3)), max_size=25), st.integers(1, 40))
def test_sockets_that_are_cut_at_any_moment_lose_and_repeat_nothing(cuts: list[tuple[str, int]], lines: int) -> None:
    session = Session()
    session.agent.write(b"".join(b"%d\n" % line for line in range(lines)), NOW, message_bytes=7)
    for name, rounds in cuts:
        session.cut(Peer(name))
        for _ in range(rounds):
            session.pump_once()
        session.reconnect(Peer(name))
    for _ in range(200):
        session.pump_once()
    assert session.heard == b"".join(b"%d\n" % line for line in range(lines))
    assert session.agent.settled


class Session:
    """An agent's and a client's end of a channel with the relay between them."""

    def __init__(self) -> None:
        self.agent, self.client = DataChannel(Peer.AGENT, ids()), DataChannel(Peer.CLIENT, ids())
        self.heard = b""
        self._relay = SessionRelay("dev-0123", ids())
        self._ends = {Peer.AGENT: self.agent, Peer.CLIENT: self.client}
        self._sockets: dict[Peer, int] = {}
        self._numbers = count(1)
        self._now_s = 0.0
        for peer in Peer:
            self.reconnect(peer)

    def cut(self, peer: Peer) -> None:
        """Takes a socket away."""
        self._apply(self._relay.left(self._sockets.pop(peer), at(self._now_s)))

    def reconnect(self, peer: Peer) -> None:
        """Opens a new one."""
        self._sockets[peer] = next(self._numbers)
        self._ends[peer].reconnected(at(self._now_s))
        self._apply(self._relay.joined(peer, self._sockets[peer], at(self._now_s)))

    def pump_once(self) -> None:
        """Lets half a second pass: each end resends and writes what it has, into nothing without a socket."""
        self._now_s += 0.5
        for peer, end in self._ends.items():
            end.tick(at(self._now_s))
            for frame in end.take_frames():
                if peer in self._sockets:
                    self._apply(self._relay.received(self._sockets[peer], serialise(frame), at(self._now_s)))

    def _apply(self, decisions: list[Decision]) -> None:
        owners = {socket: peer for peer, socket in self._sockets.items()}
        for decision in decisions:
            if isinstance(decision, Write) and decision.socket_id in owners:
                self._hear(owners[decision.socket_id], parse(decision.wire))

    def _hear(self, peer: Peer, frame: Frame) -> None:
        for event in self._ends[peer].receive(frame, at(self._now_s)):
            assert not isinstance(event, Closed)
            assert isinstance(event, Message)
            self.heard += event.payload


def test_input_still_waits_for_an_agent_that_comes_back_before_it_has_spoken() -> None:
    relay = joined(speaks=False)
    relay.received(CLIENT, typed(0), NOW)
    relay.left(AGENT, NOW)
    assert relay.joined(Peer.AGENT, 7, NOW) == []
    assert relay.received(7, output(0), NOW) == [Write(CLIENT, output(0)), Write(7, typed(0))]


def test_a_witness_is_told_each_stream_message_that_is_not_refused() -> None:
    told: list[tuple[Peer, int]] = []
    relay = SessionRelay("dev-0123", ids(), witness=lambda peer, frame: told.append((peer, frame.sequence)))
    relay.joined(Peer.AGENT, AGENT, NOW)
    relay.received(AGENT, output(0), NOW)
    relay.joined(Peer.CLIENT, CLIENT, NOW)
    for wire in (typed(0), typed(0), acknowledgement(output(0)), output(1), b"no frame"):
        relay.received(CLIENT, wire, NOW)
    relay.received(AGENT, output(0), NOW)  # acknowledged before
    assert told == [(Peer.AGENT, 0), (Peer.CLIENT, 0), (Peer.CLIENT, 0)]


def test_a_witness_is_told_of_input_that_waits_for_the_agent() -> None:
    told: list[Peer] = []
    relay = SessionRelay("dev-0123", ids(), witness=lambda peer, _: told.append(peer))
    relay.joined(Peer.CLIENT, CLIENT, NOW)
    relay.received(CLIENT, typed(0), NOW)
    assert told == [Peer.CLIENT]
