from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whodunet.aws.ssm.channel import Closed, DataChannel, Peer
from whodunet.aws.ssm.frames import Frame, Message, MessageType, NewId, Now, PayloadType, parse, serialise
from whodunet.aws.ssm.payloads import channel_closed, control_frame
from whodunet.aws.ssm.stream import MAX_RESENDS, BufferFull
from whodunet.aws.ssm.violations import MalformedPayload

WORD = Message(PayloadType.OUTPUT, b"word")


def at(seconds: float) -> Now:
    """The moment so many seconds after the start."""
    return Now(monotonic_s=seconds, epoch_ms=1_700_000_000_000 + int(seconds * 1000))


def ids() -> NewId:
    """Identifiers, counted."""
    return (UUID(int=number) for number in count(1)).__next__


def ends(capacity: int = 100) -> tuple[DataChannel, DataChannel]:
    """A client's and an agent's end."""
    return DataChannel(Peer.CLIENT, ids(), capacity=capacity), DataChannel(Peer.AGENT, ids(), capacity=capacity)


def carry(source: DataChannel, target: DataChannel, now: Now) -> list[Message]:
    """What the target makes of all that the source has to write."""
    events = [event for frame in source.take_frames() for event in target.receive(parse(serialise(frame)), now)]
    assert all(isinstance(event, Message) for event in events)
    return [event for event in events if isinstance(event, Message)]


def publication(kind: MessageType) -> Frame:
    """The service's word about whether anybody listens."""
    return control_frame(kind, b"{}", ids(), at(0))


def joined(messages: Sequence[Message]) -> bytes:
    """The bytes of some Output."""
    assert {message.payload_type for message in messages} <= {PayloadType.OUTPUT}
    return b"".join(message.payload for message in messages)


def test_each_end_hears_what_the_other_sends() -> None:
    client, agent = ends()
    client.send(WORD, at(0))
    assert carry(client, agent, at(0)) == [WORD]
    agent.send(Message(PayloadType.EXIT_CODE, b"0"), at(0))
    assert carry(agent, client, at(0)) == [Message(PayloadType.EXIT_CODE, b"0")]
    assert client.settled
    assert not agent.settled
    carry(client, agent, at(0))
    assert agent.settled


def test_an_end_does_not_hear_its_own_stream() -> None:
    client, _ = ends()
    client.send(WORD, at(0))
    (own,) = client.take_frames()
    assert client.receive(own, at(0)) == ()
    assert client.take_frames() == []


@given(st.binary(max_size=300), st.integers(1, 40))
def test_bytes_are_cut_into_messages_and_arrive_as_they_were(content: bytes, message_bytes: int) -> None:
    client, agent = ends(capacity=400)
    assert client.write(content, at(0), message_bytes) == len(content)
    messages = carry(client, agent, at(0))
    assert joined(messages) == content
    assert all(len(message.payload) <= message_bytes for message in messages)


def test_no_more_is_written_than_there_is_room_for() -> None:
    client, agent = ends(capacity=2)
    assert client.write(b"x" * 5000, at(0)) == 2048
    assert client.write(b"x", at(0)) == client.room == 0
    with pytest.raises(BufferFull):
        client.send(WORD, at(0))
    carry(client, agent, at(0))
    carry(agent, client, at(0))
    assert client.room == 2


def test_a_lost_message_is_resent_when_its_time_has_come() -> None:
    client, agent = ends()
    client.send(WORD, at(0))
    client.take_frames()
    client.tick(at(0.1))
    assert client.take_frames() == []
    assert client.wake_at_s is not None
    client.tick(at(client.wake_at_s))
    assert carry(client, agent, at(1)) == [WORD]


def test_a_silent_end_is_given_up() -> None:
    client, _ = ends()
    client.send(WORD, at(0))
    for second in range(1, MAX_RESENDS + 1):
        assert not client.exhausted
        client.tick(at(second * 2))
    assert client.exhausted


def test_a_paused_end_writes_nothing_and_then_everything() -> None:
    client, agent = ends()
    agent.receive(publication(MessageType.PAUSE_PUBLICATION), at(0))
    agent.write(b"while nobody listened", at(1), message_bytes=4)
    agent.tick(at(100))
    assert (agent.take_frames(), agent.wake_at_s) == ([], None)
    agent.receive(publication(MessageType.START_PUBLICATION), at(200))
    assert joined(carry(agent, client, at(200))) == b"while nobody listened"


def test_input_ends_a_pause_as_well() -> None:
    client, agent = ends()
    agent.receive(publication(MessageType.PAUSE_PUBLICATION), at(0))
    agent.send(WORD, at(0))
    client.send(WORD, at(0))
    carry(client, agent, at(1))
    assert carry(agent, client, at(1)) == [WORD]


def test_an_acknowledgement_ends_a_pause_as_well() -> None:
    client, agent = ends()
    agent.send(WORD, at(0))
    carry(agent, client, at(0))
    agent.receive(publication(MessageType.PAUSE_PUBLICATION), at(0))
    agent.send(Message(PayloadType.OUTPUT, b"later"), at(0))
    carry(client, agent, at(1))
    assert joined(carry(agent, client, at(1))) == b"later"


def test_start_publication_without_a_pause_repeats_nothing() -> None:
    _, agent = ends()
    agent.send(WORD, at(0))
    agent.take_frames()
    agent.receive(publication(MessageType.START_PUBLICATION), at(0))
    assert agent.take_frames() == []


def test_a_new_socket_gets_what_the_old_one_lost() -> None:
    client, agent = ends()
    agent.write(b"seen", at(0))
    carry(agent, client, at(0))
    carry(client, agent, at(0))
    agent.write(b"lost with the socket", at(1), message_bytes=3)
    agent.take_frames()
    agent.write(b", not written yet", at(1))
    agent.reconnected(at(2))
    assert joined(carry(agent, client, at(2))) == b"lost with the socket, not written yet"


def test_the_end_of_the_session_carries_its_text() -> None:
    client, _ = ends()
    assert client.receive(channel_closed("s-1", "idle for too long", ids(), at(0)), at(0)) == (
        Closed("idle for too long"),
    )


def test_an_unreadable_acknowledgement_is_reported_and_disturbs_nothing() -> None:
    client, agent = ends()
    client.send(WORD, at(0))
    with pytest.raises(MalformedPayload, match="Acknowledge"):
        client.receive(control_frame(MessageType.ACKNOWLEDGE, b"{}", ids(), at(0)), at(0))
    assert carry(client, agent, at(0)) == [WORD]


def test_unknown_message_types_mean_nothing() -> None:
    client, _ = ends()
    assert client.receive(control_frame(MessageType("news"), b"{}", ids(), at(0)), at(0)) == ()


def test_a_message_waits_until_the_session_is_ready() -> None:
    ready: list[bool] = []
    client = DataChannel(Peer.CLIENT, ids())
    agent = DataChannel(Peer.AGENT, ids(), accepts=lambda _: bool(ready))
    client.write(b"ab", at(0), message_bytes=1)
    assert carry(client, agent, at(0)) == []
    ready.append(True)
    assert joined(agent.drain(at(1))) == b"ab"
    assert agent.drain(at(1)) == ()
    carry(agent, client, at(1))
    assert client.settled


def test_what_is_told_outside_the_stream_is_written_once_and_has_no_number() -> None:
    _, agent = ends()
    agent.tell(MessageType.AGENT_SESSION_STATE, b"{}", at(0))
    (told,) = agent.take_frames()
    assert (told.message_type, told.payload, told.sequence) == (MessageType.AGENT_SESSION_STATE, b"{}", 0)
    agent.reconnected(at(1))
    assert agent.take_frames() == []
    assert agent.settled


def test_a_new_socket_gets_each_message_once() -> None:
    _, agent = ends()
    agent.write(b"abc", at(0), message_bytes=1)
    agent.reconnected(at(1))
    assert [frame.sequence for frame in agent.take_frames()] == [0, 1, 2]


def test_a_new_socket_ends_a_pause() -> None:
    _, agent = ends()
    agent.receive(publication(MessageType.PAUSE_PUBLICATION), at(0))
    agent.reconnected(at(1))
    agent.send(WORD, at(1))
    assert [frame.message for frame in agent.take_frames()] == [WORD]
