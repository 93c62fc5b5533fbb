"""A program on a host whose user sits outside: the user's part of it. `whodunet.lab.attached` is the lab's."""

from __future__ import annotations

import fcntl
import os
import selectors
import signal
import struct
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from whodunet.errors import CannotRun
from whodunet.lab.client import LabClient
from whodunet.lab.connection import ControlConnection
from whodunet.lab.requests import Attach, Exited, ForwardSignal

_CHUNK_BYTES: Final = 1 << 16
_FORWARDED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def attach(lab: str, host: str, command: Sequence[str], *, in_terminal: bool) -> int:
    """Runs a program on a host with this process's standard streams; returns its exit status, 128 + N for signal N.

    Args:
        in_terminal: True gives it a terminal of the host, for which this process's own is the window.

    Raises:
        CannotRun: when the lab has no such host, or ends before the program.
    """
    term = os.environ.get("TERM", "dumb")
    rows, columns = _window_size() if in_terminal else (0, 0)
    with LabClient.to(lab) as client:
        connection = client.connection
        ends = client.ask(Attach(host, command, term, rows, columns)).ends
        if in_terminal:
            with _raw_terminal(), _resizing(ends[0]):
                status = _relay(connection, {0: ends[0]}, {ends[0]: 1})
        else:
            with _forwarding_signals(connection):
                status = _relay(connection, {0: ends[0]}, {ends[1]: 1, ends[2]: 2})
    if status is None:
        if in_terminal:
            os.write(1, b"\r\n")  # what the host printed last may be a prompt
        raise CannotRun(f"the lab {lab} has ended, and with it what ran on {host}")
    return status if status >= 0 else 128 - status


def _window_size() -> tuple[int, int]:
    rows, columns, _, _ = struct.unpack("HHHH", fcntl.ioctl(1, termios.TIOCGWINSZ, bytes(8)))
    return rows or 24, columns or 80


@contextmanager
def _raw_terminal() -> Iterator[None]:
    """Every key goes to the host, Ctrl-C too."""
    before = termios.tcgetattr(0)
    try:
        tty.setraw(0)
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


@contextmanager
def _resizing(terminal: int) -> Iterator[None]:
    def resize(*_: object) -> None:
        with suppress(OSError):
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *_window_size(), 0, 0))

    with _handling((signal.SIGWINCH,), resize):
        yield


@contextmanager
def _forwarding_signals(connection: ControlConnection) -> Iterator[None]:
    def forward(number: int, _: object) -> None:
        with suppress(OSError):
            connection.send(ForwardSignal(number))

    with _handling(_FORWARDED, forward):
        yield


@contextmanager
def _handling(numbers: Sequence[int], handler: Callable[[int, object], None]) -> Iterator[None]:
    before = [signal.signal(number, handler) for number in numbers]
    try:
        yield
    finally:
        for number, former in zip(numbers, before, strict=True):
            signal.signal(number, former)


def _relay(connection: ControlConnection, forth: Mapping[int, int], back: Mapping[int, int]) -> int | None:
    """Copies until the program has ended and all that it has written is here; None when the lab has ended first.

    Args:
        forth: descriptors to read from, each with the one to write to, towards the host.
        back: the same, from the host.
    """
    selector = selectors.DefaultSelector()
    for source, target in {**forth, **back}.items():
        with suppress(PermissionError):  # /dev/null and ordinary files are always readable, and cannot be polled
            selector.register(source, selectors.EVENT_READ, target)
    unpolled = [(source, target) for source, target in forth.items() if source not in selector.get_map()]
    for source, target in unpolled:
        threading.Thread(target=_copy_all, args=(source, target), daemon=True).start()
    selector.register(connection, selectors.EVENT_READ)
    if connection.has_message:  # it came together with the answer before it, so no selector will tell of it
        return _hear_of_the_end(connection, back)
    while True:
        for key, _ in selector.select():
            if key.fileobj is connection:
                unfinished = {source: target for source, target in back.items() if source in selector.get_map()}
                return _hear_of_the_end(connection, unfinished)
            if not _copy(key.fd, key.data):
                selector.unregister(key.fd)
                if key.fd in forth and forth[key.fd] not in back:
                    os.close(key.data)  # end of input


def _hear_of_the_end(connection: ControlConnection, back: Mapping[int, int]) -> int | None:
    """The exit status, once all that the program has written is copied; None when the lab has ended first."""
    try:
        exited = connection.receive((Exited,))
    except (EOFError, OSError):
        return None
    _drain(back)
    return exited.status


def _copy(source: int, target: int) -> bool:
    """Copies what is there; False at the end, or when nobody reads."""
    try:
        chunk = os.read(source, _CHUNK_BYTES)
        _write_all(target, chunk)
    except OSError:  # a terminal says EIO when its other side is closed
        chunk = b""
    if not chunk and target in (1, 2):
        with suppress(OSError):
            os.close(source)
    return bool(chunk)


def _copy_all(source: int, target: int) -> None:
    with suppress(OSError):
        while chunk := os.read(source, _CHUNK_BYTES):
            _write_all(target, chunk)
    with suppress(OSError):
        os.close(target)


def _drain(back: Mapping[int, int]) -> None:
    """What the program wrote before it ended, but nothing of what it may have left running."""
    for source, target in back.items():
        os.set_blocking(source, False)
        with suppress(OSError):
            while chunk := os.read(source, _CHUNK_BYTES):
                _write_all(target, chunk)


def _write_all(target: int, chunk: bytes) -> None:
    unwritten = memoryview(chunk)
    while unwritten:
        unwritten = unwritten[os.write(target, unwritten) :]


def is_at_terminal() -> bool:
    """True when somebody sits at this process, who can type and see."""
    return sys.stdin is not None and sys.stdout is not None and os.isatty(0) and os.isatty(1)
