"""Asks an ASGI application one thing, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp, Message


@dataclass(frozen=True)
class Answer:
    """A response, its header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


def ask(
    app: ASGIApp,
    method: str,
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    client: str = "192.0.2.9",
) -> Answer:
    """The application's answer to a request for an absolute URL."""
    scope = _scope(method, url, headers or {}, client)
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(_call(app, scope, receive, send))
    return _answer(sent)


async def _call(app: ASGIApp, *arguments: Any) -> None:
    await app(*arguments)


def _scope(method: str, url: str, headers: Mapping[str, str], client: str) -> dict[str, Any]:
    parts = urlsplit(url)
    all_headers = {"host": parts.netloc} | {name.lower(): value for name, value in headers.items()}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": parts.scheme,
        "path": unquote(parts.path) or "/",
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in all_headers.items()],
        "client": (client, 40000),
        "server": (parts.hostname, parts.port),
    }


def _answer(sent: list[Message]) -> Answer:
    start = sent[0]
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))
