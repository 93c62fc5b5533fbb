"""What ssm's operations on sessions are asked with, and which permissions they need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from whodunet.aws.account.account import Account
from whodunet.aws.programs.control_plane.gate import Permission
from whodunet.aws.programs.control_plane.operations import Request

Target = Annotated[str, StringConstraints(min_length=1, max_length=400)]
SessionId = Annotated[str, StringConstraints(min_length=1, max_length=96)]


class StartSession(Request):
    """A session with an instance."""

    read_only: ClassVar[bool] = False

    target: Target
    document_name: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_\-.:/]{3,128}$")] | None = None
    reason: Annotated[str, StringConstraints(min_length=1, max_length=256)] = ""
    parameters: Mapping[str, list[str]] = Field(default_factory=dict)

    def permissions(self, account: Account) -> Iterable[Permission]:
        """On the instance, and on the document if one is named."""
        yield Permission("ssm:StartSession", account.instance_arn(self.target))
        if self.document_name is not None:
            yield Permission("ssm:StartSession", account.document_arn(self.document_name))


class OfSession(Request):
    """Something with one session."""

    read_only: ClassVar[bool] = False
    action: ClassVar[str]

    session_id: SessionId

    def permissions(self, account: Account) -> Iterable[Permission]:
        """On the session."""
        yield Permission(self.action, account.session_arn(self.session_id))


class ResumeSession(OfSession):
    """A new token for a session whose client was cut off."""

    action: ClassVar[str] = "ssm:ResumeSession"


class TerminateSession(OfSession):
    """The end of a session."""

    action: ClassVar[str] = "ssm:TerminateSession"


class GetConnectionStatus(Request):
    """Whether an instance can be reached."""

    target: Target

    def permissions(self, account: Account) -> Iterable[Permission]:
        """On the instance."""
        yield Permission("ssm:GetConnectionStatus", account.instance_arn(self.target))


class SessionFilter(Request):
    """One filter, whose keys are in lower case."""

    key: Annotated[
        Literal["InvokedAfter", "InvokedBefore", "Target", "Owner", "Status", "SessionId"], Field(alias="key")
    ]
    value: Annotated[str, StringConstraints(min_length=1, max_length=400), Field(alias="value")]


class DescribeSessions(Request):
    """The sessions that there are, or were."""

    state: Literal["Active", "History"]
    filters: Annotated[tuple[SessionFilter, ...], Field(max_length=6)] = ()
    max_results: Annotated[int, Field(ge=1, le=200)] = 200
    next_token: str = "0"

    def permissions(self, account: Account) -> Iterable[Permission]:
        """On nothing in particular."""
        yield Permission("ssm:DescribeSessions", account.service_arn("ssm"))
