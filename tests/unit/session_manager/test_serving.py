"""How programs serve: when a WebSocket's peer is taken for gone, and what they say if they cannot begin."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from uvicorn import Config
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from whodunet.session_manager.serving import Certificate, PingedWebSocket, log_to_stderr, serve

PING_S = 10.0


async def _accepting(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        await asyncio.Event().wait()  # takes the first message and no other


class Line:
    """A server's end of a WebSocket whose clock and wire are the test's."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.transport = Mock(asyncio.Transport)
        self.transport.is_closing.return_value = False
        self.transport.get_extra_info.return_value = None
        self.client = ClientProtocol(parse_uri("ws://host/"))
        config = Config(_accepting, ws=PingedWebSocket, ws_ping_interval=PING_S, ws_ping_timeout=PING_S)
        config.load()
        loop = Mock(asyncio.AbstractEventLoop, wraps=asyncio.get_running_loop())
        loop.time.side_effect = lambda: self.now_s
        loop.call_later.return_value = Mock(asyncio.TimerHandle)
        self.end = PingedWebSocket(config, ServerState(), {}, loop)
        self.end.connection_made(self.transport)

    async def open(self) -> None:
        """Shakes hands."""
        self.client.send_request(self.client.connect())
        self.pass_on()
        for _ in range(5):
            await asyncio.sleep(0)
        self.client.receive_data(b"".join(call.args[0] for call in self.transport.write.call_args_list))

    def pass_on(self) -> None:
        """Brings what the client sends."""
        self.end.data_received(b"".join(self.client.data_to_send()))

    def ping_unanswered(self) -> None:
        """The server pings, and the time for the answer passes."""
        self.now_s += PING_S
        self.end.send_keepalive_ping()
        self.now_s += PING_S

    @property
    def gone(self) -> bool:
        """Whether the server has cut the line."""
        return bool(self.transport.abort.called)


def test_a_peer_that_sends_nothing_is_gone_at_once() -> None:
    async def story() -> None:
        line = Line()
        await line.open()
        line.ping_unanswered()
        line.end.keepalive_timeout()
        assert line.gone

    asyncio.run(story())


def test_a_peer_that_sends_anything_is_there() -> None:
    async def story() -> None:
        line = Line()
        await line.open()
        line.ping_unanswered()
        line.client.send_ping(b"me too")
        line.pass_on()
        line.end.keepalive_timeout()
        assert not line.gone
        line.ping_unanswered()
        line.end.keepalive_timeout()
        assert line.gone

    asyncio.run(story())


def test_a_peer_that_is_not_read_for_the_time_being_is_there() -> None:
    async def story() -> None:
        line = Line()
        await line.open()
        for _ in range(2):
            line.client.send_binary(b"a message")
            line.pass_on()
            await asyncio.sleep(0)
        line.ping_unanswered()
        line.end.keepalive_timeout()
        assert not line.gone

    asyncio.run(story())


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_certificate_that_cannot_be_used_ends_the_program_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    path = tmp_path / "certificate.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SystemExit) as ended:
        serve(_accepting, ("127.0.0.1", 0), Certificate(path, path))
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{path}, {path}: ")


@pytest.mark.parametrize(
    ("text", "told"), [("ASGI callable returned without completing handshake.", False), ("Something else", True)]
)
def test_of_a_refused_upgrade_uvicorn_says_nothing(text: str, told: bool) -> None:
    log_to_stderr()
    logger = logging.getLogger("uvicorn.error")
    record = logger.makeRecord("uvicorn.error", logging.ERROR, "", 0, text, (), None)
    assert bool(logger.filter(record)) is told
