"""AgentMessage: the binary frame that data and control channels carry, both ways.

Reading is strict: lengths that do not fit together, a wrong digest or an unreadable name make the frame malformed, and
nothing is read past its end. Names and numbers that are merely unknown are kept, because newer programs send more.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Self
from uuid import UUID

from whodunet.aws.ssm.violations import MalformedFrame

MAX_PAYLOAD_BYTES = 256 * 1024  # a control channel's documents have up to 64 KiB, and are quoted once more inside JSON

FLAGS_FIRST = 1  # the agent's first output; no reader acts on flags
FLAGS_CONTROL = 3  # acknowledge and agent_session_state

_FIXED = struct.Struct(">I32sIQqQ16s32sII")  # everything before the payload
_HEADER_BYTES = _FIXED.size - 4  # HeaderLength leaves the payload's length out
_NAME_BYTES = 32
_SCHEMA_VERSION = 1
_PADDING = " \0"

NewId = Callable[[], UUID]


@dataclass(frozen=True, slots=True)
class Now:
    """One moment on two clocks: the one that never jumps, for timers, and the one that the other side can read."""

    monotonic_s: float
    epoch_ms: int

    @property
    def epoch_s(self) -> float:
        """Seconds since the epoch."""
        return self.epoch_ms / 1000


class MessageType(StrEnum):
    """What a frame is; an unknown name from the wire becomes a member that equals its text and is not `known`."""

    INPUT_STREAM_DATA = "input_stream_data"  # client to agent
    OUTPUT_STREAM_DATA = "output_stream_data"  # agent to client
    ACKNOWLEDGE = "acknowledge"
    AGENT_SESSION_STATE = "agent_session_state"
    CHANNEL_CLOSED = "channel_closed"
    START_PUBLICATION = "start_publication"
    PAUSE_PUBLICATION = "pause_publication"
    INTERACTIVE_SHELL = "interactive_shell"
    AGENT_TASK_ACKNOWLEDGE = "agent_task_acknowledge"
    AGENT_TASK_COMPLETE = "agent_task_complete"
    AGENT_JOB = "agent_job"
    AGENT_JOB_ACK = "agent_job_ack"
    AGENT_JOB_REPLY = "agent_job_reply"
    AGENT_JOB_REPLY_ACK = "agent_job_reply_ack"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_, member._value_ = f"UNKNOWN_{value}", value
        return member

    @property
    def known(self) -> bool:
        """Whether this is one of the names above."""
        return self._name_ in MessageType.__members__


class PayloadType(IntEnum):
    """What a stream message's payload is; an unknown number becomes a member that equals it and is not `known`."""

    NONE = 0  # acknowledge, agent_session_state, channel_closed
    OUTPUT = 1
    ERROR = 2
    SIZE = 3
    PARAMETER = 4
    HANDSHAKE_REQUEST = 5
    HANDSHAKE_RESPONSE = 6
    HANDSHAKE_COMPLETE = 7
    ENCRYPTION_CHALLENGE_REQUEST = 8
    ENCRYPTION_CHALLENGE_RESPONSE = 9
    FLAG = 10
    STDERR = 11
    EXIT_CODE = 12

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_, member._value_ = f"UNKNOWN_{value}", value
        return member

    @property
    def known(self) -> bool:
        """Whether this is one of the numbers above."""
        return self._name_ in PayloadType.__members__


@dataclass(frozen=True, slots=True)
class Message:
    """What one stream message says, without the number and the identifier that the way there needs."""

    payload_type: PayloadType
    payload: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """One AgentMessage; equal frames have equal bytes."""

    message_type: MessageType
    message_id: UUID
    created_ms: int  # since 1970, never 0
    payload: bytes  # never empty
    sequence: int = 0
    flags: int = 0
    payload_type: PayloadType = PayloadType.NONE
    schema_version: int = _SCHEMA_VERSION

    @property
    def message(self) -> Message:
        """What the frame carries for the session."""
        return Message(self.payload_type, self.payload)


def parse(wire: bytes, max_payload_bytes: int = MAX_PAYLOAD_BYTES) -> Frame:
    """Reads one frame that fills all of `wire`.

    A header longer than ours is read past: its payload begins at HeaderLength + 4.

    Raises:
        MalformedFrame: whatever the bytes are, nothing else.
    """
    _require(len(wire) >= _FIXED.size, f"a frame has at least {_FIXED.size} bytes, this one has {len(wire)}")
    header_bytes, name, schema, created, sequence, flags, halves, digest, kind, payload_bytes = _FIXED.unpack_from(wire)
    _require(header_bytes >= _HEADER_BYTES, f"HeaderLength is {header_bytes}, less than {_HEADER_BYTES}")
    _require(payload_bytes <= max_payload_bytes, f"PayloadLength is {payload_bytes}, more than {max_payload_bytes}")
    _require(payload_bytes > 0, "the payload is empty")
    payload = wire[header_bytes + 4 :]
    _require(len(payload) == payload_bytes, f"PayloadLength is {payload_bytes}, but {len(payload)} bytes follow")
    _require(created != 0, "CreatedDate is 0")
    _require(hashlib.sha256(payload).digest() == digest, "PayloadDigest is not the SHA-256 of the payload")
    return Frame(
        _message_type(name), UUID(bytes=_swap(halves)), created, payload, sequence, flags, PayloadType(kind), schema
    )


def carries(wire: bytes, message_type: MessageType) -> bool:
    """Whether bytes that `parse` has read, or `serialise` made, are a frame of this type."""
    return wire[4 : 4 + _NAME_BYTES].rstrip(_PADDING.encode()) == message_type.encode()


def serialise(frame: Frame) -> bytes:
    """The frame's bytes; `parse` gives an equal frame, if its limit allows the payload.

    Raises:
        MalformedFrame: if a field does not fit, or the payload is empty: no program of the protocol can send that.
    """
    _require(len(frame.payload) > 0, "the payload is empty")
    _require(frame.created_ms != 0, "CreatedDate is 0")
    try:
        fixed = _FIXED.pack(
            _HEADER_BYTES,
            _padded_name(frame.message_type),
            frame.schema_version,
            frame.created_ms,
            frame.sequence,
            frame.flags,
            _swap(frame.message_id.bytes),
            hashlib.sha256(frame.payload).digest(),
            frame.payload_type,
            len(frame.payload),
        )
    except struct.error as error:
        raise MalformedFrame(f"a number does not fit its field: {error}") from error
    return fixed + frame.payload


def _message_type(field: bytes) -> MessageType:
    name = field.decode("latin-1").strip(_PADDING)
    _require(_readable(name), f"MessageType {field!r} is not a name in ASCII")
    return MessageType(name)


def _padded_name(message_type: MessageType) -> bytes:
    name = str(message_type)
    fits = _readable(name) and len(name) <= _NAME_BYTES and name == name.strip(_PADDING)
    _require(fits, f"MessageType {name!r} is not a name in ASCII of at most {_NAME_BYTES} bytes")
    return name.encode("ascii").ljust(_NAME_BYTES)


def _readable(name: str) -> bool:
    return bool(name) and name.isascii() and name.isprintable()


def _swap(identifier: bytes) -> bytes:
    """The UUID's other byte order: on the wire its last 8 bytes come first."""
    return identifier[8:] + identifier[:8]


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise MalformedFrame(otherwise)
