"""A conversation over a lab's control socket: whole messages, with their descriptors, in both directions."""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from whodunet.lab.messages import MessageT, decode, encode

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_MOST_DESCRIPTORS: Final = 32
_MOST_BYTES: Final = 1 << 26
_CHUNK_BYTES: Final = 1 << 16
_SEND_S: Final = 10  # to somebody who does not read


class ControlConnection:
    """One end of the socket. Source: unix(7), SCM_RIGHTS."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._unread = bytearray()
        self._sending = threading.Lock()
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _SEND_S, 0))

    def send(self, message: DataclassInstance) -> None:
        """Sends one message; its descriptors stay open here.

        Raises:
            OSError: when the other end is gone; BlockingIOError: when it does not read.
        """
        line, descriptors = encode(message)
        with self._sending:
            if descriptors:
                socket.send_fds(self._stream, [line[:1]], descriptors)
                line = line[1:]
            self._stream.sendall(line)

    def receive(self, kinds: Iterable[type[MessageT]], timeout_s: float | None = None) -> MessageT:
        """Waits for one message, which has to be of one of these types.

        Raises:
            EOFError: when the other end is gone, or says more than any message may hold.
            TimeoutError: when nothing has come for so long.
            MalformedMessage: when what came is no such message; the next one may be.
        """
        descriptors: list[int] = []
        try:
            return decode(self._next_line(timeout_s, descriptors), kinds, descriptors)
        except BaseException:
            for descriptor in descriptors:
                os.close(descriptor)
            raise

    def _next_line(self, timeout_s: float | None, descriptors: list[int]) -> bytes:
        is_whole = b"\n" in self._unread
        while not is_whole:
            self._await_readable(timeout_s)
            chunk, received, _, _ = socket.recv_fds(self._stream, _CHUNK_BYTES, _MOST_DESCRIPTORS)
            descriptors += received
            if not chunk:
                raise EOFError("the other end closed the control connection")
            self._unread += chunk
            is_whole = b"\n" in chunk
            if len(self._unread) > _MOST_BYTES or len(descriptors) > _MOST_DESCRIPTORS:
                raise EOFError("the other end said too much")
        line, _, self._unread = self._unread.partition(b"\n")
        return bytes(line)

    @property
    def has_message(self) -> bool:
        """True when a message is here that came together with the one before."""
        return b"\n" in self._unread

    def _await_readable(self, timeout_s: float | None) -> None:
        if timeout_s is not None:
            poll = select.poll()
            poll.register(self._stream, select.POLLIN)
            if not poll.poll(timeout_s * 1000):
                raise TimeoutError("nothing came")

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._stream.fileno()

    def close(self) -> None:
        """Closes this end."""
        self._stream.close()
