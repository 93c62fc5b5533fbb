"""CreateControlChannel and CreateDataChannel: how agents come by the tokens that open their channels."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import ClassVar, Final

from whodunet.aws.account.account import Account
from whodunet.aws.programs.clock import now
from whodunet.aws.programs.control_plane.api_errors import BAD_REQUEST, ApiError
from whodunet.aws.programs.control_plane.authentication import Caller
from whodunet.aws.programs.control_plane.gate import Permission, require_instance
from whodunet.aws.programs.control_plane.operations import Answer, Call, Operation, Operations, Request
from whodunet.aws.programs.control_plane.sessions import LiveSession, Sessions
from whodunet.aws.ssm.frames import Now
from whodunet.aws.ssm.tokens import Holder, OneTimeTokens, Side

_TOKEN_BYTES: Final = 96
_TERMINATED: Final = "Session is already terminated"  # what an agent looks for to give the session up


class _OfChannel(Request):
    read_only: ClassVar[bool] = False
    action: ClassVar[str]

    def permissions(self, account: Account) -> Iterable[Permission]:
        """On nothing in particular."""
        yield Permission(self.action, account.service_arn("ssmmessages"))


class CreateControlChannel(_OfChannel):
    """A token for the control channel of an instance."""

    action: ClassVar[str] = "ssmmessages:CreateControlChannel"

    instance_id: str


class CreateDataChannel(_OfChannel):
    """A token for the agent's data channel of a session."""

    action: ClassVar[str] = "ssmmessages:CreateDataChannel"

    session_id: str


class ChannelTokens:
    """Hands them out."""

    def __init__(
        self, account: Account, sessions: Sessions, tokens: OneTimeTokens, clock: Callable[[], Now] = now
    ) -> None:
        self._account = account
        self._sessions = sessions
        self._tokens = tokens
        self._clock = clock

    def operations(self) -> Operations:
        """By name."""
        return {
            "CreateControlChannel": Operation(CreateControlChannel, self.create_control),
            "CreateDataChannel": Operation(CreateDataChannel, self.create_data),
        }

    async def create_control(self, request: CreateControlChannel, call: Call) -> Answer:
        """A token for the instance itself."""
        require_instance(self._account, call.caller, request.instance_id)
        return self._token(Holder(request.instance_id, Side.CONTROL))

    async def create_data(self, request: CreateDataChannel, call: Call) -> Answer:
        """A token for the instance that the session is with."""
        session = session_of_agent(self._account, self._sessions, call.caller, request.session_id)
        session.agent_asked = True
        return self._token(Holder(request.session_id, Side.AGENT))

    def _token(self, holder: Holder) -> Answer:
        token = self._tokens.issue(holder, secrets.token_urlsafe(_TOKEN_BYTES), self._clock().monotonic_s)
        return {"MessageSchemaVersion": "1.0", "TokenValue": token}


def session_of_agent(account: Account, sessions: Sessions, caller: Caller, session_id: str) -> LiveSession:
    """The session, if it goes on and the caller is its instance; raises ApiError otherwise."""
    session = sessions.live(session_id)
    if session is None:
        raise ApiError(BAD_REQUEST, _TERMINATED)
    require_instance(account, caller, session.order.target)
    return session
