"""How our programs serve: uvicorn on an address of each family, TLS or plain, until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import math
import signal
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from whodunet.aws.programs.settings import refuse

if TYPE_CHECKING:
    from starlette.types import ASGIApp

MAX_MESSAGE_BYTES = 1024 * 1024
_UNSENT_BYTES = 128 * 1024  # waiting in the kernel; a ping or a farewell stands in line behind no more than this
_BACKLOG = 512
_GRACE_S = 1

log = logging.getLogger("session_manager")


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files, in PEM form, that prove a server's name."""

    chain: Path
    private_key: Path


def serve(
    app: ASGIApp,
    listen: Sequence[tuple[str, int]],
    certificate: Certificate | None = None,
    *,
    ping_s: float | None = None,
    request_s: float,
    before_shutdown: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Serves until SIGTERM or SIGINT and then returns; ends the program if it cannot begin.

    Args:
        certificate: none means plain HTTP.
        ping_s: how often a WebSocket's peer is pinged, and how long its answer may take.
        request_s: how long a TLS handshake may take, and a request from its first byte to its last; the first byte of
            a connection's first request, too.
        before_shutdown: awaited once the end is near, while all connections are still there.
    """
    log_to_stderr()
    server = _Server(_configuration(app, certificate, ping_s, request_s), request_s, before_shutdown)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.stop)
    with ExitStack() as until_the_end:
        listeners = [until_the_end.enter_context(_listening(each)) for each in listen]
        log.info("listening on %s", " and ".join("{}:{}".format(*each.getsockname()) for each in listeners))
        server.run(sockets=listeners)


def log_to_stderr() -> None:
    """One line an event; of what the libraries say, warnings only."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    log.setLevel(logging.INFO)
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of each write to a connection that was just lost
    logging.getLogger("uvicorn.error").addFilter(_tells_something)


def _tells_something(record: logging.LogRecord) -> bool:
    """False for what uvicorn says of every WebSocket that is refused with an HTTP answer, as ASGI allows."""
    return "without completing handshake" not in record.getMessage()


class PromptRequests(H11Protocol):
    """uvicorn's HTTP, which cuts the line of a peer that begins a request, or only connects, and goes no further.

    uvicorn's own limit is for what comes after an answer: the next request.
    """

    request_s: float  # for the rest of a request
    overdue: asyncio.TimerHandle | None = None
    upgraded = False  # what comes from then on is a WebSocket's; h11 is not told

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A request is awaited."""
        super().connection_made(transport)
        self._await_rest()

    def data_received(self, data: bytes) -> None:
        """Something has come: a request in full, or a part of it, for whose rest no more time is given."""
        super().data_received(data)
        if not self.upgraded and self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self._await_rest()
        else:
            self._has_come()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """The line is a WebSocket's from now on."""
        self.upgraded = True
        self._has_come()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._has_come()
        super().connection_lost(exc)

    def _await_rest(self) -> None:
        if self.overdue is None:
            self.overdue = self.loop.call_later(self.request_s, self.transport.abort)

    def _has_come(self) -> None:
        if self.overdue is not None:
            self.overdue.cancel()
            self.overdue = None


class PingedWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, which takes a peer for gone if nothing at all came from it, and then at once.

    A pong may wait behind what we do not read for the time being; and a peer that is gone sends no close frame back.
    """

    heard_at_s = -math.inf

    def data_received(self, data: bytes) -> None:
        """Something has come."""
        self.heard_at_s = self.loop.time()
        super().data_received(data)

    def keepalive_timeout(self) -> None:
        """The last ping has got no answer in time."""
        self.pong_timer, self.pending_ping_payload = None, None
        if self.read_paused or self.heard_at_s >= self.ping_sent_at:
            self.schedule_ping()
        else:
            self.transport.abort()


class _PromptLoop(asyncio.SelectorEventLoop):
    """An event loop whose servers give TLS handshakes so much time."""

    def __init__(self, handshake_s: float) -> None:
        super().__init__()
        self._handshake_s = handshake_s

    async def create_server(self, *args: Any, **settings: Any) -> asyncio.Server:
        """As asked, with the limit."""
        if settings.get("ssl"):
            settings["ssl_handshake_timeout"] = self._handshake_s
        server: asyncio.Server = await super().create_server(*args, **settings)
        return server


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, handshake_s: float, before_shutdown: Callable[[], Awaitable[None]] | None
    ) -> None:
        super().__init__(config)
        self._handshake_s = handshake_s
        self._before_shutdown = before_shutdown

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Runs in an event loop that gives TLS handshakes no more time than ours, for uvicorn does not ask it to."""
        with asyncio.Runner(loop_factory=lambda: _PromptLoop(self._handshake_s)) as runner:
            runner.run(self.serve(sockets))

    def stop(self, *_: object) -> None:
        """Handles a signal that comes before uvicorn handles it, and the one that uvicorn raises again at its end."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._before_shutdown is not None:
            await self._before_shutdown()
        await super().shutdown(sockets)


def _configuration(
    app: ASGIApp, certificate: Certificate | None, ping_s: float | None, request_s: float
) -> uvicorn.Config:
    context = None if certificate is None else _tls(certificate)
    return uvicorn.Config(
        app,
        ws=PingedWebSocket,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_ping_interval=ping_s,
        ws_ping_timeout=ping_s,
        ws_per_message_deflate=False,
        http=type("Prompt", (PromptRequests,), {"request_s": request_s}),
        loop="asyncio",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # nobody stands before us who could be believed
        server_header=False,
        ssl_context_factory=None if context is None else lambda *_: context,
        timeout_graceful_shutdown=_GRACE_S,
    )


def _tls(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate.chain, certificate.private_key)
    except (OSError, ssl.SSLError) as error:
        refuse(f"{certificate.chain}, {certificate.private_key}: {error.strerror or error}")
    return context


def _listening(listen: tuple[str, int]) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in listen[0] else socket.AF_INET
        listener = socket.create_server(listen, family=family, backlog=_BACKLOG)
    except OSError as error:
        refuse(f"cannot listen on {listen[0]}:{listen[1]}: {error.strerror}")
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
    # asyncio sets it on sockets that it made itself; accepted ones inherit it. An echo must not wait for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
