"""sts: who somebody is, and how somebody becomes a role."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Annotated, ClassVar, Final

from pydantic import Field, StringConstraints

from whodunet.aws.account.account import Account, NotAuthorised
from whodunet.aws.account.seal import Identity, Seal
from whodunet.aws.account.timestamps import utc_text
from whodunet.aws.programs.control_plane.api_errors import ACCESS_DENIED, ApiError
from whodunet.aws.programs.control_plane.gate import circumstances
from whodunet.aws.programs.control_plane.operations import Answer, Call, Operation, Operations, Request

_NONCE_BYTES: Final = 16


class GetCallerIdentity(Request):
    """Who am I? Nobody needs a permission to know."""


class AssumeRole(Request):
    """Credentials of another role."""

    read_only: ClassVar[bool] = False

    role_arn: Annotated[str, StringConstraints(min_length=20, max_length=2048)]
    role_session_name: Annotated[str, StringConstraints(pattern=r"^[\w+=,.@-]{2,64}$")]
    duration_seconds: Annotated[int, Field(ge=900, le=43200)] = 3600


class Sts:
    """Answers them."""

    def __init__(self, account: Account, seal: Seal, clock: Callable[[], float] = time.time) -> None:
        self._account = account
        self._seal = seal
        self._clock = clock

    def operations(self) -> Operations:
        """By name."""
        return {
            "GetCallerIdentity": Operation(GetCallerIdentity, self.caller_identity),
            "AssumeRole": Operation(AssumeRole, self.assume_role),
        }

    async def caller_identity(self, request: GetCallerIdentity, call: Call) -> Answer:
        """The caller."""
        identity = call.caller.identity
        return {"Arn": identity.arn, "UserId": identity.user_id, "Account": identity.account_id}

    async def assume_role(self, request: AssumeRole, call: Call) -> Answer:
        """Temporary credentials, if the role trusts the caller."""
        now_s = self._clock()
        try:
            self._account.authorise_assumption(call.caller.identity, request.role_arn, circumstances(call.visit, now_s))
        except NotAuthorised as refused:
            raise ApiError(ACCESS_DENIED, str(refused)) from refused
        role = request.role_arn.rpartition("/")[2]
        identity = Identity(self._account.account_id, role, request.role_session_name)
        issued = self._seal.issue(identity, now_s, request.duration_seconds, secrets.token_bytes(_NONCE_BYTES))
        return {
            "AssumedRoleUser": {"AssumedRoleId": identity.user_id, "Arn": identity.arn},
            "Credentials": {
                "AccessKeyId": issued.access_key_id,
                "SecretAccessKey": issued.secret_access_key,
                "SessionToken": issued.session_token,
                "Expiration": utc_text(issued.expires_at_s),
            },
        }
