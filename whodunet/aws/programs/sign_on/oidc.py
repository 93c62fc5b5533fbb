"""The token service (sso-oidc): programs register, ask for a person's permission, and come by tokens.

Source: the service model of sso-oidc, and what AWS CLI 2.9 and 2.23 send.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from whodunet.aws.account.authorization_code import Redemption
from whodunet.aws.account.cloudtrail import Failure
from whodunet.aws.account.device_authorization import INTERVAL_S, LIFETIME_S, DeviceAuthorization, user_code
from whodunet.aws.account.grants import WAITING, GrantError, GrantRefused, GrantType
from whodunet.aws.account.sign_on_clients import RegisteredClient, digest, grant_types
from whodunet.aws.account.sign_on_tokens import Granted, SignedIn
from whodunet.aws.programs.sign_on.exchange import JsonRequest, source_ip
from whodunet.aws.programs.sign_on.office import Office, new_id, random_bytes

_Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]
_Names = Annotated[tuple[_Name, ...], Field(max_length=10)]


class _RegisterClient(JsonRequest):
    client_name: _Name
    client_type: str
    scopes: _Names = ()
    redirect_uris: _Names = ()
    grant_types: _Names = ()


class _StartDeviceAuthorization(JsonRequest):
    client_id: str
    client_secret: str
    start_url: str


class _CreateToken(JsonRequest):
    client_id: str
    client_secret: str
    grant_type: str
    device_code: str = ""
    code: str = ""
    redirect_uri: str = ""
    code_verifier: str = ""
    refresh_token: str = ""


class Oidc:
    """The routes of the host oidc.<region>.amazonaws.com, but for the page that it shows to people."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            Route("/client/register", self._register, methods=["POST"]),
            Route("/device_authorization", self._start_device_authorization, methods=["POST"]),
            Route("/token", self._create_token, methods=["POST"]),
        ]

    async def _register(self, request: Request) -> Response:
        asked = await _RegisterClient.read(request)
        if asked.client_type != "public":
            raise GrantRefused(GrantError.INVALID_CLIENT_METADATA, "the client type has to be public")
        client = RegisteredClient(asked.client_name, asked.scopes, asked.redirect_uris, grant_types(asked.grant_types))
        registration = self._office.clients.register(client, new_id(), self._office.clock())
        answer = {
            "clientId": registration.client_id,
            "clientSecret": registration.client_secret,
            "clientIdIssuedAt": registration.issued_at_s,
            "clientSecretExpiresAt": registration.expires_at_s,
        }
        return JSONResponse(answer)

    async def _start_device_authorization(self, request: Request) -> Response:
        asked = await _StartDeviceAuthorization.read(request)
        now_s = self._office.clock()
        client = self._office.clients.proven(asked.client_id, asked.client_secret, now_s)
        client.check_grant(GrantType.DEVICE_CODE)
        if not self._office.settings.is_start_url(asked.start_url):
            raise GrantRefused(GrantError.INVALID_REQUEST, "Invalid start URL provided")
        code = user_code(random_bytes())
        waiting = DeviceAuthorization(new_id(), code, asked.client_id, client.name, source_ip(request), now_s)
        self._office.devices.start(waiting)
        page = f"https://{self._office.settings.device_host}/"
        answer = {
            "deviceCode": waiting.device_code,
            "userCode": code,
            "verificationUri": page,
            "verificationUriComplete": f"{page}?{urlencode({'user_code': code})}",
            "expiresIn": LIFETIME_S,
            "interval": INTERVAL_S,
        }
        return JSONResponse(answer)

    async def _create_token(self, request: Request) -> Response:
        asked = await _CreateToken.read(request)
        parameters = {"clientId": digest(asked.client_id), "grantType": asked.grant_type}
        try:
            who, granted = self._grant(asked)
        except GrantRefused as refused:
            if refused.error not in WAITING:
                failure = Failure(refused.error.exception, str(refused))
                self._office.audit.call(request, "CreateToken", None, parameters, failure)
            raise
        self._office.audit.call(request, "CreateToken", who, parameters)
        return JSONResponse(_token_answer(granted))

    def _grant(self, asked: _CreateToken) -> tuple[SignedIn, Granted]:
        office, now_s = self._office, self._office.clock()
        client = office.clients.proven(asked.client_id, asked.client_secret, now_s)
        grant_type = grant_types([asked.grant_type])[0]
        client.check_grant(grant_type)
        if grant_type is GrantType.REFRESH_TOKEN:
            return office.tokens.renew(asked.refresh_token, asked.client_id, now_s)
        if grant_type is GrantType.DEVICE_CODE:
            person = office.devices.poll(asked.device_code, asked.client_id, now_s)
        else:
            shown = Redemption(asked.code, asked.client_id, asked.redirect_uri, asked.code_verifier)
            person = office.codes.redeem(shown, now_s)
        who = SignedIn(person, new_id())
        return who, office.tokens.begin(who, client, asked.client_id, now_s)


def grant_refused(_: Request, refused: Exception) -> Response:
    """The answer of the token service to what it does not grant."""
    assert isinstance(refused, GrantRefused)
    answer = {"error": refused.error, "error_description": str(refused)}
    return JSONResponse(answer, refused.error.status, {"x-amzn-ErrorType": refused.error.exception})


def _token_answer(granted: Granted) -> dict[str, str | int]:
    answer: dict[str, str | int] = {
        "accessToken": granted.access_token,
        "tokenType": "Bearer",
        "expiresIn": granted.expires_in_s,
    }
    return answer if granted.refresh_token is None else {**answer, "refreshToken": granted.refresh_token}
