from __future__ import annotations

import fcntl
import os
import struct
import termios
from collections.abc import Iterator

import pytest

from whodunet.aws.programs.plugin.local_terminal import keys_pass_through, size_of
from whodunet.aws.ssm.payloads import Size


@pytest.fixture
def terminal() -> Iterator[int]:
    """A terminal's descriptor."""
    keyboard, terminal = os.openpty()
    yield terminal
    os.close(keyboard)
    os.close(terminal)


def local_modes(terminal: int) -> int:
    """The modes that line editing, echo and signal keys are."""
    modes = termios.tcgetattr(terminal)[3]
    assert isinstance(modes, int)
    return modes


def test_keys_pass_without_line_editing_and_echo_but_with_signals(terminal: int) -> None:
    with keys_pass_through(terminal):
        assert not local_modes(terminal) & (termios.ICANON | termios.ECHO)
        assert local_modes(terminal) & termios.ISIG


def test_a_single_key_is_enough_to_be_read(terminal: int) -> None:
    with keys_pass_through(terminal):
        characters = termios.tcgetattr(terminal)[6]
    assert (characters[termios.VMIN], characters[termios.VTIME]) == (1, 0)


def test_the_terminal_is_as_before_after_an_error(terminal: int) -> None:
    before = termios.tcgetattr(terminal)
    with pytest.raises(ZeroDivisionError), keys_pass_through(terminal):
        raise ZeroDivisionError
    assert termios.tcgetattr(terminal) == before


def test_an_echo_that_was_off_stays_off(terminal: int) -> None:
    modes = termios.tcgetattr(terminal)
    modes[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, modes)
    with keys_pass_through(terminal):
        pass
    assert not local_modes(terminal) & termios.ECHO


def test_a_terminal_that_is_gone_needs_no_restoring() -> None:
    keyboard, terminal = os.openpty()
    with keys_pass_through(terminal):
        os.close(keyboard)
    os.close(terminal)


def test_what_is_no_terminal_is_left_alone() -> None:
    reading, writing = os.pipe()
    with keys_pass_through(reading):
        assert size_of(reading) == Size.DEFAULT
    os.close(reading)
    os.close(writing)


def test_the_size_is_the_terminal_s(terminal: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 132, 0, 0))
    assert size_of(terminal) == Size(cols=132, rows=50)


def test_a_terminal_that_does_not_say_its_size_has_the_default_one(terminal: int) -> None:
    assert size_of(terminal) == Size(cols=300, rows=100)
