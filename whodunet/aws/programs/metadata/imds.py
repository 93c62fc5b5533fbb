"""The routes of the metadata service: a token first, and then everything by GET.

Source: EC2 User Guide, "Use the Instance Metadata Service to access instance metadata"; the words of the error pages
are those of EC2.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from whodunet.aws.account.instance_metadata import metadata, read
from whodunet.aws.account.role_credentials import RoleCredentials
from whodunet.aws.account.seal import Identity, InvalidToken, Seal
from whodunet.aws.instance_connect.pushed_keys import active_keys
from whodunet.aws.programs.managed_keys import ManagedKeys
from whodunet.aws.programs.metadata.settings import MetadataSettings

_TOKEN: Final = "X-aws-ec2-metadata-token"
_TTL: Final = "X-aws-ec2-metadata-token-ttl-seconds"
_MAX_TTL_S: Final = 21600
_SERVER: Final = {"Server": "EC2ws"}
_NONCE_BYTES: Final = 16
_ERROR_PAGE: Final = """<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
	"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>{status} - {phrase}</title>
 </head>
 <body>
  <h1>{status} - {phrase}</h1>
 </body>
</html>
"""


def application(settings: MetadataSettings, clock: Callable[[], float] = time.time) -> Starlette:
    """The metadata service of one instance.

    Args:
        clock: seconds since the epoch.
    """
    service = _Service(settings, clock)
    routes = [
        Route("/latest/api/token", service.token, methods=["PUT"]),
        Route("/{path:path}", service.get, methods=["GET"]),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _error_page})


class _Service:
    def __init__(self, settings: MetadataSettings, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seal = Seal(bytes.fromhex(settings.seal_key))
        self._use = f"metadata of {settings.instance_id}"  # a token is for its own instance
        self._instance = settings.instance(clock())
        self._identity = self._credentials(settings.identity(), settings)
        self._keys = None if settings.managed_keys is None else ManagedKeys(settings.managed_keys)
        profile = settings.profile()
        self._profile = None if profile is None else self._credentials(profile, settings)

    async def token(self, request: Request) -> Response:
        """A session token, without which nothing is told."""
        if "X-Forwarded-For" in request.headers:  # a proxy stands between: who asks is not the instance itself
            raise HTTPException(HTTPStatus.FORBIDDEN)
        ttl_s = _ttl_s(request)
        token = self._seal.seal(self._use, {}, int(self._clock()) + ttl_s)
        return PlainTextResponse(token, headers=_SERVER | {_TTL: str(ttl_s)})

    async def get(self, request: Request) -> Response:
        """What is at a path."""
        now_s = self._clock()
        try:
            self._seal.open(self._use, request.headers.get(_TOKEN, ""), now_s)
        except InvalidToken as error:
            raise HTTPException(HTTPStatus.UNAUTHORIZED) from error
        profile = None if self._profile is None else self._profile.at(now_s)
        tree = metadata(self._instance, self._identity.at(now_s), profile, self._pushed_keys(now_s))
        found = read(tree, request.path_params["path"])
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return PlainTextResponse(found, headers=_SERVER)

    def _pushed_keys(self, now_s: float) -> dict[str, str]:
        instance_id = self._instance.instance_id
        return {} if self._keys is None else active_keys(self._keys.of(instance_id), instance_id, now_s)

    def _credentials(self, whose: Identity, settings: MetadataSettings) -> RoleCredentials:
        lifetime_s = settings.credential_lifetime_s
        return RoleCredentials(self._seal, whose, lifetime_s, lambda: secrets.token_bytes(_NONCE_BYTES))


def _ttl_s(request: Request) -> int:
    text = request.headers.get(_TTL, "")
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_MAX_TTL_S)) and 1 <= int(text) <= _MAX_TTL_S):
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    return int(text)


async def _error_page(_: Request, error: Exception) -> Response:
    status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    page = _ERROR_PAGE.format(status=status.value, phrase=status.phrase)
    return Response(page, status, _SERVER, media_type="text/html")
