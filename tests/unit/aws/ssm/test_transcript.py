"""Transcripts: each message once, in order, however it came."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from whodunet.aws.ssm.frames import Frame, MessageType, PayloadType
from whodunet.aws.ssm.transcript import Counted, OrderedMessages


def output(sequence: int, payload: bytes = b"x", payload_type: PayloadType = PayloadType.OUTPUT) -> Frame:
    """One message of the agent."""
    return Frame(MessageType.OUTPUT_STREAM_DATA, UUID(int=9), 1, payload, sequence, payload_type=payload_type)


def told(messages: OrderedMessages, *frames: Frame) -> bytes:
    """What is told of these."""
    return b"".join(message.payload for frame in frames for message in messages.add(frame))


def test_messages_in_order_are_told_at_once() -> None:
    messages = OrderedMessages()
    assert told(messages, output(0, b"a")) == b"a"
    assert told(messages, output(1, b"b")) == b"b"


def test_a_message_that_comes_again_is_told_once() -> None:
    messages = OrderedMessages()
    assert told(messages, output(0, b"a"), output(0, b"a"), output(1, b"b"), output(0, b"a")) == b"ab"


def test_a_message_that_comes_too_early_waits() -> None:
    messages = OrderedMessages()
    assert told(messages, output(2, b"c"), output(1, b"b")) == b""
    assert told(messages, output(0, b"a")) == b"abc"


@given(st.permutations(range(12)), st.lists(st.integers(0, 11)))
def test_whatever_the_order_all_is_told_in_order_and_once(order: list[int], again: list[int]) -> None:
    messages = OrderedMessages()
    frames = [output(number, bytes([number])) for number in order + again]
    assert told(messages, *frames) == bytes(range(12))


def test_what_waits_is_bounded_and_leaves_a_gap() -> None:
    messages = OrderedMessages(most_waiting_bytes=10)
    assert told(messages, output(1, b"12345"), output(2, b"67890")) == b""
    assert told(messages, output(3, b"!")) == b"1234567890!"
    assert told(messages, output(0, b"too late"), output(4, b"?")) == b"?"


def test_only_what_the_user_sees_is_told_and_counted() -> None:
    counted = Counted(OrderedMessages())
    assert counted.add(output(0, b"{}", PayloadType.HANDSHAKE_REQUEST)) == b""
    assert counted.add(output(1, b"out")) == b"out"
    assert counted.add(output(2, b"err", PayloadType.STDERR)) == b"err"
    assert counted.add(output(1, b"out")) == b""
    assert counted.output_bytes == 6
