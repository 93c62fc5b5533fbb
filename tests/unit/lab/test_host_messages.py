"""What a lab says to its hosts arrives as it was said, with its descriptors."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from whodunet.lab import host_messages as messages
from whodunet.lab.messages import MalformedMessage

SAID: list[messages.Message] = [
    messages.Birth("client", 3),
    messages.Start(("bash", "-c", "echo 'ü\n'"), {"PATH": "/usr/bin", "kind": "Birth"}, "/root", 24, 80),
    messages.Signal(7, 9),
    messages.Born(),
    messages.Done(42),
    messages.Failed("OSError: refused"),
    messages.Ended(-9),
]
SIGNAL, DONE = SAID[2], SAID[4]


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = messages.connection()
    with here, there:
        yield here, there


@pytest.mark.parametrize("message", SAID, ids=lambda message: type(message).__name__)
def test_a_message_arrives_as_it_was_sent(message: messages.Message, ends: tuple[socket.socket, socket.socket]) -> None:
    here, there = ends
    messages.send(here, 5, message)
    envelope = messages.receive(there)
    assert (envelope.number, envelope.open(), envelope.descriptors) == (5, message, [])


def test_numbers_alone_are_told_as_the_same_message_would_be_sent(ends: tuple[socket.socket, socket.socket]) -> None:
    here, there = ends
    messages.tell(here, 1, messages.Ended, status=-9)
    messages.tell(here, 2, messages.Born)
    assert [messages.receive(there).open() for _ in range(2)] == [messages.Ended(-9), messages.Born()]


def test_the_longest_command_that_a_shell_is_given_has_room(ends: tuple[socket.socket, socket.socket]) -> None:
    here, there = ends
    longest = messages.Start(("sh", "-c", "ü" * ((1 << 17) // 2 - 1)))  # Source: execve(2), MAX_ARG_STRLEN
    messages.send(here, 1, longest)
    assert messages.receive(there).open() == longest


def test_messages_that_arrive_together_are_parted_and_the_end_is_told(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    here, there = ends
    messages.send(here, 1, SIGNAL)
    messages.send(here, 2, DONE)
    here.close()
    assert [messages.receive(there).open() for _ in range(2)] == [SIGNAL, DONE]
    with pytest.raises(EOFError):
        messages.receive(there)


def test_descriptors_come_beside_their_message_whatever_came_before(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    here, there = ends
    reading, writing = os.pipe()
    messages.send(here, 1, SIGNAL)
    messages.send(here, 2, DONE, [writing])
    assert messages.receive(there).descriptors == []
    (received,) = messages.receive(there).descriptors
    os.write(received, b"!")
    assert os.read(reading, 1) == b"!"
    for descriptor in (reading, writing, received):
        os.close(descriptor)


def test_what_is_no_message_is_refused() -> None:
    with pytest.raises(MalformedMessage, match="b'Reboot' is none of Birth, Start"):
        messages.Envelope(1, b"Reboot", b"{}", []).open()
