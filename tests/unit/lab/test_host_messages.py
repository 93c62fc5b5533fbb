"""What a lab says to its hosts arrives as it was said, with its descriptors."""

from __future__ import annotations

import os
import socket

import pytest

from whodunet.lab import host_messages as messages
from whodunet.lab.host_root import Shared

SAID: list[messages.Message] = [
    messages.Birth("client", 3, (Shared("/home/me/tool", "/mnt/tool", writable=True),)),
    messages.Configure(
        {"ipv4/ip_forward": "1"}, ("link set dev lo up",), ("rule add from fd00::/64 blackhole",), ("client-eth0",)
    ),
    messages.Start(("bash", "-c", "echo 'ü\n'"), {"PATH": "/usr/bin", "kind": "Birth"}, "/root", 24, 80),
    messages.Signal(7, 9),
    messages.Born(("net", "uts")),
    messages.Done(42),
    messages.Failed("OSError: refused"),
    messages.Ended(-9),
]


@pytest.mark.parametrize("message", SAID, ids=lambda message: type(message).__name__)
def test_a_message_arrives_as_it_was_sent(message: messages.Message) -> None:
    here, there = socket.socketpair()
    with here, there:
        messages.send(here, 5, message)
        assert messages.receive(there, bytearray()) == (5, message, [])


def test_messages_that_arrive_together_are_parted_and_the_end_is_told() -> None:
    here, there = socket.socketpair()
    unread = bytearray()
    with there:
        with here:
            messages.send(here, 1, SAID[3])
            messages.send(here, 2, SAID[5])
        assert [messages.receive(there, unread)[:2] for _ in range(2)] == [(1, SAID[3]), (2, SAID[5])]
        with pytest.raises(EOFError):
            messages.receive(there, unread)


def test_descriptors_come_beside_their_message() -> None:
    here, there = socket.socketpair()
    reading, writing = os.pipe()
    with here, there:
        messages.send(here, 1, SAID[5], [writing])
        _, _, (received,) = messages.receive(there, bytearray())
        os.write(received, b"!")
        assert os.read(reading, 1) == b"!"
    for descriptor in (reading, writing, received):
        os.close(descriptor)
