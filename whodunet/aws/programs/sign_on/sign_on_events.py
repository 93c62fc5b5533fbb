"""What the sign-on records: who asked for what, from where, and whether it was given."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from starlette.requests import Request

from whodunet.aws.account.cloudtrail import ApiCall, Failure, Record, unidentified
from whodunet.aws.account.sign_on_records import Decision, identity_center_user
from whodunet.aws.account.sign_on_tokens import SignedIn
from whodunet.aws.programs.audit_trail import AuditTrail
from whodunet.aws.programs.sign_on.exchange import request_id, source_ip

log = logging.getLogger("session_manager.sign_on")


class Audit:
    """Writes to the account's audit trail, and a line to the log."""

    def __init__(self, trail: AuditTrail, account_id: str) -> None:
        self._trail = trail
        self._account_id = account_id

    def call(
        self,
        request: Request,
        operation: str,
        who: SignedIn | None,
        parameters: Mapping[str, object],
        failure: Failure | None = None,
    ) -> None:
        """A call of the token service or the portal."""
        known = None if who is None else identity_center_user(who.person, self._account_id, who.session)
        call = _api_call(request, "sso", operation, known, parameters, failure)
        self._trail.append(call)
        _log(call)

    def decision(
        self, request: Request, person: str | None, parameters: Mapping[str, object], failure: Failure | None = None
    ) -> None:
        """A person's answer to what a program asked."""
        known = None if person is None else identity_center_user(person, self._account_id)
        call = _api_call(request, "signin", "UserAuthentication", known, parameters, failure)
        self._trail.append(Decision(call))
        _log(call)


def _log(call: ApiCall) -> None:
    who = call.user_identity.get("userName", "nobody known")
    outcome = call.failure.code if call.failure else "done"
    log.info("%s by %s from %s: %s", call.operation, who, call.source_ip, outcome)


def _api_call(
    request: Request,
    service: str,
    operation: str,
    who: Record | None,
    parameters: Mapping[str, object],
    failure: Failure | None,
) -> ApiCall:
    return ApiCall(
        service=service,
        operation=operation,
        user_identity=who or unidentified(),
        source_ip=source_ip(request),
        user_agent=request.headers.get("user-agent", ""),
        request_id=request_id(request),
        read_only=operation.startswith(("List", "Get")),
        request=parameters,
        failure=failure,
    )
