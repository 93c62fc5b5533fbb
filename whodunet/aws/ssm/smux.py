"""smux version 1: many connections over the one byte stream of a forwarded port.

Frames follow each other without regard to the messages that carry them: how the bytes are cut changes nothing about the
events. Version 1 has no windows, so whoever cannot keep up has to leave messages unacknowledged.

Source: amazon-ssm-agent and session-manager-plugin, observed behaviour.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import Enum, IntEnum

MAX_FRAME_BYTES = 32768  # of one frame's content
MAX_STREAMS = 1024  # open at a time; an end that opens more is not one that forwards a port
KEEPALIVE_S = 10.0  # how often to send a NOP where the other end asks for them
KEEPALIVE_TIMEOUT_S = 30.0  # after as long without a byte such an end gives up

_HEADER = struct.Struct("<BBHI")
_VERSION = 1
_LAST_ID = 2**32 - 1


class _Command(IntEnum):
    SYN = 0
    FIN = 1
    PSH = 2
    NOP = 3


class Side(Enum):
    """Which end one is; it decides the numbers of the streams that one opens: 3, 5, 7 ... or 2, 4, 6 ..."""

    CLIENT = 3
    SERVER = 2

    @property
    def other(self) -> Side:
        """The end that one talks to."""
        return Side.SERVER if self is Side.CLIENT else Side.CLIENT


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """The other end opened a stream."""

    stream: int


@dataclass(frozen=True, slots=True)
class StreamBytes:
    """The next bytes of a stream, never none."""

    stream: int
    content: bytes


@dataclass(frozen=True, slots=True)
class StreamFinished:
    """The other end sends no more on a stream; it is `over` if this end had said so before."""

    stream: int
    over: bool


@dataclass(frozen=True, slots=True)
class KeptAlive:
    """The other end is there."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The other end broke the protocol; no event follows, the session has to end."""

    reason: str


MuxEvent = StreamOpened | StreamBytes | StreamFinished | KeptAlive | Broken


class StreamOver(Exception):
    """Something was sent on a stream that is not open, or that this end has finished."""


class _Violation(Exception):
    """What becomes a `Broken`."""


@dataclass
class _Stream:
    finished_here: bool = False
    finished_there: bool = False

    @property
    def over(self) -> bool:
        return self.finished_here and self.finished_there


@dataclass
class Multiplexer:
    """One end; what its methods return is to be written, in order, to the byte stream."""

    role: Side
    max_frame_bytes: int = MAX_FRAME_BYTES
    max_streams: int = MAX_STREAMS
    _streams: dict[int, _Stream] = field(default_factory=dict, init=False)
    _unread: bytearray = field(default_factory=bytearray, init=False)
    _broken: bool = field(default=False, init=False)
    _next_id: int = field(init=False)

    def __post_init__(self) -> None:
        self._next_id = self.role.value

    @property
    def open_streams(self) -> frozenset[int]:
        """The streams that at least one end has not finished."""
        return frozenset(self._streams)

    def open(self) -> tuple[int, bytes]:
        """A new stream's number, and the bytes that announce it; raises StreamOver if the numbers have run out."""
        stream = self._next_id
        if stream > _LAST_ID:
            raise StreamOver("all numbers have been used")
        self._next_id += 2
        self._streams[stream] = _Stream()
        return stream, _frame(_Command.SYN, stream)

    def send(self, stream: int, content: bytes) -> bytes:
        """The frames that carry the content, none if it is empty; raises StreamOver."""
        self._writable(stream)
        starts = range(0, len(content), self.max_frame_bytes)
        return b"".join(_frame(_Command.PSH, stream, content[at : at + self.max_frame_bytes]) for at in starts)

    def finish(self, stream: int) -> bytes:
        """The frame that says that no more comes from this end; raises StreamOver if that was said already."""
        self._writable(stream).finished_here = True
        self._forget_if_over(stream)
        return _frame(_Command.FIN, stream)

    def keep_alive(self) -> bytes:
        """The frame that says no more than that this end is there."""
        return _frame(_Command.NOP, 0)

    def receive(self, chunk: bytes) -> list[MuxEvent]:
        """The events of all frames that are complete by now; a `Broken` is the last one ever."""
        if self._broken:
            return []
        self._unread += chunk
        events: list[MuxEvent] = []
        try:
            while (header := self._next_header()) is not None:
                events += self._take(*header)
        except _Violation as violation:
            self._broken = True
            self._unread.clear()
            events.append(Broken(str(violation)))
        return events

    def _next_header(self) -> tuple[_Command, int, int] | None:
        """Command, length and stream of the first frame, None until all of it is there."""
        if len(self._unread) < _HEADER.size:
            return None
        version, command, length_bytes, stream = _HEADER.unpack_from(self._unread)
        _require(version == _VERSION, f"version {version} is not {_VERSION}")
        _require(command <= _Command.NOP, f"command {command} is unknown")
        _require(length_bytes <= self.max_frame_bytes, f"a frame of {length_bytes} bytes is too long")
        _require(command == _Command.PSH or not length_bytes, f"a {_Command(command).name} carries no bytes")
        complete = len(self._unread) >= _HEADER.size + length_bytes
        return (_Command(command), length_bytes, stream) if complete else None

    def _take(self, command: _Command, length_bytes: int, stream: int) -> list[MuxEvent]:
        end = _HEADER.size + length_bytes
        content = bytes(self._unread[_HEADER.size : end])
        del self._unread[:end]
        if command is _Command.NOP:
            return [KeptAlive()]
        if command is _Command.SYN:
            return self._opened(stream)
        if stream not in self._streams:
            return []  # of no stream, or of one that is over: the programs drop it as well
        if command is _Command.FIN:
            return self._finished(stream)
        return self._pushed(stream, content)

    def _opened(self, stream: int) -> list[MuxEvent]:
        own = stream % 2 == self.role.value % 2
        _require(not own and stream >= self.role.other.value, f"stream {stream} is not the other end's to open")
        _require(stream not in self._streams, f"stream {stream} is opened twice")
        _require(len(self._streams) < self.max_streams, f"more than {self.max_streams} streams are open")
        self._streams[stream] = _Stream()
        return [StreamOpened(stream)]

    def _pushed(self, stream: int, content: bytes) -> list[MuxEvent]:
        _require(not self._streams[stream].finished_there, f"stream {stream} goes on after its FIN")
        return [StreamBytes(stream, content)] if content else []

    def _finished(self, stream: int) -> list[MuxEvent]:
        _require(not self._streams[stream].finished_there, f"stream {stream} is finished twice")
        self._streams[stream].finished_there = True
        return [StreamFinished(stream, over=self._forget_if_over(stream))]

    def _forget_if_over(self, stream: int) -> bool:
        over = self._streams[stream].over
        if over:
            del self._streams[stream]
        return over

    def _writable(self, stream: int) -> _Stream:
        found = self._streams.get(stream)
        if found is None or found.finished_here:
            raise StreamOver(f"stream {stream} is not open for sending")
        return found


def _frame(command: _Command, stream: int, content: bytes = b"") -> bytes:
    return _HEADER.pack(_VERSION, command, len(content), stream) + content


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise _Violation(otherwise)
