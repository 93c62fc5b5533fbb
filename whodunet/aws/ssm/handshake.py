"""What agent and client agree on before a session's first byte: its type, its properties, each other's version.

Both sides are state machines: messages in, steps out. A step is a message to send, or how the handshake ended. Messages
of other types are none of its business and give no step, but for the client's first one: an agent that starts with
anything but a handshake runs a shell.

Encryption with KMS is answered as an unsupported action, and an agent that asks for it ends the session.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum, auto

from pydantic import Field, JsonValue

from whodunet.aws.ssm.documents import SessionType
from whodunet.aws.ssm.frames import Message, PayloadType
from whodunet.aws.ssm.payloads import Payload
from whodunet.aws.ssm.violations import ProtocolViolation

# How long the agent waits for each answer; the client waits for ever. amazon-ssm-agent gives up after 15 s, which fifty
# clients that start at a time on two cores do not all keep.
TIMEOUT_S = 60.0
# The agent's own words, which users search for.
TIMED_OUT = "Handshake timed out. Please ensure that you have the latest version of the session manager plugin."
ALL_SESSION_TYPES = frozenset(SessionType)

_SESSION_TYPE = "SessionType"
_QUOTED_CHARACTERS = 100  # of a name from the wire, in an answer that has to fit a frame


class ActionStatus(IntEnum):
    """What became of an action; any but SUCCESS ends the session."""

    SUCCESS = 1
    FAILED = 2
    UNSUPPORTED = 3


class RequestedAction(Payload):
    """One thing that the agent asks of the client; a type that is unknown is answered, not refused."""

    action_type: str
    action_parameters: dict[str, JsonValue] | None = None


class ProcessedAction(Payload):
    """The client's answer to one requested action."""

    action_type: str
    action_status: ActionStatus
    action_result: JsonValue = None
    error: str = ""


class HandshakeRequest(Payload):
    """The agent's first message."""

    agent_version: str
    requested_client_actions: tuple[RequestedAction, ...]


class HandshakeResponse(Payload):
    """The client's first message, if it was asked."""

    client_version: str
    processed_client_actions: tuple[ProcessedAction, ...]
    errors: tuple[str, ...] | None = None


class HandshakeComplete(Payload):
    """The agent's last word: the session begins, with a text that the client prints if it is not empty."""

    handshake_time_to_complete: int = Field(ge=0)  # nanoseconds
    customer_message: str = ""


@dataclass(frozen=True)
class Started:
    """The handshake is over and the session runs."""

    session_type: SessionType
    properties: JsonValue
    peer_version: str  # empty if there was no handshake
    customer_message: str = ""


@dataclass(frozen=True)
class HandshakeFailed:
    """The session has to end, and the text says why."""

    reason: str


Step = Message | Started | HandshakeFailed


class _State(Enum):
    IDLE = auto()
    AWAITING_REQUEST = auto()
    AWAITING_RESPONSE = auto()
    AWAITING_COMPLETE = auto()
    OVER = auto()


class AgentHandshake:
    """The agent's side; a shell may leave it out altogether (`SessionType.needs_handshake`)."""

    def __init__(self, session_type: SessionType, properties: JsonValue, agent_version: str) -> None:
        self._session_type = session_type
        self._properties = properties
        self._version = agent_version
        self._state = _State.IDLE
        self._begun_at_s = 0.0

    def begin(self, now_s: float) -> Message:
        """The message that opens the session; its answer has `TIMEOUT_S`."""
        self._state, self._begun_at_s = _State.AWAITING_RESPONSE, now_s
        parameters: dict[str, JsonValue] = {"SessionType": str(self._session_type), "Properties": self._properties}
        action = RequestedAction(action_type=_SESSION_TYPE, action_parameters=parameters)
        request = HandshakeRequest(agent_version=self._version, requested_client_actions=(action,))
        return Message(PayloadType.HANDSHAKE_REQUEST, request.to_payload())

    @property
    def wake_at_s(self) -> float | None:
        """When to call `tick`; None if nothing is awaited."""
        return self._begun_at_s + TIMEOUT_S if self._state is _State.AWAITING_RESPONSE else None

    def accepts(self, message: Message) -> bool:
        """Whether the message may be taken now: before the handshake is over, its answer only."""
        return self._state is _State.OVER or message.payload_type == PayloadType.HANDSHAKE_RESPONSE

    def receive(self, message: Message, now_s: float) -> tuple[Step, ...]:
        """What the client's message leads to; an answer that nobody awaits leads to nothing."""
        if message.payload_type != PayloadType.HANDSHAKE_RESPONSE or self._state is not _State.AWAITING_RESPONSE:
            return ()
        self._state = _State.OVER
        try:
            response = HandshakeResponse.from_payload(message.payload)
        except ProtocolViolation as violation:
            return (HandshakeFailed(str(violation)),)
        refusal = _refusal(response)
        return (HandshakeFailed(refusal),) if refusal else self._completed(response, now_s)

    def tick(self, now_s: float) -> tuple[Step, ...]:
        """Fails the handshake if its answer is overdue."""
        wake_at_s = self.wake_at_s
        if wake_at_s is None or now_s < wake_at_s:
            return ()
        self._state = _State.OVER
        return (HandshakeFailed(TIMED_OUT),)

    def _completed(self, response: HandshakeResponse, now_s: float) -> tuple[Step, ...]:
        elapsed_ns = max(0, round((now_s - self._begun_at_s) * 1e9))
        complete = HandshakeComplete(handshake_time_to_complete=elapsed_ns)
        return (
            Message(PayloadType.HANDSHAKE_COMPLETE, complete.to_payload()),
            Started(self._session_type, self._properties, response.client_version),
        )


class ClientHandshake:
    """The client's side, which learns here what session it is in."""

    def __init__(self, client_version: str, supported: Collection[SessionType] = ALL_SESSION_TYPES) -> None:
        self._version = client_version
        self._supported = supported
        self._state = _State.AWAITING_REQUEST
        self._request = Started(SessionType.STANDARD_STREAM, None, "")

    def accepts(self, message: Message) -> bool:
        """Whether the message may be taken now: until the type is known, the handshake and a shell's first output."""
        shell_begins = self._state is _State.AWAITING_REQUEST and message.payload_type == PayloadType.OUTPUT
        own = message.payload_type in (PayloadType.HANDSHAKE_REQUEST, PayloadType.HANDSHAKE_COMPLETE)
        return self._state is _State.OVER or own or shell_begins

    def receive(self, message: Message) -> tuple[Step, ...]:
        """What the agent's message leads to; an Output that leads to `Started` is to be shown as well."""
        kind = message.payload_type
        try:
            if kind == PayloadType.HANDSHAKE_REQUEST:
                return self._requested(HandshakeRequest.from_payload(message.payload))
            if kind == PayloadType.HANDSHAKE_COMPLETE:
                return self._completed(HandshakeComplete.from_payload(message.payload))
        except ProtocolViolation as violation:
            return self._failed(str(violation))
        if kind == PayloadType.OUTPUT and self._state is _State.AWAITING_REQUEST:
            self._state = _State.OVER
            return (self._request,)
        return ()

    def _requested(self, request: HandshakeRequest) -> tuple[Step, ...]:
        if self._state is not _State.AWAITING_REQUEST:
            return self._failed("the agent asks for a handshake in the middle of the session")
        self._state = _State.AWAITING_COMPLETE
        answers = tuple(self._answer(action, request.agent_version) for action in request.requested_client_actions)
        response = HandshakeResponse(
            client_version=self._version,
            processed_client_actions=answers,
            errors=tuple(answer.error for answer in answers if answer.error) or None,
        )
        reply = Message(PayloadType.HANDSHAKE_RESPONSE, response.to_payload())
        refusal = _refusal(response)
        return (reply, *self._failed(refusal)) if refusal else (reply,)

    def _answer(self, action: RequestedAction, agent_version: str) -> ProcessedAction:
        if action.action_type != _SESSION_TYPE:
            unsupported = action.action_type[:_QUOTED_CHARACTERS]
            return _answered(action, ActionStatus.UNSUPPORTED, f"Unsupported action {unsupported}")
        parameters: Mapping[str, JsonValue] = action.action_parameters or {}
        name = str(parameters.get("SessionType"))[:_QUOTED_CHARACTERS]
        if name not in {str(supported) for supported in self._supported}:
            return _answered(action, ActionStatus.FAILED, f"Unknown session type {name}")
        self._request = Started(SessionType(name), parameters.get("Properties"), agent_version)
        return _answered(action, ActionStatus.SUCCESS)

    def _completed(self, complete: HandshakeComplete) -> tuple[Step, ...]:
        if self._state is not _State.AWAITING_COMPLETE:
            return self._failed("the agent completes a handshake that is not under way")
        self._state = _State.OVER
        agreed = self._request
        return (Started(agreed.session_type, agreed.properties, agreed.peer_version, complete.customer_message),)

    def _failed(self, reason: str) -> tuple[Step, ...]:
        self._state = _State.OVER
        return (HandshakeFailed(reason),)


def _answered(action: RequestedAction, status: ActionStatus, error: str = "") -> ProcessedAction:
    return ProcessedAction(action_type=action.action_type, action_status=status, error=error)


def _refusal(response: HandshakeResponse) -> str:
    """Why the session cannot go on after this answer, empty if it can."""
    refused = [answer for answer in response.processed_client_actions if answer.action_status != ActionStatus.SUCCESS]
    if refused:
        return "; ".join(answer.error or f"{answer.action_type}: {answer.action_status.name}" for answer in refused)
    if _SESSION_TYPE not in {answer.action_type for answer in response.processed_client_actions}:
        return "no session type was agreed on"
    return ""
