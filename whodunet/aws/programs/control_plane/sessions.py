"""The sessions that there are: each is a relay, the sockets of both sides, and a transcript."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from uuid import uuid4

from whodunet.aws.account.cloudtrail import ServiceEvent
from whodunet.aws.programs.audit_trail import AuditTrail
from whodunet.aws.programs.clock import now
from whodunet.aws.programs.control_plane.authentication import Caller
from whodunet.aws.programs.control_plane.sockets import PeerSocket
from whodunet.aws.programs.control_plane.transcripts import Transcript
from whodunet.aws.programs.serving import log
from whodunet.aws.ssm.channel import Peer
from whodunet.aws.ssm.frames import MessageType, Now, carries
from whodunet.aws.ssm.payloads import SessionState
from whodunet.aws.ssm.relay import Decision, Disconnect, Refused, SessionRelay, StateReported, Write
from whodunet.aws.ssm.session import Attendance, Order, Status

_MOST_ENDED = 1000  # that DescribeSessions can still tell of


class LiveSession:
    """One session from StartSession to its end."""

    def __init__(
        self,
        order: Order,
        owner: Caller,
        transcript: Transcript,
        loses_acknowledgement: Callable[[], bool] = lambda: False,
        clock: Callable[[], Now] = now,
    ) -> None:
        self._clock = clock
        self.order = order
        self.owner = owner
        self.transcript = transcript
        self.attendance = Attendance(self._clock().monotonic_s)
        self.ended_at_ms: int | None = None
        self.agent_asked = False  # whether the agent has asked for the session's data channel
        self._loses_acknowledgement = loses_acknowledgement
        self._relay = SessionRelay(order.session_id, uuid4, witness=transcript.hear)
        self._sockets: dict[int, tuple[Peer, PeerSocket]] = {}
        self._newest: dict[Peer, PeerSocket] = {}
        self._numbers = count(1)
        self._moved = asyncio.Event()

    @property
    def status(self) -> Status:
        """As DescribeSessions tells it."""
        return Status.TERMINATED if self.ended_at_ms is not None else self.attendance.status

    @property
    def has_agent(self) -> bool:
        """Whether the agent's data channel is open."""
        return Peer.AGENT in self._newest

    def socket_moved(self) -> None:
        """To be called when a socket of the session has got crowded, or free again, or is closing."""
        self._moved.set()

    def join(self, peer: Peer, socket: PeerSocket) -> int:
        """A side has opened a socket; its number for `receive` and `leave`."""
        number = next(self._numbers)
        self._sockets[number] = peer, socket
        self._newest[peer] = socket
        self.attendance.joined(peer)
        self._apply(self._relay.joined(peer, number, self._clock()))
        self.socket_moved()
        return number

    async def receive(self, number: int, wire: bytes) -> None:
        """Hands on what has come from a socket, and waits while the other side cannot take more.

        A side whose own queue is full is never held back: two peers that both write and do not read would wait for
        each other for ever. What does not fit then is lost, and comes again.
        """
        self._apply(self._relay.received(number, wire, self._clock()))
        peer, socket = self._sockets[number]
        while self._crowded(peer.other) and not self._crowded(peer) and not socket.closing:
            self._moved.clear()
            await self._moved.wait()

    def leave(self, number: int) -> None:
        """A socket is gone."""
        peer, socket = self._sockets.pop(number)
        if self._newest.get(peer) is socket:
            del self._newest[peer]
            self.attendance.left(peer, self._clock().monotonic_s)
        self._apply(self._relay.left(number, self._clock()))
        self.socket_moved()

    def end(self, output: str) -> bool:
        """Ends the session on both sides, with a text for the user; false if it had ended before."""
        if self.ended_at_ms is not None:
            return False
        moment = self._clock()
        self.ended_at_ms = moment.epoch_ms
        self._apply(self._relay.close(output, moment))
        self.transcript.close()
        return True

    def overdue(self, moment: Now, resume_within_s: float, idle_timeout_s: float) -> str:
        """Why the session is to be ended now; empty if it is not."""
        return self.attendance.overdue(moment.monotonic_s, self._relay.active_at_s, resume_within_s, idle_timeout_s)

    def _apply(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            match decision:
                case Write(number, wire):
                    self._write(number, wire)
                case Disconnect(number, reason):
                    self._sockets[number][1].close(reason)
                case Refused(_, reason):
                    log.info("session %s: refused: %s", self.order.session_id, reason)
                case StateReported(SessionState.TERMINATING):
                    self.attendance.agent_terminates = True

    def _write(self, number: int, wire: bytes) -> None:
        if carries(wire, MessageType.ACKNOWLEDGE) and self._loses_acknowledgement():
            return
        self._sockets[number][1].write(wire)

    def _crowded(self, peer: Peer) -> bool:
        socket = self._newest.get(peer)
        return socket is not None and socket.crowded


class Sessions:
    """All sessions, those that have ended among them as long as they are remembered."""

    def __init__(
        self,
        transcripts: Path,
        trail: AuditTrail,
        loses_acknowledgement: Callable[[], bool] = lambda: False,
        clock: Callable[[], Now] = now,
    ) -> None:
        """Makes the transcripts' directory; raises OSError."""
        transcripts.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._transcripts = transcripts
        self._trail = trail
        self._loses_acknowledgement = loses_acknowledgement
        self._clock = clock
        self._live: dict[str, LiveSession] = {}
        self._ended: deque[LiveSession] = deque(maxlen=_MOST_ENDED)

    def __iter__(self) -> Iterator[LiveSession]:
        """Newest first."""
        yield from reversed([*self._ended, *self._live.values()])

    def start(self, order: Order, owner: Caller) -> LiveSession:
        """Begins a session that nobody has joined yet."""
        transcript = Transcript(self._transcripts, order)
        session = LiveSession(order, owner, transcript, self._loses_acknowledgement, self._clock)
        self._live[order.session_id] = session
        self._trail.append(ServiceEvent("ssm", "SessionStarted", _details(order)))
        return session

    def live(self, session_id: str) -> LiveSession | None:
        """The session, unless it has ended or never was."""
        return self._live.get(session_id)

    def awaiting(self, target: str) -> list[LiveSession]:
        """The sessions that the target's agent has not taken up."""
        return [it for it in self._live.values() if it.order.target == target and not it.agent_asked]

    def end(self, session: LiveSession, output: str = "", reason: str = "") -> None:
        """Ends a session, once."""
        if not session.end(output):
            return
        del self._live[session.order.session_id]
        self._ended.append(session)
        details = {**_details(session.order), "reason": reason or output, **session.transcript.byte_counts}
        self._trail.append(ServiceEvent("ssm", "SessionEnded", details))

    def end_overdue(self, resume_within_s: float, idle_timeout_s: float) -> list[LiveSession]:
        """Ends the sessions whose time is over."""
        overdue = [(it, it.overdue(self._clock(), resume_within_s, idle_timeout_s)) for it in self._live.values()]
        due = [(session, reason) for session, reason in overdue if reason]
        for session, reason in due:
            self.end(session, reason)
        return [session for session, _ in due]

    def end_all(self, output: str) -> bool:
        """Ends all, because the service does; whether there were any."""
        live = list(self._live.values())
        for session in live:
            self.end(session, output)
        return bool(live)


def _details(order: Order) -> dict[str, str]:
    return {
        "sessionId": order.session_id,
        "owner": order.owner.arn,
        "target": order.target,
        "documentName": order.document_name,
        "sourceIPAddress": order.source_ip,
        "requestedFor": order.reason,
    }
