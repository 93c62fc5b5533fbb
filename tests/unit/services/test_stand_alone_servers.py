"""Servers whose programs run here as they do on a host, on a free port of the machine's own address."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from tests.unit.services.hosts_in_memory import place
from whodunet.lab.hosts import Host
from whodunet.lab.processes import listening_ports
from whodunet.lab.service import Listener
from whodunet.lab.waiting import wait_until
from whodunet.services.http_server import HttpServer
from whodunet.services.idle_connections import IdleConnections, _connections_to
from whodunet.services.power_failure import SESSION, PowerFailure
from whodunet.services.report_server import ReportServer


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def running(server: Listener, tmp_path: Path) -> Iterator[None]:
    """The server's own command, with its files below a folder."""
    host, _ = place("server", server)
    command = server.command(cast(Host, host))
    for path, text in host.files.items():
        (tmp_path / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path.lstrip("/")).write_text(text)
    here = [sys.executable if word == "python3" else word.replace("/var/", f"{tmp_path}/var/") for word in command]
    with subprocess.Popen(here, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: server.port in listening_ports(process.pid), "the server to listen")
            yield
        finally:
            process.kill()


def answer(connection: socket.socket) -> bytes:
    """All that a server sends up to its end, or to the length that it has told."""
    connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
    text = b""
    while b"well.\n" not in text and (part := connection.recv(4096)):
        text += part
    return text


def test_the_web_server_closes_with_fin_once_it_has_answered(tmp_path: Path) -> None:
    server = HttpServer("All is well.", free_port())
    with running(server, tmp_path), socket.create_connection(("127.0.0.1", server.port), 5) as connection:
        assert answer(connection).endswith(b"All is well.\n")
        assert connection.recv(1) == b""


def test_the_report_server_resets_only_who_has_the_whole_report_and_has_closed(tmp_path: Path) -> None:
    server = ReportServer("All is well.", free_port())
    with running(server, tmp_path), socket.create_connection(("127.0.0.1", server.port), 5) as connection:
        text = answer(connection)
        assert text.endswith(b"Content-Length: 13\r\n\r\nAll is well.\n")
        connection.shutdown(socket.SHUT_WR)
        try:
            end = repr(connection.recv(1))
        except ConnectionResetError:
            end = "reset"
        assert end == "reset"


def test_idle_connections_are_counted_by_the_port_that_they_go_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        pid = os.getpid()
        assert _connections_to(pid, port) == 0
        with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
            assert _connections_to(pid, port) == 2


def test_each_idle_connection_is_a_loop_of_its_own_to_the_given_place() -> None:
    command = IdleConnections("fd00::1", 22, 3).command(cast(Host, None))
    assert command[:2] == ["bash", "-c"]
    assert "n < 3" in command[2]
    assert "ncat --recv-only fd00::1 22 " in command[2]


@pytest.mark.parametrize(
    ("title", "is_session"),
    [("sshd: ann@pts/0", True), ("sshd-session: ann@notty", True), ("sshd: ann [priv]", False)],
)
def test_power_fails_in_a_session_and_not_while_somebody_logs_in(title: str, is_session: bool) -> None:
    with subprocess.Popen(["bash", "-c", f"exec -a '{title}' cat"], stdin=subprocess.PIPE) as serving:
        wait_until(lambda: Path(f"/proc/{serving.pid}/cmdline").read_text().startswith(title), "it to have its title")
        sessions = subprocess.run(["pgrep", "-f", SESSION], stdout=subprocess.PIPE, text=True, check=False).stdout
    assert (str(serving.pid) in sessions.split()) is is_session


def test_a_host_that_comes_back_lets_packets_leave_again_and_one_that_stays_away_does_not() -> None:
    comes_back = PowerFailure(22, 2000, "comes-back").command(cast(Host, None))[2]
    stays_away = PowerFailure(22, 2000, "stays-away").command(cast(Host, None))[2]
    assert "nft delete table inet power" in comes_back
    assert "nft delete" not in stays_away
    for script in (comes_back, stays_away):
        assert script.index("policy drop") < script.index("ss -K"), "no RST may leave a host that loses its power"
        subprocess.run(["bash", "-n", "-c", script], check=True)
