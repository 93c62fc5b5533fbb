"""A data channel's end: the agent's or the client's `Sender` and `Receiver` as one thing to feed with frames.

An edge does three things: hands in every frame that it reads, calls `tick` at `wake_at_s`, and after each of its calls
writes what `take_frames` has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from whodunet.aws.ssm.frames import Frame, Message, MessageType, NewId, Now, PayloadType
from whodunet.aws.ssm.payloads import Acknowledge, ChannelClosed, control_frame
from whodunet.aws.ssm.stream import MAX_RESENDS, SENDER_CAPACITY, Received, Receiver, Sender

MESSAGE_BYTES = 1024  # what both known programs send at most; the plugin reads 16 KiB as well


class Peer(Enum):
    """Which end of a session one is."""

    CLIENT = "client"
    AGENT = "agent"

    @property
    def sends(self) -> MessageType:
        """The message type of this end's stream."""
        return MessageType.INPUT_STREAM_DATA if self is Peer.CLIENT else MessageType.OUTPUT_STREAM_DATA

    @property
    def other(self) -> Peer:
        """The end that one talks to."""
        return Peer.AGENT if self is Peer.CLIENT else Peer.CLIENT


@dataclass(frozen=True, slots=True)
class Closed:
    """The service has ended the session; `output` is for the user, often empty."""

    output: str


ChannelEvent = Message | Closed


class DataChannel:
    """One end of a session's data channel; it outlives the sockets that carry it."""

    def __init__(
        self,
        peer: Peer,
        new_id: NewId,
        accepts: Callable[[Message], bool] = lambda _: True,
        capacity: int = SENDER_CAPACITY,
    ) -> None:
        self._new_id = new_id
        self._receives = peer.other.sends
        self._sender = Sender(peer.sends, new_id, capacity)
        self._receiver = Receiver(new_id, accepts)
        self._outgoing: list[Frame] = []
        self._paused = False

    @property
    def room(self) -> int:
        """How many messages may be sent; at 0, stop reading whatever feeds the channel."""
        return self._sender.room

    @property
    def settled(self) -> bool:
        """Whether the other end has acknowledged everything."""
        return not self._sender.unacknowledged

    @property
    def exhausted(self) -> bool:
        """Whether the other end has been silent for so long that the session is to be given up."""
        return self._sender.resends >= MAX_RESENDS

    @property
    def wake_at_s(self) -> float | None:
        """When to call `tick`, on the monotonic clock; None if there is nothing to wait for."""
        return None if self._paused else self._sender.wake_at_s

    def send(self, message: Message, now: Now) -> None:
        """Sends one message; raises BufferFull if there is no `room`."""
        frame = self._sender.send(message, now)
        if not self._paused:
            self._outgoing.append(frame)

    def write(self, content: bytes, now: Now, message_bytes: int = MESSAGE_BYTES) -> int:
        """Sends as much of the content as there is room for, as Output; returns how many bytes that was."""
        taken = min(len(content), self.room * message_bytes)
        for start in range(0, taken, message_bytes):
            piece = content[start : min(start + message_bytes, taken)]
            self.send(Message(PayloadType.OUTPUT, piece), now)
        return taken

    def receive(self, frame: Frame, now: Now) -> tuple[ChannelEvent, ...]:
        """What a frame from the socket means for the session; types that are not for this end mean nothing.

        Raises:
            MalformedPayload: for an acknowledgement or an end that cannot be read; the channel goes on.
        """
        if frame.message_type == self._receives:
            return self._receive_stream(frame, now)
        if frame.message_type == MessageType.CHANNEL_CLOSED:
            return (Closed(ChannelClosed.from_payload(frame.payload).output),)
        self._receive_control(frame, now)
        return ()

    def drain(self, now: Now) -> tuple[Message, ...]:
        """The messages that waited for the session to become ready; to be called when it has."""
        return self._delivered(self._receiver.drain(now))

    def tell(self, message_type: MessageType, payload: bytes, now: Now) -> None:
        """Sends a frame outside the stream, which nobody acknowledges and no new socket repeats."""
        self._outgoing.append(control_frame(message_type, payload, self._new_id, now))

    def tick(self, now: Now) -> None:
        """Resends the oldest message if its time has come."""
        due = None if self._paused else self._sender.due(now)
        if due is not None:
            self._outgoing.append(due)

    def reconnected(self, now: Now) -> None:
        """Begins on a new socket: what the old one may have lost is written again, in order, and nothing twice."""
        self._paused = False
        self._outgoing = self._sender.replay(now)

    def take_frames(self) -> list[Frame]:
        """The frames to write now, in order; each is given once."""
        taken, self._outgoing = self._outgoing, []
        return taken

    def _receive_stream(self, frame: Frame, now: Now) -> tuple[Message, ...]:
        self._resume(now)
        return self._delivered(self._receiver.receive(frame, now))

    def _delivered(self, received: Received) -> tuple[Message, ...]:
        self._outgoing += received.acknowledgements
        return received.delivered

    def _receive_control(self, frame: Frame, now: Now) -> None:
        if frame.message_type == MessageType.ACKNOWLEDGE:
            number = Acknowledge.from_payload(frame.payload).acknowledged_message_sequence_number
            self._sender.acknowledge(number, now)
            self._resume(now)
        elif frame.message_type == MessageType.START_PUBLICATION:
            self._resume(now)
        elif frame.message_type == MessageType.PAUSE_PUBLICATION:
            self._paused = True

    def _resume(self, now: Now) -> None:
        """Ends a pause, as any sign of the other end does; what was sent into the pause is written now."""
        if self._paused:
            self._paused = False
            self._outgoing += self._sender.replay(now)
