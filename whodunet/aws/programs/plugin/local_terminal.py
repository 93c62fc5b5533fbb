"""The user's terminal: every key goes to the session at once and nothing is echoed here, until the session is over."""

from __future__ import annotations

import os
import signal
import termios
from collections.abc import Iterator
from contextlib import contextmanager

from whodunet.aws.ssm.payloads import Size

_LOCAL_MODES, _CONTROL_CHARACTERS = 3, 6  # places in what tcgetattr gives. Source: termios(3)

# Signals of the keyboard, and the bytes that stand for them on the other side. Source: the plugin, observed behaviour.
KEYBOARD_SIGNALS = {signal.SIGINT: b"\x03", signal.SIGQUIT: b"\x1c", signal.SIGTSTP: b"\x1a"}


@contextmanager
def keys_pass_through(terminal: int) -> Iterator[None]:
    """Takes line editing and echo from the terminal, and gives both back on every way out.

    Signal keys stay: their signals are KEYBOARD_SIGNALS. What is not a terminal is left alone.
    """
    if not os.isatty(terminal):
        yield
        return
    before = termios.tcgetattr(terminal)
    _set_modes(terminal, _without_line_editing(before))
    try:
        yield
    finally:
        _set_modes(terminal, before)


def size_of(terminal: int) -> Size:
    """How many columns and rows the terminal has; the default of the protocol for what is none or does not say."""
    try:
        columns, rows = os.get_terminal_size(terminal)
    except OSError:
        return Size.DEFAULT
    return Size(cols=columns, rows=rows) if columns and rows else Size.DEFAULT


def _without_line_editing(modes: list[int | list[bytes | int]]) -> list[int | list[bytes | int]]:
    """The modes that `stty cbreak -echo` makes of these."""
    changed = modes.copy()
    local, characters = changed[_LOCAL_MODES], changed[_CONTROL_CHARACTERS]
    assert isinstance(local, int)
    assert isinstance(characters, list)
    changed[_LOCAL_MODES] = local & ~(termios.ICANON | termios.ECHO)
    changed[_CONTROL_CHARACTERS] = characters = characters.copy()
    characters[termios.VMIN], characters[termios.VTIME] = 1, 0
    return changed


def _set_modes(terminal: int, modes: list[int | list[bytes | int]]) -> None:
    """Sets them even from the background, where the kernel would stop the program for it; a lost terminal has none."""
    handler = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        termios.tcsetattr(terminal, termios.TCSANOW, modes)
    except termios.error:
        pass
    finally:
        signal.signal(signal.SIGTTOU, handler)
