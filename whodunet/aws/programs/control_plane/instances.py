"""The managed instances: what their agents told, and how they can be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import uuid4

from whodunet.aws.programs.clock import now
from whodunet.aws.programs.control_plane.sockets import PeerSocket
from whodunet.aws.ssm.frames import Frame, MessageType, Now, serialise
from whodunet.aws.ssm.payloads import AgentTaskAcknowledge, AgentTaskComplete, channel_closed, control_frame
from whodunet.aws.ssm.session import Order

_POLLED_WITHIN_S = 30
_PINGED_WITHIN_S = 300


class PingStatus(StrEnum):
    """As DescribeInstanceInformation tells it."""

    ONLINE = "Online"
    CONNECTION_LOST = "ConnectionLost"


@dataclass(slots=True)
class ManagedInstance:
    """One instance that has an agent."""

    instance_id: str
    clock: Callable[[], Now] = now
    told: dict[str, object] = field(default_factory=dict)  # the members of DescribeInstanceInformation that agents know
    control: PeerSocket | None = None
    pinged_at_ms: int = 0  # since the epoch
    _polls: int = 0
    _polled_at_s: float | None = None
    _pinged_at_s: float | None = None

    @property
    def polling(self) -> bool:
        """Whether the agent asks for messages in the older way: it is known, and cannot be sent a session."""
        return self._polls > 0 or self._within(self._polled_at_s, _POLLED_WITHIN_S)

    @property
    def reachable(self) -> bool:
        """Whether a session may be started."""
        return self.control is not None or self.polling

    @property
    def ping_status(self) -> PingStatus:
        """Whether the instance was heard of lately."""
        heard = self.reachable or self._within(self._pinged_at_s, _PINGED_WITHIN_S)
        return PingStatus.ONLINE if heard else PingStatus.CONNECTION_LOST

    def ping(self, told: Mapping[str, object] | None = None) -> None:
        """The agent has given a sign of life, and perhaps told something of its instance."""
        moment = self.clock()
        self.pinged_at_ms, self._pinged_at_s = moment.epoch_ms, moment.monotonic_s
        self.told.update(told or {})

    @contextmanager
    def poll(self) -> Iterator[None]:
        """The agent waits for messages."""
        self.ping()
        self._polls += 1
        try:
            yield
        finally:
            self._polls -= 1

    def polled(self) -> None:
        """The agent has got its answer and will ask again."""
        self._polled_at_s = self.clock().monotonic_s

    def connected(self, control: PeerSocket, told: Mapping[str, object]) -> None:
        """The control channel is open; it takes the place of the one before."""
        if self.control is not None:
            self.control.close("a newer connection took its place")
        self.control = control
        self.ping(told)

    def disconnected(self, control: PeerSocket) -> None:
        """A control channel is gone."""
        if self.control is control:
            self.control = None
            self._polled_at_s = None  # a poll that was answered before says nothing of an agent that may have ended
            self.ping()

    def deliver(self, order: Order) -> None:
        """Tells the agent to begin a session, if it can be told."""
        self.tell(MessageType.INTERACTIVE_SHELL, order.interactive_shell().to_payload())

    def cancel(self, session_id: str) -> None:
        """Tells the agent on its control channel that a session is over."""
        if self.control is not None:
            self.control.write(serialise(channel_closed(session_id, "", uuid4, self.clock())))

    def acknowledge(self, frame: Frame, complete: AgentTaskComplete) -> None:
        """Answers agent_task_complete."""
        answer = AgentTaskAcknowledge(message_id=frame.message_id, task_id=complete.task_id)
        self.tell(MessageType.AGENT_TASK_ACKNOWLEDGE, answer.to_payload())

    def tell(self, kind: MessageType, payload: bytes) -> None:
        """Sends something on the control channel, if that is open."""
        if self.control is not None:
            self.control.write(serialise(control_frame(kind, payload, uuid4, self.clock())))

    def _within(self, moment_s: float | None, seconds: float) -> bool:
        return moment_s is not None and self.clock().monotonic_s - moment_s < seconds


class Instances:
    """All instances that have ever been heard of."""

    def __init__(self, clock: Callable[[], Now] = now) -> None:
        self._clock = clock
        self._known: dict[str, ManagedInstance] = {}

    def __iter__(self) -> Iterator[ManagedInstance]:
        yield from self._known.values()

    def get(self, instance_id: str) -> ManagedInstance | None:
        """The instance, if it was heard of."""
        return self._known.get(instance_id)

    def of(self, instance_id: str) -> ManagedInstance:
        """The instance, which is heard of now; the caller has made sure that it is genuine."""
        return self._known.setdefault(instance_id, ManagedInstance(instance_id, self._clock))
