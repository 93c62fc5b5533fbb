"""What was said in a session: each message of the agent once and in order, however often it was sent."""

from __future__ import annotations

from dataclasses import dataclass

from whodunet.aws.ssm.frames import Frame, Message, PayloadType

MOST_WAITING_BYTES = 8 * 1024 * 1024

_OUTPUT = (PayloadType.OUTPUT, PayloadType.STDERR)


class OrderedMessages:
    """Puts one direction's stream messages in order; what comes too early waits, within bounds."""

    def __init__(self, most_waiting_bytes: int = MOST_WAITING_BYTES) -> None:
        self._next = 0
        self._waiting: dict[int, Message] = {}
        self._waiting_bytes = 0
        self._most_waiting_bytes = most_waiting_bytes

    def add(self, frame: Frame) -> list[Message]:
        """The messages that can be told now; none for one that was there before.

        A message that finds no room is left out for now: nobody acknowledges it for the transcript's sake, so if its
        sender never repeats it the transcript has a gap, and goes on behind it.
        """
        if frame.sequence >= self._next and frame.sequence not in self._waiting:
            self._waiting[frame.sequence] = frame.message
            self._waiting_bytes += len(frame.payload)
        if self._waiting_bytes > self._most_waiting_bytes:
            self._next = min(self._waiting)
        return self._take()

    def _take(self) -> list[Message]:
        taken = []
        while (message := self._waiting.pop(self._next, None)) is not None:
            taken.append(message)
            self._waiting_bytes -= len(message.payload)
            self._next += 1
        return taken


@dataclass(slots=True)
class Counted:
    """How much of one direction's stream was for the user."""

    messages: OrderedMessages
    output_bytes: int = 0

    def add(self, frame: Frame) -> bytes:
        """The output that can be told now, counted."""
        told = b"".join(message.payload for message in self.messages.add(frame) if message.payload_type in _OUTPUT)
        self.output_bytes += len(told)
        return told
