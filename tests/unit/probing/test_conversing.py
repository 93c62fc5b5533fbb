"""Whole connections, to servers of each kind on this machine."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
import trustme

from whodunet.diagnosis.probes import ConversationResult, Converse
from whodunet.probing.conversing import Spoken, converse
from whodunet.probing.socket_options import reset_when_closed

HERE, NAME = "127.0.0.1", "server.example"
BANNER = b"SSH-2.0-OpenSSH_9.2\r\n"


@contextmanager
def server(serve: Callable[[socket.socket], None]) -> Iterator[Converse]:
    """Serves each connection until the client has gone; what to ask of it."""
    with socket.create_server((HERE, 0)) as listening:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection, suppress(OSError):
                        serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield Converse(HERE, listening.getsockname()[1], listen_s=2.0)
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def until_it_goes(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def result(asked: Converse) -> ConversationResult:
    (spoken,) = converse(asked)
    return spoken.result


def test_what_is_said_unasked_is_heard() -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(BANNER)
        until_it_goes(connection)

    with server(serve) as asked:
        heard = result(asked)
    assert (heard.outcome, heard.received) == ("connected", BANNER)
    assert heard.connect_ms is not None


def test_a_payload_is_sent_as_soon_as_the_connection_stands() -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(connection.recv(4096).upper())
        until_it_goes(connection)

    with server(serve) as asked:
        heard = result(replace(asked, payload=b"hello"))
    assert (heard.outcome, heard.received, heard.unacknowledged_bytes) == ("connected", b"HELLO", 0)


def test_who_says_nothing_is_silent() -> None:
    with server(until_it_goes) as asked:
        heard = result(replace(asked, listen_s=0.05))
    assert (heard.outcome, heard.received, heard.ended_after_ms) == ("silent", b"", None)


def test_who_closes_is_told_from_who_resets() -> None:
    with server(lambda _: None) as asked:
        assert result(asked).outcome == "closed"
    with server(reset_when_closed) as asked:
        assert (result(asked).outcome, result(asked).error) == ("reset", "ECONNRESET")


def test_words_before_the_end_are_kept() -> None:
    with server(lambda connection: connection.sendall(b"Exceeded MaxStartups\r\n")) as asked:
        heard = result(asked)
    assert (heard.outcome, heard.received) == ("closed", b"Exceeded MaxStartups\r\n")


def test_a_closed_port_refuses() -> None:
    with server(until_it_goes) as asked:
        pass
    heard = result(asked)
    assert (heard.outcome, heard.connect_ms) == ("refused", None)


def tls(authority: trustme.CA) -> Callable[[socket.socket], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(context)

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            until_it_goes(secured)

    return serve


def spoken(asked: Converse) -> tuple[Spoken, ...]:
    return converse(replace(asked, tls_name=NAME, listen_s=2.0))


def test_a_certificate_that_nobody_signed_is_read_all_the_same_over_a_second_connection() -> None:
    with server(tls(trustme.CA(organization_name="Nobody"))) as asked:
        first, second = spoken(asked)
    assert first.result.outcome == "connected"
    assert "unable to get local issuer certificate" in first.result.tls["error"]
    assert "Nobody" in first.result.tls["issuer"]
    assert first.result.tls["names"] == NAME
    assert second.packets_sent > 0


def test_a_trusted_certificate_takes_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()

    def trusting() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authority.configure_trust(context)
        return context

    monkeypatch.setattr(ssl, "create_default_context", trusting)
    with server(tls(authority)) as asked:
        (only,) = spoken(asked)
    assert only.result.outcome == "connected"
    assert only.result.tls["version"].startswith("TLSv1.")
    assert "error" not in only.result.tls


def test_what_is_no_tls_is_told_in_its_own_words() -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(BANNER)
        until_it_goes(connection)

    with server(serve) as asked:
        (only,) = spoken(asked)
    assert only.result.outcome == "connected"
    assert only.result.tls["error"]


def test_an_end_while_tls_is_agreed_is_told() -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(4096)

    with server(serve) as asked:
        (closed,) = spoken(asked)
    assert closed.result.outcome == "closed"


def test_its_packets_are_counted_with_those_that_end_it() -> None:
    with server(until_it_goes) as asked:
        (only,) = converse(replace(asked, payload=b"x", listen_s=0.05))
    assert only.packets_sent == 4  # SYN, ACK, data, RST
    assert only.source_port
