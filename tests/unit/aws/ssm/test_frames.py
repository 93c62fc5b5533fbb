from __future__ import annotations

import hashlib
import struct
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whodunet.aws.ssm import frames
from whodunet.aws.ssm.frames import Frame, Message, MessageType, PayloadType
from whodunet.aws.ssm.violations import MalformedFrame

IDENTIFIER = UUID("00112233-4455-6677-8899-aabbccddeeff")
HELLO = Frame(
    MessageType.OUTPUT_STREAM_DATA,
    IDENTIFIER,
    created_ms=1_700_000_000_123,
    payload=b"hello",
    sequence=7,
    flags=1,
    payload_type=PayloadType.OUTPUT,
)

names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=32)
any_frame = st.builds(
    Frame,
    message_type=st.one_of(st.sampled_from(MessageType), names.map(MessageType)),
    message_id=st.uuids(),
    created_ms=st.integers(1, 2**64 - 1),
    payload=st.binary(min_size=1, max_size=50),
    sequence=st.integers(-(2**63), 2**63 - 1),
    flags=st.integers(0, 2**64 - 1),
    payload_type=st.one_of(st.sampled_from(PayloadType), st.integers(0, 2**32 - 1).map(PayloadType)),
    schema_version=st.integers(0, 2**32 - 1),
)


def changed(offset: int, field: bytes) -> bytes:
    """The bytes of HELLO with a field written over."""
    wire = frames.serialise(HELLO)
    return wire[:offset] + field + wire[offset + len(field) :]


def test_each_field_has_its_place() -> None:
    wire = frames.serialise(HELLO)
    assert wire[:4] == struct.pack(">I", 116)
    assert wire[4:36] == b"output_stream_data" + b" " * 14
    assert struct.unpack(">IQqQ", wire[36:64]) == (1, 1_700_000_000_123, 7, 1)
    assert wire[80:112] == hashlib.sha256(b"hello").digest()
    assert struct.unpack(">II", wire[112:120]) == (1, 5)
    assert wire[120:] == b"hello"


def test_the_halves_of_the_identifier_are_swapped() -> None:
    assert frames.serialise(HELLO)[64:80].hex() == "8899aabbccddeeff0011223344556677"


@given(any_frame)
def test_what_is_serialised_is_parsed_to_an_equal_frame(frame: Frame) -> None:
    assert frames.parse(frames.serialise(frame)) == frame


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_parsed_or_called_malformed(wire: bytes) -> None:
    with suppress(MalformedFrame):
        frames.parse(wire)


@given(any_frame, st.integers(0, 200), st.binary(max_size=40))
def test_a_frame_that_turns_into_noise_is_parsed_or_called_malformed(frame: Frame, at: int, noise: bytes) -> None:
    wire = frames.serialise(frame)
    with suppress(MalformedFrame):
        frames.parse(wire[:at] + noise + wire[at + len(noise) :])


@given(any_frame, st.data())
def test_a_changed_payload_is_noticed(frame: Frame, data: st.DataObject) -> None:
    wire = bytearray(frames.serialise(frame))
    wire[data.draw(st.integers(120, len(wire) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(MalformedFrame, match="SHA-256"):
        frames.parse(bytes(wire))


def test_every_truncation_is_malformed() -> None:
    wire = frames.serialise(HELLO)
    for length in range(len(wire)):
        with pytest.raises(MalformedFrame):
            frames.parse(wire[:length])


MALFORMED = {
    "a frame has at least 120 bytes, this one has 3": b"abc",
    "HeaderLength is 115, less than 116": changed(0, struct.pack(">I", 115)),
    "PayloadLength is 5, but 1 bytes follow": changed(0, struct.pack(">I", 120)),
    "PayloadLength is 5, but 0 bytes follow": changed(0, struct.pack(">I", 2**32 - 1)),
    "PayloadLength is 6, but 5 bytes follow": changed(116, struct.pack(">I", 6)),
    "PayloadLength is 4, but 5 bytes follow": changed(116, struct.pack(">I", 4)),
    "PayloadLength is 4294967295, more than 262144": changed(116, struct.pack(">I", 2**32 - 1)),
    "the payload is empty": changed(116, struct.pack(">I", 0)),
    "CreatedDate is 0": changed(40, bytes(8)),
    "PayloadDigest is not the SHA-256 of the payload": changed(80, bytes(32)),
    "MessageType .* is not a name in ASCII": changed(4, b"\xff"),
}


@pytest.mark.parametrize(("why", "wire"), MALFORMED.items(), ids=MALFORMED)
def test_a_malformed_frame_is_told_what_is_wrong(why: str, wire: bytes) -> None:
    with pytest.raises(MalformedFrame, match=f"^{why}$"):
        frames.parse(wire)


@pytest.mark.parametrize("name", [b" " * 32, bytes(32), b"a\nb".ljust(32)])
def test_a_name_that_nobody_can_read_is_malformed(name: bytes) -> None:
    with pytest.raises(MalformedFrame, match="MessageType"):
        frames.parse(changed(4, name))


def test_a_name_may_be_padded_with_nuls() -> None:
    assert frames.parse(changed(4, b"acknowledge".ljust(32, b"\0"))).message_type is MessageType.ACKNOWLEDGE


def test_a_longer_header_is_read_past() -> None:
    wire = changed(0, struct.pack(">I", 119))
    assert frames.parse(wire[:120] + b"???" + wire[120:]) == HELLO


def test_the_limit_of_a_payload_is_the_callers() -> None:
    assert frames.parse(frames.serialise(HELLO), max_payload_bytes=5) == HELLO
    with pytest.raises(MalformedFrame, match="more than 4"):
        frames.parse(frames.serialise(HELLO), max_payload_bytes=4)


def test_unknown_names_and_numbers_are_kept() -> None:
    frame = replace(HELLO, message_type=MessageType("agent_telemetry"), payload_type=PayloadType(77))
    read = frames.parse(frames.serialise(frame))
    assert (read.message_type, read.payload_type) == ("agent_telemetry", 77)
    assert not read.message_type.known
    assert not read.payload_type.known


def test_known_names_and_numbers_are_the_members_themselves() -> None:
    read = frames.parse(frames.serialise(HELLO))
    assert (read.message_type, read.payload_type) == (MessageType.OUTPUT_STREAM_DATA, PayloadType.OUTPUT)
    assert read.message_type.known
    assert read.payload_type.known


@pytest.mark.parametrize("wrong", [MessageType, PayloadType])
def test_what_is_no_name_or_number_is_no_member(wrong: type[MessageType | PayloadType]) -> None:
    with pytest.raises(ValueError, match="not a valid"):
        wrong(None)  # type: ignore[arg-type]


UNSERIALISABLE = {
    "the payload is empty": replace(HELLO, payload=b""),
    "CreatedDate is 0": replace(HELLO, created_ms=0),
    "a number does not fit its field": replace(HELLO, sequence=2**63),
    "of at most 32 bytes": replace(HELLO, message_type=MessageType("x" * 33)),
    "is not a name in ASCII": replace(HELLO, message_type=MessageType("é")),
    "' padded' is not a name": replace(HELLO, message_type=MessageType(" padded")),
}


@pytest.mark.parametrize(("why", "frame"), UNSERIALISABLE.items(), ids=UNSERIALISABLE)
def test_a_frame_that_no_program_reads_is_not_serialised(why: str, frame: Frame) -> None:
    with pytest.raises(MalformedFrame, match=why):
        frames.serialise(frame)


def test_the_message_is_the_frame_without_its_way() -> None:
    assert HELLO.message == Message(PayloadType.OUTPUT, b"hello")


@given(any_frame)
def test_a_frames_type_is_told_without_reading_the_rest(frame: Frame) -> None:
    wire = frames.serialise(frame)
    assert frames.carries(wire, frame.message_type)
    assert frames.carries(wire, MessageType.ACKNOWLEDGE) == (frame.message_type == MessageType.ACKNOWLEDGE)
