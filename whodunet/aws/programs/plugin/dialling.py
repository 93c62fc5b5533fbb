"""How the plugin gets to a socket: with the token that StartSession gave, and after a loss with a new one."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

from websockets.exceptions import ConnectionClosed, InvalidStatus, ProxyError, WebSocketException
from websockets.proxy import get_proxy
from websockets.uri import parse_uri

from whodunet.aws.programs.channel_socket import CannotConnect, SessionLost
from whodunet.aws.programs.plugin import CLIENT_VERSION
from whodunet.aws.programs.plugin.invocation import Invocation
from whodunet.aws.programs.trust import certificates
from whodunet.aws.programs.web_socket import Socket, open_socket
from whodunet.aws.ssm.payloads import OpenClientChannel

_FIRST_RETRIES: Final = 5
_FIRST_PATIENCE_S: Final = 20.0  # no attempt is begun after as long; each may take 10 s to time out

_WORDS: Final[Sequence[tuple[type[Exception] | tuple[type[Exception], ...], str]]] = (
    (FileNotFoundError, "there is no file {certificates} with certificates to trust"),
    (ssl.SSLCertVerificationError, "its certificate is not trusted: {0.verify_message}"),
    (socket.gaierror, "the name cannot be resolved: {0.strerror}"),
    (TimeoutError, "timed out"),
    (ConnectionRefusedError, "connection refused"),
    (InvalidStatus, "the answer was HTTP {0.response.status_code}"),
    (ProxyError, "the proxy does not let it through: {0}"),
    ((ConnectionClosed, ConnectionResetError, EOFError), "the connection was closed"),
)

OpenSocket = Callable[[str, dict[str, str], str], Awaitable[Socket]]


class Resumes(Protocol):
    """Who has a new token after a loss."""

    async def resume(self) -> str: ...


class Dialler:
    """Makes one attempt a call, as `ChannelSocket` wants it; gives up sooner if there has never been a socket."""

    def __init__(
        self,
        invocation: Invocation,
        service: Resumes,
        open_socket: OpenSocket = open_socket,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = invocation.stream_url
        self._token = invocation.token
        self._service, self._open, self._clock_s = service, open_socket, clock_s
        self._client_id = str(uuid4())
        self._opened = False
        self._failures = 0
        self._began_s = clock_s()

    async def __call__(self) -> Socket:
        """A socket on which the session goes on; raises CannotConnect, or SessionLost if that is final."""
        if self._opened:
            self._token = await self._service.resume()
        try:
            opened = await self._open(self._url, {}, self._greeting())
        except (OSError, WebSocketException) as failure:
            raise self._failed(failure) from failure
        self._opened = True
        return opened

    def _greeting(self) -> str:
        greeting = OpenClientChannel(
            request_id=str(uuid4()),
            token_value=self._token,
            client_id=self._client_id,
            client_version=CLIENT_VERSION,
        )
        return greeting.to_payload().decode()

    def _failed(self, failure: Exception) -> CannotConnect | SessionLost:
        self._failures += 1
        reason = f"cannot connect to {_place(self._url)}: {why(failure)}"
        late = self._clock_s() - self._began_s > _FIRST_PATIENCE_S
        hopeless = isinstance(failure, (ssl.SSLCertVerificationError, FileNotFoundError))
        if not self._opened and (hopeless or late or self._failures > _FIRST_RETRIES):
            return SessionLost(reason)
        return CannotConnect(reason)


def why(failure: Exception) -> str:
    """Why there is no socket, in words that lead to the cause."""
    for kinds, words in _WORDS:
        if isinstance(failure, kinds):
            return words.format(failure, certificates=certificates())
    return getattr(failure, "strerror", None) or str(failure) or type(failure).__name__


def _place(url: str) -> str:
    """Host and port that the URL names, and the proxy on the way there."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    proxy = get_proxy(parse_uri(url))
    return f"{parts.hostname}:{port}" + (
        f" through the proxy {urlsplit(proxy).netloc.rpartition('@')[2]}" if proxy else ""
    )
