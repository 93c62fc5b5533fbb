"""Requests and responses as the sign-on has them: bounded bodies, and a number for each exchange."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Final, Self
from urllib.parse import parse_qs
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from whodunet.aws.account.grants import GrantError, GrantRefused

_MOST_BYTES: Final = 64 * 1024
_REQUEST_ID: Final = "whodunet.request_id"


class JsonRequest(BaseModel):
    """A request of the token service: camelCase keys, unknown ones ignored, as newer clients have more."""

    model_config = ConfigDict(strict=True, frozen=True, alias_generator=to_camel)

    @classmethod
    async def read(cls, request: Request) -> Self:
        """Reads it; raises GrantRefused (invalid_request) with the first key that is wrong."""
        try:
            return cls.model_validate_json(await body(request))
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            reason = f"{key}: {first['msg']}" if key else first["msg"]
            raise GrantRefused(GrantError.INVALID_REQUEST, reason) from error


class RequestIds:
    """Gives each request a number and tells it in the response, as AWS does."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes it on."""
        number = scope[_REQUEST_ID] = str(uuid4())

        async def numbered(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(raw=message["headers"])["x-amzn-RequestId"] = number
            await send(message)

        await self._app(scope, receive, numbered)


async def form(request: Request) -> dict[str, str]:
    """The fields of a form that a browser sends; of one that comes twice, the first."""
    text = (await body(request)).decode(errors="replace")
    return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}


async def body(request: Request) -> bytes:
    """The request's content; raises GrantRefused (invalid_request) once it is longer than any honest one."""
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > _MOST_BYTES:
            raise GrantRefused(GrantError.INVALID_REQUEST, "the request is too long")
    return content


def request_id(request: Request) -> str:
    """The number of the exchange that a request is part of."""
    scope: MutableMapping[str, object] = request.scope
    return str(scope[_REQUEST_ID])


def source_ip(request: Request) -> str:
    """The address that a request comes from."""
    return request.client.host if request.client else ""
