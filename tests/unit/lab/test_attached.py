"""A program on a host whose user sits outside: its end is noticed, whenever that is told."""

from __future__ import annotations

import os
import socket

from whodunet.lab.attached import _relay
from whodunet.lab.control import Connection


def test_the_end_of_a_program_is_noticed_that_was_told_together_with_its_start() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(b'{}\n{"exit_status": 7}\n')
    connection = Connection(ours)
    assert connection.receive() == ({}, [])
    output, written = os.pipe()
    assert _relay(connection, {}, {output: 1}) == 7
    for descriptor in (output, written):
        os.close(descriptor)
    theirs.close()
    connection.close()
