"""A program on a host whose user sits outside: its end is heard of, however early it comes."""

from __future__ import annotations

import socket

from whodunet.lab import attaching
from whodunet.lab.connection import ControlConnection
from whodunet.lab.requests import Attached, Exited


def test_an_exit_status_that_comes_together_with_the_answer_is_heard_of() -> None:
    outside, inside = socket.socketpair()
    with outside, inside:
        # In one piece, as when the user's side is late to read.
        inside.sendall(b'{"=": "Attached", "ends": []}\n{"=": "Exited", "status": 3}\n')
        connection = ControlConnection(outside)
        assert connection.receive((Attached, Exited)) == Attached(())
        assert attaching._relay(connection, {}, {}) == 3
