"""The operations of ssm on sessions."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from whodunet.aws.account.patterns import Context
from whodunet.aws.programs.clock import now
from whodunet.aws.programs.control_plane.api_errors import (
    INVALID_DOCUMENT,
    INVALID_NEXT_TOKEN,
    INVALID_PARAMETERS,
    TARGET_NOT_CONNECTED,
    VALIDATION,
    ApiError,
)
from whodunet.aws.programs.control_plane.instances import Instances
from whodunet.aws.programs.control_plane.operations import Answer, Call, Operation, Operations
from whodunet.aws.programs.control_plane.session_requests import (
    DescribeSessions,
    GetConnectionStatus,
    OfSession,
    ResumeSession,
    SessionFilter,
    StartSession,
    TerminateSession,
)
from whodunet.aws.programs.control_plane.sessions import LiveSession, Sessions
from whodunet.aws.ssm.documents import DEFAULT_DOCUMENT, DOCUMENTS, SessionDocument, flatten
from whodunet.aws.ssm.frames import Now
from whodunet.aws.ssm.session import Order, session_id
from whodunet.aws.ssm.tokens import Holder, OneTimeTokens, Side
from whodunet.aws.ssm.violations import InvalidParameters

_LETTERS: Final = string.ascii_lowercase + string.digits
_ENDING_LETTERS: Final = 17
_TOKEN_BYTES: Final = 96
_MOST_DIGITS: Final = 9


class SsmSessions:
    """Answers them."""

    def __init__(
        self,
        sessions: Sessions,
        instances: Instances,
        tokens: OneTimeTokens,
        stream_host: str,
        clock: Callable[[], Now] = now,
    ) -> None:
        self._clock = clock
        self._sessions = sessions
        self._instances = instances
        self._tokens = tokens
        self._stream_host = stream_host

    def operations(self) -> Operations:
        """By name."""
        return {
            "StartSession": Operation(StartSession, self.start),
            "ResumeSession": Operation(ResumeSession, self.resume, self.tags),
            "TerminateSession": Operation(TerminateSession, self.terminate, self.tags),
            "DescribeSessions": Operation(DescribeSessions, self.describe),
            "GetConnectionStatus": Operation(GetConnectionStatus, self.connection_status),
        }

    async def start(self, request: StartSession, call: Call) -> Answer:
        """Begins a session and tells the agent, now if it can be told and else when it can."""
        order = self._order(request, call)
        instance = self._instances.get(request.target)
        if instance is None or not instance.reachable:
            raise ApiError(TARGET_NOT_CONNECTED, f"{request.target} is not connected.")
        self._sessions.start(order, call.caller)
        instance.deliver(order)
        return self._way_in(order.session_id)

    async def resume(self, request: ResumeSession, call: Call) -> Answer:
        """A token; none for a session that is over or unknown, from which a plugin concludes that it timed out."""
        if self._sessions.live(request.session_id) is None:
            return {"SessionId": request.session_id}
        return self._way_in(request.session_id)

    async def terminate(self, request: TerminateSession, call: Call) -> Answer:
        """Ends the session, if it has not ended."""
        session = self._sessions.live(request.session_id)
        if session is not None:
            self.cancel(session)
            self._sessions.end(session, reason=f"terminated by {call.caller.identity.arn}")
        return {"SessionId": request.session_id}

    def tags(self, request: OfSession) -> Context:
        """What is known of the session."""
        session = self._sessions.live(request.session_id)
        return {} if session is None else session.order.tags

    def cancel(self, session: LiveSession) -> None:
        """Tells an agent whose data channel is not open, on the control channel, that a session is over."""
        instance = self._instances.get(session.order.target)
        if instance is not None and not session.has_agent:
            instance.cancel(session.order.session_id)

    async def describe(self, request: DescribeSessions, call: Call) -> Answer:
        """Newest first, a page at a time."""
        active = request.state == "Active"
        told = [_description(it) for it in self._sessions if it.status.active == active]
        found = [it for it in told if all(_fits(each, it) for each in request.filters)]
        page, next_token = paged(found, request.next_token, request.max_results)
        return {"Sessions": page, **next_token}

    async def connection_status(self, request: GetConnectionStatus, call: Call) -> Answer:
        """Connected means that the control channel is open."""
        instance = self._instances.get(request.target)
        connected = instance is not None and instance.control is not None
        return {"Target": request.target, "Status": "connected" if connected else "notconnected"}

    def _order(self, request: StartSession, call: Call) -> Order:
        name = request.document_name or DEFAULT_DOCUMENT
        document = _find_document(name)
        ending = "".join(secrets.choice(_LETTERS) for _ in range(_ENDING_LETTERS))
        return Order(
            session_id=session_id(call.caller.identity.session, ending),
            owner=call.caller.identity,
            target=request.target,
            document_name=name,
            document=document,
            parameters=_flattened(document, request.parameters),
            started_at_s=self._clock().epoch_s,
            source_ip=call.visit.source_ip,
            reason=request.reason,
        )

    def _way_in(self, identifier: str) -> Answer:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        return {
            "SessionId": identifier,
            "TokenValue": self._tokens.issue(Holder(identifier, Side.CLIENT), token, self._clock().monotonic_s),
            "StreamUrl": f"wss://{self._stream_host}/v1/data-channel/{identifier}?role=publish_subscribe",
        }


def _find_document(name: str) -> SessionDocument:
    """The document; raises ApiError if there is none."""
    document = DOCUMENTS.get(name.rpartition("/")[2])
    if document is None:
        raise ApiError(INVALID_DOCUMENT, f"Document with name {name} does not exist.")
    return document


def paged(found: Sequence[Answer], start: str, most: int) -> tuple[Sequence[Answer], Mapping[str, str]]:
    """One page, and the token of the next as a member of the answer; raises ApiError for a token that is none."""
    if not (start.isascii() and start.isdigit() and len(start) <= _MOST_DIGITS):
        raise ApiError(INVALID_NEXT_TOKEN, "The specified token isn't valid.")
    end = int(start) + most
    return found[int(start) : end], {"NextToken": str(end)} if end < len(found) else {}


def _flattened(document: SessionDocument, given: Mapping[str, Sequence[str]]) -> dict[str, str]:
    try:
        return flatten(document, given)
    except InvalidParameters as error:
        raise ApiError(INVALID_PARAMETERS, str(error)) from error


def _description(session: LiveSession) -> Answer:
    order = session.order
    ended = {} if session.ended_at_ms is None else {"EndDate": session.ended_at_ms / 1000}
    return {
        "SessionId": order.session_id,
        "Target": order.target,
        "Status": session.status.value,
        "StartDate": order.started_at_s,
        **ended,
        "DocumentName": order.document_name,
        "Owner": order.owner.arn,
        **({"Reason": order.reason} if order.reason else {}),
        "OutputUrl": {},
    }


def _fits(asked: SessionFilter, told: Mapping[str, object]) -> bool:
    if asked.key.startswith("Invoked"):
        started_s, moment_s = told["StartDate"], _moment_s(asked.value)
        assert isinstance(started_s, int | float)
        return started_s >= moment_s if asked.key == "InvokedAfter" else started_s < moment_s
    return told[asked.key] == asked.value


def _moment_s(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise ApiError(VALIDATION, f"{text} is not a time in ISO 8601.") from error
