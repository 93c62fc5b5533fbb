"""What the control plane decides for one session: which bytes go on, which wait, which it answers by itself.

Agent and client keep their stream reliable between themselves; the relay passes their bytes on as they are. It adds
what neither of them can do alone: it holds the client's input until the agent listens, answers the agent's resends of
what the client has acknowledged, and tells both when the session is over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from whodunet.aws.ssm.acknowledged import AcknowledgedNumbers
from whodunet.aws.ssm.channel import Peer
from whodunet.aws.ssm.frames import Frame, MessageType, NewId, Now, parse, serialise
from whodunet.aws.ssm.payloads import (
    Acknowledge,
    AgentSessionState,
    SessionState,
    acknowledge,
    channel_closed,
    control_frame,
)
from whodunet.aws.ssm.violations import ProtocolViolation

HELD_FRAMES = 256
HELD_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes for a peer's socket."""

    socket_id: int
    wire: bytes


@dataclass(frozen=True, slots=True)
class Disconnect:
    """A socket is to be closed once what was written to it is out."""

    socket_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A frame was dropped, and why; the session goes on."""

    socket_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class StateReported:
    """The agent told its state, which is for the service alone."""

    state: SessionState


Decision = Write | Disconnect | Refused | StateReported


class SessionRelay:
    """One session; sockets are the edge's own numbers, never used twice."""

    def __init__(
        self,
        session_id: str,
        new_id: NewId,
        *,
        agent_listens: bool = False,
        witness: Callable[[Peer, Frame], None] = lambda _peer, _frame: None,
    ) -> None:
        """Begins without sockets.

        Args:
            witness: is told each stream message and who sent it, resent ones again, refused ones not.
            agent_listens: whether the agent is known to have spoken before, to another control plane's relay: a shell
                that waits for input would never speak again by itself.
        """
        self._session_id = session_id
        self._new_id = new_id
        self._agent_listens = agent_listens
        self._witness = witness
        self._sockets: dict[Peer, int] = {}
        self._held: dict[int, bytes] = {}  # by sequence number: what the client resends takes no more room
        self._acknowledged = AcknowledgedNumbers()
        self._publication_paused: bool | None = None  # None as long as the agent was told nothing
        self._closing: Frame | None = None
        self.active_at_s: float | None = None  # when the last stream message passed, on the monotonic clock

    @property
    def closed(self) -> bool:
        """Whether the session is over."""
        return self._closing is not None

    def joined(self, peer: Peer, socket_id: int, now: Now) -> list[Decision]:
        """A peer has opened a socket, its token is checked; it takes the place of the socket before."""
        if self._closing is not None:
            return self._farewell(socket_id, self._closing)
        replaced = self._sockets.get(peer)
        self._sockets[peer] = socket_id
        decisions: list[Decision] = []
        if replaced is not None and replaced != socket_id:
            decisions.append(Disconnect(replaced, "a newer connection took its place"))
        return decisions + (self._client_joined(now) if peer is Peer.CLIENT else self._agent_joined(now))

    def left(self, socket_id: int, now: Now) -> list[Decision]:
        """A socket is gone; one that was replaced before is none of the session's."""
        peer = self._peer(socket_id)
        if peer is None:
            return []
        del self._sockets[peer]
        if peer is Peer.AGENT:
            return []
        self._publication_paused = True
        return self._tell_publication(now)

    def received(self, socket_id: int, wire: bytes, now: Now) -> list[Decision]:
        """A binary message has come from a socket; a malformed one is refused and disturbs nothing else."""
        peer = self._peer(socket_id)
        if peer is None:
            return []
        try:
            frame = parse(wire)
            return self._from_client(frame, wire, now) if peer is Peer.CLIENT else self._from_agent(frame, wire, now)
        except ProtocolViolation as violation:
            return [Refused(socket_id, str(violation))]

    def close(self, output: str, now: Now) -> list[Decision]:
        """Ends the session on both sides with a text for the user, empty for an ordinary end; again: nothing."""
        if self._closing is not None:
            return []
        closing = self._closing = channel_closed(self._session_id, output, self._new_id, now)
        decisions = [decision for socket in self._sockets.values() for decision in self._farewell(socket, closing)]
        self._sockets.clear()
        self._held.clear()
        return decisions

    def _client_joined(self, now: Now) -> list[Decision]:
        if self._publication_paused is None:
            return []
        self._publication_paused = False
        return self._tell_publication(now)

    def _agent_joined(self, now: Now) -> list[Decision]:
        told = [] if self._publication_paused is None else self._tell_publication(now)
        return told + self._release() if self._agent_listens else told

    def _from_client(self, frame: Frame, wire: bytes, now: Now) -> list[Decision]:
        if frame.message_type == MessageType.ACKNOWLEDGE:
            # Remembered before it is passed on: on the way to the agent it may still be lost.
            self._acknowledged.add(Acknowledge.from_payload(frame.payload).acknowledged_message_sequence_number)
            return self._write(Peer.AGENT, wire)
        if frame.message_type != MessageType.INPUT_STREAM_DATA:
            raise ProtocolViolation(f"a client sends no {frame.message_type}")
        self.active_at_s = now.monotonic_s
        if self._agent_listens and Peer.AGENT in self._sockets:
            self._witness(Peer.CLIENT, frame)
            return self._write(Peer.AGENT, wire)
        return self._hold(frame, wire)

    def _from_agent(self, frame: Frame, wire: bytes, now: Now) -> list[Decision]:
        if frame.message_type == MessageType.OUTPUT_STREAM_DATA:
            return self._output(frame, wire, now)
        if frame.message_type == MessageType.ACKNOWLEDGE:
            return self._write(Peer.CLIENT, wire)
        if frame.message_type == MessageType.AGENT_SESSION_STATE:
            return [StateReported(AgentSessionState.from_payload(frame.payload).session_state)]
        raise ProtocolViolation(f"an agent sends no {frame.message_type} on a data channel")

    def _output(self, frame: Frame, wire: bytes, now: Now) -> list[Decision]:
        if frame.sequence in self._acknowledged:
            # The client's acknowledgement came too early or was lost, and a plugin gives no second one.
            return self._write(Peer.AGENT, serialise(acknowledge(frame, self._new_id, now)))
        self.active_at_s = now.monotonic_s
        self._witness(Peer.AGENT, frame)
        self._acknowledged.seen(frame.sequence)
        first, self._agent_listens = not self._agent_listens, True
        return self._write(Peer.CLIENT, wire) + (self._release() if first else [])

    def _hold(self, frame: Frame, wire: bytes) -> list[Decision]:
        others = sum(len(held) for number, held in self._held.items() if number != frame.sequence)
        if others + len(wire) > HELD_BYTES or (len(self._held) >= HELD_FRAMES and frame.sequence not in self._held):
            raise ProtocolViolation("too much input for an agent that does not listen yet; it has to come again")
        self._held[frame.sequence] = wire
        self._witness(Peer.CLIENT, frame)
        return []

    def _release(self) -> list[Decision]:
        held, self._held = self._held, {}
        return [decision for wire in held.values() for decision in self._write(Peer.AGENT, wire)]

    def _tell_publication(self, now: Now) -> list[Decision]:
        """Tells the agent whether anybody listens."""
        kind = MessageType.PAUSE_PUBLICATION if self._publication_paused else MessageType.START_PUBLICATION
        return self._write(Peer.AGENT, serialise(control_frame(kind, b"{}", self._new_id, now)))

    def _farewell(self, socket_id: int, closing: Frame) -> list[Decision]:
        return [Write(socket_id, serialise(closing)), Disconnect(socket_id, "the session is over")]

    def _write(self, peer: Peer, wire: bytes) -> list[Decision]:
        """Writes to a peer that is there; for one that is not the bytes are lost, and their sender resends them."""
        socket_id = self._sockets.get(peer)
        return [] if socket_id is None else [Write(socket_id, wire)]

    def _peer(self, socket_id: int) -> Peer | None:
        return next((peer for peer, current in self._sockets.items() if current == socket_id), None)
