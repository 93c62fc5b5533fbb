"""The reliability layer, one direction at a time: what was sent arrives exactly once and in order.

Every stream message has a number from 0 and is acknowledged by itself; nothing is cumulative. Both halves take time as
an argument, so a test runs an hour of losses in a moment.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from whodunet.aws.ssm.frames import FLAGS_FIRST, Frame, Message, MessageType, NewId, Now
from whodunet.aws.ssm.payloads import acknowledge
from whodunet.aws.ssm.violations import ProtocolViolation

SENDER_CAPACITY = 1_000  # messages; past that whoever feeds the stream has to wait, nothing is dropped
RECEIVER_CAPACITY = 10_000  # messages that wait to be delivered; as many as the plugin keeps
RECEIVER_CAPACITY_BYTES = 32 * 1024 * 1024  # of their payloads
MAX_RESENDS = 3_000  # after as many the plugin gives the session up, about 5 minutes

_FIRST_TIMEOUT_S = 0.2
_MIN_TIMEOUT_S = 0.1  # the known programs look every 100 ms, so none of them resends earlier
_MAX_TIMEOUT_S = 1.0
_GRANULARITY_S = 0.01
_ALPHA = 1 / 8  # Source: RFC 6298, section 2.3
_BETA = 1 / 4


class BufferFull(ProtocolViolation):
    """The peer acknowledges too little: `room` was 0 and something was sent all the same."""


class RetransmissionTimer:
    """How long to wait for an acknowledgement. Source: RFC 6298, with the session programs' bounds."""

    def __init__(self) -> None:
        self.timeout_s = _FIRST_TIMEOUT_S
        self._smoothed_s: float | None = None
        self._variation_s = 0.0

    def sample(self, round_trip_s: float) -> None:
        """Learns from a message that was sent once: of one sent twice nobody knows which was acknowledged."""
        if self._smoothed_s is None:
            self._smoothed_s, self._variation_s = round_trip_s, round_trip_s / 2
        else:
            self._variation_s += _BETA * (abs(self._smoothed_s - round_trip_s) - self._variation_s)
            self._smoothed_s += _ALPHA * (round_trip_s - self._smoothed_s)
        self.timeout_s = _bounded(self._smoothed_s + max(_GRANULARITY_S, 4 * self._variation_s))

    def back_off(self) -> None:
        """Waits twice as long, or a path slower than the timeout would never give a sample."""
        self.timeout_s = _bounded(2 * self.timeout_s)


@dataclass
class _Unacknowledged:
    frame: Frame
    sent_at_s: float
    resends: int = 0


class Sender:
    """Numbers messages, keeps them until they are acknowledged, and resends the oldest only."""

    def __init__(self, message_type: MessageType, new_id: NewId, capacity: int = SENDER_CAPACITY) -> None:
        self._message_type = message_type
        self._new_id = new_id
        self._capacity = capacity
        self._next = 0
        self._buffer: OrderedDict[int, _Unacknowledged] = OrderedDict()
        self.timer = RetransmissionTimer()

    @property
    def unacknowledged(self) -> int:
        """How many messages were sent and are not acknowledged."""
        return len(self._buffer)

    @property
    def room(self) -> int:
        """How many messages may be sent before an acknowledgement has to come."""
        return self._capacity - len(self._buffer)

    @property
    def resends(self) -> int:
        """How often the oldest message was sent again; at MAX_RESENDS it is time to give up."""
        return self._oldest.resends if self._buffer else 0

    @property
    def wake_at_s(self) -> float | None:
        """When `due` will have something, None if everything is acknowledged."""
        return self._oldest.sent_at_s + self.timer.timeout_s if self._buffer else None

    def send(self, message: Message, now: Now) -> Frame:
        """The frame to write for a new message.

        It is kept before it is handed out, so its acknowledgement counts however early it comes.

        Raises:
            BufferFull: if there is no `room`; nothing is sent then.
        """
        if self.room <= 0:
            raise BufferFull(f"{self._capacity} messages are not acknowledged")
        frame = Frame(
            self._message_type,
            self._new_id(),
            now.epoch_ms,
            message.payload,
            sequence=self._next,
            flags=self._flags,
            payload_type=message.payload_type,
        )
        self._buffer[self._next] = _Unacknowledged(frame, now.monotonic_s)
        self._next += 1
        return frame

    def acknowledge(self, sequence: int, now: Now) -> bool:
        """Forgets one message; False, and nothing happens, if it is not waiting (a repetition, or never sent)."""
        found = self._buffer.pop(sequence, None)
        if found is not None and not found.resends:
            self.timer.sample(now.monotonic_s - found.sent_at_s)
        return found is not None

    def due(self, now: Now) -> Frame | None:
        """The oldest unacknowledged frame, if it has waited for its timeout, to be written once more."""
        wake_at_s = self.wake_at_s
        if wake_at_s is None or now.monotonic_s < wake_at_s:
            return None
        self.timer.back_off()
        return _resent(self._oldest, now)

    def replay(self, now: Now) -> list[Frame]:
        """Everything unacknowledged, in order: what to write first on a new socket.

        A cut may have taken all of it, and one message per timeout would take minutes to fix that.
        """
        return [_resent(waiting, now) for waiting in self._buffer.values()]

    @property
    def _oldest(self) -> _Unacknowledged:
        return next(iter(self._buffer.values()))

    @property
    def _flags(self) -> int:
        first_output = self._next == 0 and self._message_type == MessageType.OUTPUT_STREAM_DATA
        return FLAGS_FIRST if first_output else 0


@dataclass(frozen=True, slots=True)
class Received:
    """What is now in order and accepted, and the acknowledgements to write for it."""

    delivered: tuple[Message, ...]
    acknowledgements: tuple[Frame, ...]


class Receiver:
    """Puts messages in order, and acknowledges each when it is delivered.

    A message that came before is acknowledged again, as the agent does: its first acknowledgement may be lost. (The
    plugin stays silent, and its agent resends for ever.) One that `accepts` turns down waits here, and everything
    behind it: what is not acknowledged fills the sender's buffer, and that is the one way to slow a sender down.
    """

    def __init__(
        self,
        new_id: NewId,
        accepts: Callable[[Message], bool] = lambda _: True,
        capacity: int = RECEIVER_CAPACITY,
        capacity_bytes: int = RECEIVER_CAPACITY_BYTES,
    ) -> None:
        self._new_id = new_id
        self._accepts = accepts
        self._capacity = capacity
        self._room_bytes = capacity_bytes
        self._expected = 0
        self._waiting: dict[int, Frame] = {}

    def receive(self, frame: Frame, now: Now) -> Received:
        """Takes one stream message in, whatever its number; one that there is no room for has to come again."""
        if 0 <= frame.sequence < self._expected:
            return Received((), (acknowledge(frame, self._new_id, now),))
        if frame.sequence not in self._waiting and self._has_room(frame):
            self._waiting[frame.sequence] = frame
            self._room_bytes -= len(frame.payload)
        return self.drain(now)

    def drain(self, now: Now) -> Received:
        """What is in order and accepted by now; to be called too when readiness has changed."""
        taken = []
        while self._expected in self._waiting and self._accepts(self._waiting[self._expected].message):
            frame = self._waiting.pop(self._expected)
            self._room_bytes += len(frame.payload)
            self._expected += 1
            taken.append(frame)
        acknowledgements = tuple(acknowledge(frame, self._new_id, now) for frame in taken)
        return Received(tuple(frame.message for frame in taken), acknowledgements)

    def _has_room(self, frame: Frame) -> bool:
        if frame.sequence == self._expected:  # or the stream could never go on
            return True
        fits = len(self._waiting) < self._capacity and len(frame.payload) <= self._room_bytes
        return frame.sequence > self._expected and fits


def _resent(waiting: _Unacknowledged, now: Now) -> Frame:
    waiting.sent_at_s = now.monotonic_s
    waiting.resends += 1
    return waiting.frame


def _bounded(timeout_s: float) -> float:
    return min(max(timeout_s, _MIN_TIMEOUT_S), _MAX_TIMEOUT_S)
