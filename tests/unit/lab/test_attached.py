"""A program on a host whose user sits outside: its end is heard of, however early it comes."""

from __future__ import annotations

import socket

from whodunet.lab import attached
from whodunet.lab.control import Connection


def test_an_exit_status_that_comes_together_with_the_answer_is_heard_of() -> None:
    outside, inside = socket.socketpair()
    with outside, inside:
        inside.sendall(b'{}\n{"exit_status": 3}\n')  # in one piece, as when the user's side is late to read
        connection = Connection(outside)
        assert connection.receive() == ({}, [])
        assert attached._relay(connection, {}, {}) == 3
