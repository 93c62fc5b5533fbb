"""The control socket between a lab and those outside: JSON lines, with file descriptors beside them.

The socket's name is abstract, so it is no file: it goes with the last process that holds it.
Source: unix(7), "Abstract sockets" and SCM_RIGHTS.
"""

from __future__ import annotations

import array
import json
import os
import socket
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from whodunet.core.errors import CannotRun
from whodunet.lab.waiting import wait_until

_MOST_DESCRIPTORS: Final = 32
_MOST_BYTES: Final = 1 << 26


def listen(wished: str) -> tuple[socket.socket, str]:
    """Opens the control socket of a new lab and tells the name it got: `wished`, or `wished-2` if that is taken."""
    for name in _candidates(wished):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(_address(name))
        except OSError:
            listener.close()
            continue
        listener.listen(16)
        return listener, name
    raise AssertionError("candidates never end")


def _candidates(wished: str) -> Iterator[str]:
    yield wished
    number = 2
    while True:
        yield f"{wished}-{number}"
        number += 1


def _prefix() -> str:
    return f"whodunet/{os.getuid()}/"


def _address(name: str) -> str:
    return "\0" + _prefix() + name


def running() -> list[str]:
    """Names of this user's labs that exist now."""
    marker = "@" + _prefix()
    lines = Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace").splitlines()
    paths = (line.rsplit(" ", 1)[-1] for line in lines)
    return sorted({path.removeprefix(marker) for path in paths if path.startswith(marker)})


def await_gone(name: str) -> None:
    """Returns when nothing of a lab is left: its launcher, which ends last, holds the socket."""
    wait_until(lambda: name not in running(), f"the lab {name} to end")


def peer_is_own_user(connection: socket.socket) -> bool:
    """True when the process at the other end belongs to the user of this lab (or to root)."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return bool(uid == 0)


class Connection:
    """One end of a control connection; a message is a JSON object and the descriptors that come with it."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._unread = b""
        self._asking = threading.Lock()  # an answer goes to who asked, also when several threads ask

    @classmethod
    def to(cls, name: str) -> Connection:
        """Connects to a running lab.

        Raises:
            CannotRun: when there is none of that name.
        """
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            stream.connect(_address(name))
        except OSError as error:
            stream.close()
            raise CannotRun(f"no lab named {name} is running; `whodunet ps` lists those that are") from error
        return cls(stream)

    def send(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Sends one message; the descriptors stay open here."""
        line = json.dumps(message).encode() + b"\n"
        if descriptors:
            socket.send_fds(self._stream, [line[:1]], list(descriptors))
            line = line[1:]
        self._stream.sendall(line)

    def receive(self) -> tuple[dict[str, Any], list[int]]:
        """Waits for one message.

        Raises:
            EOFError: when the other end is gone.
            ValueError: when what came is no message.
        """
        received = array.array("i")
        while b"\n" not in self._unread:
            chunk, descriptors, _, _ = socket.recv_fds(self._stream, 1 << 16, _MOST_DESCRIPTORS)
            received.extend(descriptors)
            if not chunk:
                raise EOFError("the other end closed the control connection")
            self._unread += chunk
            if len(self._unread) > _MOST_BYTES:
                raise ValueError("message too long")
        line, self._unread = self._unread.split(b"\n", 1)
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError("a message is a JSON object")
        return message, list(received)

    def ask(self, operation: str, **arguments: Any) -> tuple[dict[str, Any], list[int]]:
        """Sends a request and waits for its answer.

        Raises:
            CannotRun: with the lab's own message when it refuses, or when it ends meanwhile.
        """
        try:
            with self._asking:
                self.send({"operation": operation, **arguments})
                answer, descriptors = self.receive()
        except (EOFError, OSError) as error:
            raise CannotRun(f"the lab ended while it was asked to {operation}") from error
        if "error" in answer:
            raise CannotRun(str(answer["error"]))
        return answer, descriptors

    def wait_until_closed(self) -> None:
        """Returns when the other end is gone."""
        while self._stream.recv(4096):
            pass

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._stream.fileno()

    def close(self) -> None:
        """Closes this end."""
        self._stream.close()
