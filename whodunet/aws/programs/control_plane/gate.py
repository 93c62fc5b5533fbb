"""The way into every API: who is there, what they may do, and the record of all who tried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from starlette.requests import HTTPConnection

from whodunet.aws.account.account import Account, NotAuthorised
from whodunet.aws.account.cloudtrail import ApiCall, unidentified
from whodunet.aws.account.patterns import Context
from whodunet.aws.account.timestamps import utc_text
from whodunet.aws.programs.audit_trail import AuditTrail
from whodunet.aws.programs.control_plane.api_errors import ACCESS_DENIED, ApiError
from whodunet.aws.programs.control_plane.authentication import Authenticator, Caller, SignedRequest


@dataclass(frozen=True, slots=True)
class Permission:
    """What an operation needs to be allowed."""

    action: str
    resource: str


@dataclass(slots=True)
class Visit:
    """One call, with what is known about it so far."""

    service: str
    operation: str
    signed: SignedRequest
    request: Mapping[str, object] | None = None
    read_only: bool = False
    hidden: frozenset[str] = frozenset()
    caller: Caller | None = None
    request_id: str = field(default_factory=lambda: str(uuid4()))

    @property
    def source_ip(self) -> str:
        """Where it comes from."""
        return self.signed.source_ip


class Gate:
    """Lets in those who prove who they are and may do what they want; writes everybody down."""

    def __init__(self, authenticator: Authenticator, account: Account, trail: AuditTrail) -> None:
        self._authenticator = authenticator
        self._account = account
        self._trail = trail

    def authenticate(self, visit: Visit) -> Caller:
        """Who it is; raises ApiError if that is not certain."""
        visit.caller = self._authenticator.authenticate(visit.signed, visit.service)
        return visit.caller

    def authorise(self, caller: Caller, permissions: Iterable[Permission], context: Context) -> None:
        """Raises ApiError for the first permission that the caller lacks."""
        for permission in permissions:
            try:
                self._account.authorise(caller.identity, permission.action, permission.resource, context)
            except NotAuthorised as refused:
                raise ApiError(ACCESS_DENIED, str(refused)) from refused

    def record(
        self, visit: Visit, response: Mapping[str, object] | None = None, refused: ApiError | None = None
    ) -> None:
        """Writes the call down, answered or refused."""
        claimed = visit.signed.header("authorization").partition("Credential=")[2].partition("/")[0]
        call = ApiCall(
            service=visit.service,
            operation=visit.operation,
            user_identity=visit.caller.user_identity() if visit.caller else unidentified(claimed[:128]),
            source_ip=visit.source_ip,
            user_agent=visit.signed.header("user-agent"),
            request_id=visit.request_id,
            read_only=visit.read_only,
            hidden=visit.hidden,
            request=visit.request,
            response=response,
            failure=refused.failure if refused else None,
        )
        self._trail.append(call)


def require_instance(account: Account, caller: Caller, instance_id: str) -> None:
    """Raises ApiError unless the caller is this instance itself."""
    if not account.is_instance(caller.identity, instance_id):
        raise ApiError(ACCESS_DENIED, f"{caller.identity.arn} is not the instance {instance_id}.")


def circumstances(visit: Visit, now_s: float) -> dict[str, str]:
    """What conditions of policies can ask about a call."""
    return {
        "aws:sourceip": visit.source_ip,
        "aws:useragent": visit.signed.header("user-agent"),
        "aws:securetransport": "true",
        "aws:currenttime": utc_text(now_s),
        "aws:epochtime": str(int(now_s)),
    }


def signed_request(connection: HTTPConnection, body: bytes = b"") -> SignedRequest:
    """The request as it came over the wire."""
    scope = connection.scope
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return SignedRequest(
        method=scope.get("method", "GET"),  # a WebSocket begins with a GET
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
        source_ip=connection.client.host if connection.client else "",
        source_port=connection.client.port if connection.client else 0,
    )
