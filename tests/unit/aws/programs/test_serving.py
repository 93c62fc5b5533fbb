"""How programs serve: when a WebSocket's peer is taken for gone, and what they say if they cannot begin."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import trustme
from uvicorn import Config
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from whodunet.aws.programs.serving import Certificate, PingedWebSocket, PromptRequests, log_to_stderr, serve

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
        serve(_accepting, [("127.0.0.1", 0)], Certificate(path, path), request_s=1)
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


@contextmanager
def serving(program: str, settings: dict[str, Any], folder: Path) -> Iterator[tuple[str, int]]:
    """One of the programs, with a short patience; where it listens."""
    config = folder / "config.json"
    place = {"region": "eu-central-1", "account_id": "123456789012", "listen": [["127.0.0.1", 0]]}
    config.write_text(json.dumps(place | {"request_within_s": 0.2, "seal_key": "00" * 32} | settings))
    command = [sys.executable, "-P", "-m", f"whodunet.aws.programs.{program}", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        said = server.stderr.readline()
        found = re.search(r"listening on (.*):(\d+)$", said.strip())
        assert found, said
        try:
            yield found[1], int(found[2])
        finally:
            server.kill()


def is_cut(line: socket.socket) -> bool:
    """Whether the other end closes the line, after whatever it says; raises TimeoutError if it never does."""
    with suppress(ConnectionResetError):
        while line.recv(4096):
            pass
    return True


METADATA = {
    "instance_id": "i-0abcd1234efgh5678",
    "availability_zone": "eu-central-1a",
    "private_ip": "10.0.1.10",
    "hostname": "ip-10-0-1-10",
    "role": None,
}


def test_a_program_is_reached_at_an_address_of_each_family(tmp_path: Path) -> None:
    listen = {"listen": [["127.0.0.1", 0], ["::1", 0]]}
    with serving("metadata", METADATA | listen, tmp_path) as (said, port):
        first, _, second = said.partition(" and ")
        address, _, first_port = first.rpartition(":")
        for place in ((address, int(first_port)), (second, port)):
            with socket.create_connection(place, timeout=20) as line:
                line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                assert line.recv(4096).startswith(b"HTTP/1.1 ")
    assert (address, second) == ("127.0.0.1", "::1")


UPGRADE = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"


@pytest.mark.parametrize(
    "beginning",
    [
        "",
        "GET / HT",
        "GET / HTTP/1.1\r\nHost: x\r\n",
        "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234",
        UPGRADE,
    ],
    ids=["nothing", "request line", "header", "body", "upgrade"],
)
def test_who_begins_a_request_and_goes_no_further_is_cut_off(tmp_path: Path, beginning: str) -> None:
    with serving("metadata", METADATA, tmp_path) as place, socket.create_connection(place, timeout=20) as line:
        line.sendall(beginning.encode())
        assert is_cut(line)


def test_who_begins_a_second_request_and_goes_no_further_is_cut_off(tmp_path: Path) -> None:
    with serving("metadata", METADATA, tmp_path) as place, socket.create_connection(place, timeout=20) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert line.recv(4096).startswith(b"HTTP/1.1 ")
        line.sendall(b"GET / HTTP/1.1\r\n")
        assert is_cut(line)


@pytest.mark.parametrize("beginning", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["nothing", "half a ClientHello"])
def test_who_begins_a_tls_handshake_and_goes_no_further_is_cut_off(tmp_path: Path, beginning: bytes) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    files = dict.fromkeys(("certificate", "private_key"), str(tmp_path / "both.pem"))
    company = {"start_url": "https://corp.awsapps.com/start", "people": {}, "records": str(tmp_path)}
    with serving("sign_on", files | company, tmp_path) as place, socket.create_connection(place, timeout=20) as line:
        line.sendall(beginning)
        assert is_cut(line)


class Beginning:
    """A server's end of a new line, with what it has called for later."""

    def __init__(self) -> None:
        self.overdue = Mock(asyncio.TimerHandle)
        config = Config(_accepting, http=PromptRequests, ws=PingedWebSocket)
        config.load()
        self.loop = Mock(asyncio.AbstractEventLoop, wraps=asyncio.get_running_loop())
        self.loop.call_later.return_value = self.overdue
        self.end = PromptRequests(config, ServerState(), {}, self.loop)
        self.end.request_s = 1
        transport = Mock(asyncio.Transport)
        transport.get_extra_info.return_value = None
        self.end.connection_made(transport)

    @property
    def cut_later(self) -> bool:
        """Whether the line will be cut unless more comes."""
        return bool(self.loop.call_later.call_count > self.overdue.cancel.call_count)


def test_a_request_that_comes_in_full_is_given_all_the_time_it_takes_to_answer() -> None:
    async def story() -> None:
        line = Beginning()
        line.end.data_received(b"GET / HTTP/1.1\r\n")
        states = [line.cut_later]
        line.end.data_received(b"Host: x\r\n\r\n")
        assert [*states, line.cut_later] == [True, False]
        assert line.loop.call_later.call_count == 1
        line.end.connection_lost(None)

    asyncio.run(story())


def test_a_websocket_is_not_cut_off_as_a_request_that_goes_no_further() -> None:
    async def story() -> None:
        line = Beginning()
        client = ClientProtocol(parse_uri("ws://host/"))
        client.send_request(client.connect())
        line.end.data_received(b"".join(client.data_to_send()))
        assert not line.cut_later

    asyncio.run(story())
