"""The portal (sso): what a signed-in person may use, and a role's credentials for it.

Source: the service model of sso; the words of the refusals are those of AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from whodunet.aws.account.cloudtrail import Failure
from whodunet.aws.account.seal import Identity, InvalidToken
from whodunet.aws.account.sign_on_records import DOMAIN, user_name
from whodunet.aws.account.sign_on_tokens import SignedIn
from whodunet.aws.programs.sign_on.office import Office, random_bytes

_TOKEN: Final = "x-amz-sso_bearer_token"
_NAMESPACE: Final = "com.amazonaws.switchboard.portal"
_MOST_RESULTS: Final = 100
_MOST_DIGITS: Final = 9
_STATUS: Final = {"UnauthorizedException": 401, "ForbiddenException": 403, "InvalidRequestException": 400}
_RECORDED: Final = {"accountId": "account_id", "roleName": "role_name"}

Answer = Callable[[Request, SignedIn], Mapping[str, object] | None]


class PortalRefused(Exception):
    """The portal does not give it; the message is the one that AWS gives."""

    def __init__(self, exception: str, message: str) -> None:
        super().__init__(message)
        self.exception = exception


class Portal:
    """The routes of the host portal.sso.<region>.amazonaws.com."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            self._route("GET", "/federation/credentials", "GetRoleCredentials", self._role_credentials),
            self._route("GET", "/assignment/accounts", "ListAccounts", self._accounts),
            self._route("GET", "/assignment/roles", "ListAccountRoles", self._roles),
            self._route("POST", "/logout", "Logout", self._logout),
        ]

    def _route(self, method: str, path: str, operation: str, answer: Answer) -> Route:
        """A route for people who are signed in; every call of it is recorded."""

        async def endpoint(request: Request) -> Response:
            given = request.query_params
            parameters = {key: given[name] for key, name in _RECORDED.items() if name in given}
            who = None
            try:
                who = self._signed_in(request)
                content = answer(request, who)
            except PortalRefused as refused:
                failure = Failure(refused.exception, str(refused))
                self._office.audit.call(request, operation, who, parameters, failure)
                raise
            self._office.audit.call(request, operation, who, parameters)
            return Response() if content is None else JSONResponse(content)

        return Route(path, endpoint, methods=[method])

    def _signed_in(self, request: Request) -> SignedIn:
        try:
            who = self._office.tokens.signed_in(request.headers.get(_TOKEN, ""), self._office.clock())
        except InvalidToken as error:
            raise PortalRefused("UnauthorizedException", "Session token not found or invalid") from error
        if who.person not in self._office.settings.people:
            raise PortalRefused("UnauthorizedException", "Session token not found or invalid")
        return who

    def _role_credentials(self, request: Request, who: SignedIn) -> Mapping[str, object]:
        settings = self._office.settings
        role = _parameter(request, "role_name")
        self._check_account(request)
        if role not in settings.roles_of(who.person):
            raise PortalRefused("ForbiddenException", "No access")
        identity = Identity(settings.account_id, role, user_name(who.person))
        now_s = self._office.clock()
        issued = self._office.seal.issue(identity, now_s, settings.credential_lifetime_s, random_bytes())
        credentials = {
            "accessKeyId": issued.access_key_id,
            "secretAccessKey": issued.secret_access_key,
            "sessionToken": issued.session_token,
            "expiration": issued.expires_at_s * 1000,  # milliseconds, here alone
        }
        return {"roleCredentials": credentials}

    def _accounts(self, request: Request, who: SignedIn) -> Mapping[str, object]:
        settings = self._office.settings
        account = {
            "accountId": settings.account_id,
            "accountName": settings.account_name,
            "emailAddress": f"aws@{DOMAIN}",
        }
        return _page("accountList", [account] if settings.roles_of(who.person) else [], request)

    def _roles(self, request: Request, who: SignedIn) -> Mapping[str, object]:
        self._check_account(request)
        settings = self._office.settings
        roles = [{"roleName": role, "accountId": settings.account_id} for role in settings.roles_of(who.person)]
        return _page("roleList", roles, request)

    def _logout(self, _: Request, who: SignedIn) -> None:
        self._office.tokens.end(who, self._office.clock())

    def _check_account(self, request: Request) -> None:
        if _parameter(request, "account_id") != self._office.settings.account_id:
            raise PortalRefused("ForbiddenException", "No access")


def portal_refused(_: Request, refused: Exception) -> Response:
    """The portal's answer to what it does not give."""
    assert isinstance(refused, PortalRefused)
    answer = {"message": str(refused), "__type": f"{_NAMESPACE}#{refused.exception}"}
    return JSONResponse(answer, _STATUS[refused.exception], {"x-amzn-ErrorType": refused.exception})


def _parameter(request: Request, name: str) -> str:
    value = request.query_params.get(name, "")
    if not value:
        raise PortalRefused("InvalidRequestException", f"{name} is missing")
    return value


def _page(key: str, items: Sequence[Mapping[str, str]], request: Request) -> Mapping[str, object]:
    """As many as the client wants at a time, and where the next ones begin."""
    first = _number(request, "next_token", 0, range(len(items) + 1))
    rest = first + _number(request, "max_result", _MOST_RESULTS, range(1, _MOST_RESULTS + 1))
    return {key: items[first:rest], "nextToken": str(rest) if rest < len(items) else None}


def _number(request: Request, name: str, default: int, allowed: range) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and int(text) in allowed):
        raise PortalRefused("InvalidRequestException", f"{name} is not valid")
    return int(text)
