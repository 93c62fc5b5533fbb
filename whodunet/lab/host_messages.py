"""What a lab and its hosts say to each other: a JSON line for each message, with descriptors beside it."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, get_args

from whodunet.lab import messages
from whodunet.lab.host_root import Shared
from whodunet.lab.messages import decode, encode

_MOST_DESCRIPTORS: Final = 8
_MOST_BYTES: Final = 1 << 22
BIRTH: Final = 0  # the number of what is said of a host before it can be asked


@dataclass(frozen=True)
class Birth:
    """What the maker is told of a host; the host's end of its socket comes beside it."""

    name: str
    number: int  # from 0 on, no other host's
    shared: Sequence[Shared] = ()


@dataclass(frozen=True)
class Configure:
    """Gives a host its addresses and routes."""

    settings: Mapping[str, str]  # by path below /proc/sys/net; those of conf/default are its interfaces', too
    ip_batch: Sequence[str]  # lines for `ip -batch`
    ip6_batch: Sequence[str]  # the same for `ip -6 -batch`, afterwards: of rules, ip(8) does not see which family's
    interfaces: Sequence[str]


@dataclass(frozen=True)
class Start:
    """Starts a program; its standard streams come beside it, unless it gets a terminal.

    Once the process has ended, `Ended` follows the answer, with the same number.
    """

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
    """The host is there; descriptors of its namespaces come beside it, and last one of its root directory."""

    namespaces: Sequence[str]  # their kinds


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
    """A program has ended."""

    status: int  # its exit status, or the negative number of the signal that ended it


Request = Configure | Start | Bind | Unbind | Signal
Answer = Born | Done | Failed
Message = Birth | Request | Answer | Ended

_KINDS: Final[tuple[type[Message], ...]] = get_args(Message)


def learn() -> None:
    """Does, once for all hosts, what each would have to do for its first message of each kind."""
    messages.learn(_KINDS)


def send(stream: socket.socket, number: int, message: Message, descriptors: Sequence[int] = ()) -> None:
    """Sends a message with descriptors, which stay open here.

    Args:
        number: the request's, which its answers repeat.
    """
    line = b"%d %s" % (number, encode(message)[0])
    if descriptors:
        socket.send_fds(stream, [line[:1]], list(descriptors))
        line = line[1:]
    stream.sendall(line)


def receive(stream: socket.socket, unread: bytearray) -> tuple[int, Message, list[int]]:
    """The number of the next message, the message, and the descriptors that came with it.

    Args:
        unread: what was received of later messages; one and the same for all calls.

    Raises:
        EOFError: when the other end is gone.
    """
    descriptors: list[int] = []
    while b"\n" not in unread:
        chunk, received, _, _ = socket.recv_fds(stream, 1 << 16, _MOST_DESCRIPTORS)
        descriptors += received
        if not chunk or len(unread) > _MOST_BYTES:
            raise EOFError
        unread += chunk
    line, _, rest = bytes(unread).partition(b"\n")
    unread[:] = rest
    number, _, message = line.partition(b" ")
    return int(number), decode(message, _KINDS), descriptors
