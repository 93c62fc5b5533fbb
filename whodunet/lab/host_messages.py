"""What a lab and its hosts say to each other: one packet of a socket for each message, with descriptors beside it.

A packet is a number, the kind of the message and, in JSON, its fields. Several processes of a host may send at a time.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, get_args

from whodunet.lab import messages
from whodunet.lab.messages import MalformedMessage, from_json, to_json

_MOST_DESCRIPTORS: Final = 8
_MOST_BYTES: Final = 1 << 19  # the kernel takes less where /proc/sys/net/core/wmem_max says so: usually 416 KiB
BIRTH: Final = 0  # the number of what is said of a host before it can be asked
NAMESPACES: Final = ("net", "uts", "ipc", "cgroup")  # those that belong to the host's user namespace


@dataclass(frozen=True)
class Birth:
    """What the maker is told of a host; the host's end of its socket comes beside it, and its mount namespace."""

    name: str
    number: int  # from 0 on, no other host's


@dataclass(frozen=True)
class Start:
    """Starts a program; its standard streams come beside it, unless it gets a terminal."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = "/"
    rows: int = 0  # with columns: of the terminal that it gets; 0: none
    columns: int = 0


@dataclass(frozen=True)
class Bind:
    """Shows a folder or file in place of another one."""

    source: str
    target: str


@dataclass(frozen=True)
class Unbind:
    """Takes away what `Bind` has put there last."""

    target: str


@dataclass(frozen=True)
class Signal:
    """Signals the process group of a program, unless it has ended."""

    number: int  # of the request that started it
    signal: int


@dataclass(frozen=True)
class Born:
    """The host is there; descriptors of its NAMESPACES come beside it, and last one of its root directory."""


@dataclass(frozen=True)
class Done:
    """What was asked is done; the other end of a terminal comes beside it."""

    pid: int = 0  # of what was made or started


@dataclass(frozen=True)
class Failed:
    """What was asked could not be done."""

    reason: str


@dataclass(frozen=True)
class Ended:
    """The process that carried out a request, or became the program that was to be started, has ended."""

    status: int  # its exit status, or the negative number of the signal that ended it


Request = Start | Bind | Unbind | Signal
Answer = Born | Done | Failed
Message = Birth | Request | Answer | Ended

_KINDS: Final[Mapping[bytes, type[Message]]] = {kind.__name__.encode(): kind for kind in get_args(Message)}


class Envelope(NamedTuple):
    """A message that has come and is not read yet: a process that is to stay small leaves that to a child."""

    number: int
    kind: bytes  # the name of its type
    fields: bytes
    descriptors: list[int]

    def open(self) -> Message:
        """The message.

        Raises:
            MalformedMessage: when it is none.
        """
        if self.kind not in _KINDS:
            raise MalformedMessage(f"{self.kind!r} is none of {', '.join(kind.decode() for kind in _KINDS)}")
        return from_json(self.fields.decode(), _KINDS[self.kind])


def learn() -> None:
    """Does, once for all hosts, what each would have to do for its first message of each kind."""
    messages.learn(_KINDS.values())


def connection() -> tuple[socket.socket, socket.socket]:
    """Two sockets, over which messages go in both directions."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MOST_BYTES)
    return ends


def send(stream: socket.socket, number: int, message: Message, descriptors: Sequence[int] = ()) -> None:
    """Sends a message with descriptors, which stay open here.

    Args:
        number: the request's, which its answers repeat.

    Raises:
        OSError: when the other end is gone, or the message is longer than the kernel takes.
    """
    _send(stream, number, type(message), to_json(message).encode(), descriptors)


def tell(
    stream: socket.socket, number: int, kind: type[Message], descriptors: Sequence[int] = (), **fields: int
) -> None:
    """As `send`, of a message that has numbers alone, and next to no memory is taken to make it."""
    numbers = b", ".join([b'"%s": %d' % (name.encode(), value) for name, value in fields.items()])
    _send(stream, number, kind, b"{%s}" % numbers, descriptors)


def _send(stream: socket.socket, number: int, kind: type[Message], fields: bytes, descriptors: Sequence[int]) -> None:
    packet = b"%d %s %s" % (number, kind.__name__.encode(), fields)
    if descriptors:
        socket.send_fds(stream, [packet], list(descriptors))
    else:
        stream.send(packet)


def receive(stream: socket.socket) -> Envelope:
    """The next message, and the descriptors that came with it.

    Raises:
        EOFError: when the other end is gone.
    """
    packet, descriptors, _, _ = socket.recv_fds(stream, _MOST_BYTES, _MOST_DESCRIPTORS)
    if not packet:
        raise EOFError
    number, kind, fields = packet.split(b" ", 2)
    return Envelope(int(number), kind, fields, descriptors)
