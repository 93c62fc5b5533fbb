from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whodunet.aws.ssm.frames import Frame, Message, MessageType, NewId, Now, PayloadType
from whodunet.aws.ssm.payloads import Acknowledge
from whodunet.aws.ssm.stream import BufferFull, Received, Receiver, RetransmissionTimer, Sender

INPUT = MessageType.INPUT_STREAM_DATA


def at(seconds: float) -> Now:
    """The moment so many seconds after the start."""
    return Now(monotonic_s=seconds, epoch_ms=1_700_000_000_000 + int(seconds * 1000))


def ids() -> NewId:
    """Identifiers, counted."""
    return (UUID(int=number) for number in count(1)).__next__


def output(content: bytes) -> Message:
    """A message with bytes of a terminal."""
    return Message(PayloadType.OUTPUT, content)


def sender(capacity: int = 100) -> Sender:
    """A client's sender."""
    return Sender(INPUT, ids(), capacity)


def sent(number: int) -> list[Frame]:
    """So many frames, numbered from 0."""
    source = sender()
    return [source.send(output(b"%d" % index), at(0)) for index in range(number)]


def acknowledged(frame: Frame) -> int:
    """The number that an acknowledgement names."""
    assert (frame.message_type, frame.sequence, frame.flags, frame.payload_type) == (MessageType.ACKNOWLEDGE, 0, 3, 0)
    return Acknowledge.from_payload(frame.payload).acknowledged_message_sequence_number


class Network:
    """Two directions that lose, double and delay as told, and behave once they have been told nothing more."""

    def __init__(self, fates: Iterator[list[float]]) -> None:
        self._fates = fates
        self._under_way: list[tuple[float, int, Frame]] = []
        self._order = count()

    def carry(self, frame: Frame, now_s: float) -> None:
        """Takes a frame: each delay of its fate is one copy that arrives."""
        for delay_s in next(self._fates, [0.02]):
            heapq.heappush(self._under_way, (now_s + delay_s, next(self._order), frame))

    def next_at_s(self) -> float | None:
        """When the next frame arrives."""
        return self._under_way[0][0] if self._under_way else None

    def arrived(self) -> Frame:
        """That frame."""
        return heapq.heappop(self._under_way)[2]


def run(contents: list[bytes], network: Network) -> tuple[list[bytes], Sender]:
    """What arrives of the contents until nothing is under way or awaited, and the sender then."""
    source, target = sender(), Receiver(ids())
    delivered: list[bytes] = []
    for content in contents:
        network.carry(source.send(output(content), at(0)), 0)
    for _ in range(10_000):
        arrives_s, wakes_s = network.next_at_s(), source.wake_at_s
        if arrives_s is None and wakes_s is None:
            return delivered, source
        if wakes_s is not None and (arrives_s is None or wakes_s < arrives_s):
            resent = source.due(at(wakes_s))
            assert resent is not None
            network.carry(resent, wakes_s)
            continue
        assert arrives_s is not None
        frame = network.arrived()
        if frame.message_type == MessageType.ACKNOWLEDGE:
            source.acknowledge(acknowledged(frame), at(arrives_s))
            continue
        received = target.receive(frame, at(arrives_s))
        delivered += [message.payload for message in received.delivered]
        for acknowledgement in received.acknowledgements:
            network.carry(acknowledgement, arrives_s)
    raise AssertionError("the stream does not settle")


fates = st.lists(st.lists(st.floats(0, 5), max_size=3), max_size=80)


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=3), max_size=30), fates)
def test_whatever_is_lost_doubled_or_reordered_every_byte_arrives_once_and_in_order(
    contents: list[bytes], fates: list[list[float]]
) -> None:
    delivered, source = run(contents, Network(iter(fates)))
    assert delivered == contents
    assert source.unacknowledged == 0


def test_messages_are_numbered_from_0() -> None:
    assert [frame.sequence for frame in sent(3)] == [0, 1, 2]


def test_the_agents_first_output_alone_is_flagged() -> None:
    agent = Sender(MessageType.OUTPUT_STREAM_DATA, ids())
    assert [agent.send(output(b"x"), at(0)).flags for _ in range(3)] == [1, 0, 0]
    assert [frame.flags for frame in sent(2)] == [0, 0]


def test_an_acknowledgement_counts_however_early_it_comes() -> None:
    source = sender()
    frame = source.send(output(b"x"), at(0))  # not written to any socket yet
    assert source.acknowledge(frame.sequence, at(0))
    assert (source.unacknowledged, source.wake_at_s) == (0, None)


def test_an_acknowledgement_is_for_one_message_only() -> None:
    source = sender()
    for _ in range(3):
        source.send(output(b"x"), at(0))
    source.acknowledge(2, at(0))
    assert source.unacknowledged == 2


def test_an_acknowledgement_of_what_was_never_sent_changes_nothing() -> None:
    source = sender()
    assert not source.acknowledge(0, at(0))
    source.send(output(b"x"), at(0))
    assert source.unacknowledged == 1


def test_only_the_oldest_message_is_resent_and_not_before_its_time() -> None:
    source = sender()
    first = source.send(output(b"a"), at(0))
    source.send(output(b"b"), at(0))
    assert source.wake_at_s == 0.2
    assert source.due(at(0.19)) is None
    assert source.due(at(0.2)) is first
    assert source.due(at(0.2)) is None
    assert source.resends == 1


def test_the_next_oldest_is_due_at_once_if_it_has_waited_as_long() -> None:
    source = sender()
    source.send(output(b"a"), at(0))
    second = source.send(output(b"b"), at(0))
    source.acknowledge(0, at(1))
    assert source.due(at(1.5)) is second


def test_a_full_buffer_takes_nothing_and_drops_nothing() -> None:
    source = sender(capacity=2)
    source.send(output(b"a"), at(0))
    source.send(output(b"b"), at(0))
    assert source.room == 0
    with pytest.raises(BufferFull, match="2 messages"):
        source.send(output(b"c"), at(0))
    source.acknowledge(0, at(0))
    assert source.send(output(b"c"), at(0)).sequence == 2


def test_on_a_new_socket_everything_unacknowledged_is_written_in_order() -> None:
    source = sender()
    frames = [source.send(output(b"%d" % index), at(0)) for index in range(4)]
    source.acknowledge(1, at(0.1))
    assert source.replay(at(9)) == [frames[0], frames[2], frames[3]]
    assert source.wake_at_s == pytest.approx(9 + source.timer.timeout_s)


def test_the_timeout_follows_the_round_trips() -> None:
    timer = RetransmissionTimer()
    assert timer.timeout_s == 0.2
    timer.sample(0.2)
    assert timer.timeout_s == pytest.approx(0.2 + 4 * 0.1)
    timer.sample(0.3)
    assert timer.timeout_s == pytest.approx(0.2125 + 4 * 0.1)


def test_the_timeout_stays_within_its_bounds() -> None:
    timer = RetransmissionTimer()
    timer.sample(0.0001)
    assert timer.timeout_s == 0.1
    timer.sample(50)
    assert timer.timeout_s == 1


def test_a_path_slower_than_the_first_timeout_is_learnt() -> None:
    source, now_s, resent = sender(), 0.0, 0
    for sequence in range(4):
        source.send(output(b"x"), at(now_s))
        resent += sum(source.due(at(now_s + 0.01 * step)) is not None for step in range(30))
        now_s += 0.3
        source.acknowledge(sequence, at(now_s))
    assert resent == 1


def test_a_message_that_was_sent_twice_teaches_no_round_trip() -> None:
    source = sender()
    source.send(output(b"x"), at(0))
    source.due(at(0.5))
    source.acknowledge(0, at(0.501))
    assert source.timer.timeout_s == 0.4


def numbers(received: Received) -> list[int]:
    """Which messages were acknowledged."""
    return [acknowledged(frame) for frame in received.acknowledgements]


def test_messages_are_delivered_in_order_and_acknowledged_one_by_one() -> None:
    a, b, c = sent(3)
    target = Receiver(ids())
    late = [target.receive(frame, at(0)) for frame in (c, b, a)]
    assert [received.delivered for received in late] == [(), (), (a.message, b.message, c.message)]
    assert [numbers(received) for received in late] == [[], [], [0, 1, 2]]


def test_the_acknowledgement_names_type_and_identifier() -> None:
    (frame,) = sent(1)
    (acknowledgement,) = Receiver(ids()).receive(frame, at(0)).acknowledgements
    payload = Acknowledge.from_payload(acknowledgement.payload)
    assert (payload.acknowledged_message_type, payload.acknowledged_message_id) == (
        "input_stream_data",
        frame.message_id,
    )


def test_a_repetition_is_acknowledged_again_and_not_delivered() -> None:
    a, b = sent(2)
    target = Receiver(ids())
    for frame in (a, b):
        target.receive(frame, at(0))
    for frame in (a, b):
        again = target.receive(frame, at(1))
        assert numbers(again) == [frame.sequence]
        assert again.delivered == ()


def test_a_repetition_of_what_waits_is_delivered_once() -> None:
    a, b = sent(2)
    target = Receiver(ids())
    for _ in range(2):
        assert target.receive(b, at(0)) == Received((), ())
    assert target.receive(a, at(0)).delivered == (a.message, b.message)


def test_a_message_that_is_not_accepted_waits_and_is_acknowledged_when_it_is_delivered() -> None:
    a, b = sent(2)
    ready: list[bool] = []
    target = Receiver(ids(), accepts=lambda _: bool(ready))
    for frame in (a, b, a):
        assert target.receive(frame, at(0)) == Received((), ())
    ready.append(True)
    drained = target.drain(at(1))
    assert drained.delivered == (a.message, b.message)
    assert numbers(drained) == [0, 1]
    assert target.drain(at(1)) == Received((), ())


def test_what_lies_behind_a_message_that_is_not_accepted_waits_too() -> None:
    a, b = sent(2)
    accepted = [b.message]
    target = Receiver(ids(), accepts=accepted.__contains__)
    assert [target.receive(frame, at(0)).delivered for frame in (a, b)] == [(), ()]
    accepted.append(a.message)
    assert target.drain(at(0)).delivered == (a.message, b.message)


def test_what_there_is_no_room_for_has_to_come_again() -> None:
    a, b, c = sent(3)
    target = Receiver(ids(), capacity=1)
    target.receive(b, at(0))
    target.receive(c, at(0))
    assert target.receive(a, at(0)).delivered == (a.message, b.message)
    assert target.receive(c, at(0)).delivered == (c.message,)


def test_the_room_is_counted_in_bytes_too() -> None:
    source = sender()
    a, b, c, d = (source.send(output(content), at(0)) for content in (b"a", b"bb", b"c", b"dd"))
    target = Receiver(ids(), capacity_bytes=2)
    target.receive(b, at(0))
    target.receive(c, at(0))
    assert target.receive(a, at(0)).delivered == (a.message, b.message)
    target.receive(d, at(0))
    assert target.receive(c, at(0)).delivered == (c.message, d.message)


def test_a_negative_number_is_ignored() -> None:
    frame = Frame(INPUT, UUID(int=1), 1, b"x", sequence=-1)
    assert Receiver(ids()).receive(frame, at(0)) == Received((), ())


def test_repetitions_take_no_room() -> None:
    a, b, c = sent(3)
    target = Receiver(ids(), capacity=1)
    for _ in range(3):
        target.receive(a, at(0))
    target.receive(c, at(0))
    assert target.receive(b, at(0)).delivered == (b.message, c.message)


def test_the_timeout_leaves_10_ms_on_a_path_that_never_varies() -> None:
    timer = RetransmissionTimer()
    for _ in range(100):
        timer.sample(0.3)
    assert timer.timeout_s == pytest.approx(0.31)
