"""A program on a host whose user sits outside: the lab's part of it. `whodunet.lab.attaching` is the user's.

Nothing that the user has open is handed to the host: a terminal there is the host's own, and the pipes are new ones. So
nobody on the host can type into the user's terminal, or reopen the user's files.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from whodunet.errors import CannotRun, WhodunetError
from whodunet.lab.connection import ControlConnection
from whodunet.lab.hosts import Host, HostChild
from whodunet.lab.messages import FileDescriptor, MalformedMessage
from whodunet.lab.requests import Attach, Attached, Exited, ForwardSignal, RequestRefused
from whodunet.spelling import did_you_mean

_TERMINAL_NAME: Final = re.compile(r"[A-Za-z0-9][\w.+-]{0,31}")
_LARGEST_WINDOW: Final = 0xFFFF  # rows or columns. Source: ioctl_tty(2), TIOCSWINSZ


def converse_with_process(connection: ControlConnection, hosts: Mapping[str, Host], request: Attach) -> None:
    """Starts what is asked for, forwards signals to it, and tells its exit status; it ends with its user.

    Raises:
        EOFError: when the user has gone.
    """
    try:
        child, ends = _start(hosts, request)
    except WhodunetError as error:
        connection.send(RequestRefused(str(error)))
        return
    try:
        connection.send(Attached([FileDescriptor(end) for end in ends]))
    finally:
        _close(ends)

    def tell_end() -> None:
        with suppress(OSError):
            connection.send(Exited(child.wait() or 0))

    threading.Thread(target=tell_end, daemon=True).start()
    try:
        while True:
            child.signal(connection.receive((ForwardSignal,)).number)
    except MalformedMessage as error:
        connection.send(RequestRefused(f"this is nothing that an attached program can be told: {error}"))
    finally:
        if child.poll() is None:
            child.signal(signal.SIGHUP)


def _start(hosts: Mapping[str, Host], request: Attach) -> tuple[HostChild, list[int]]:
    """The program, and the user's ends: of its terminal, or of its standard input, output and error."""
    if request.host not in hosts:
        raise CannotRun(f"{request.host} is not a host of this lab; {did_you_mean(request.host, hosts)}")
    host = hosts[request.host]
    term = request.term if _TERMINAL_NAME.fullmatch(request.term) else "dumb"
    if request.rows:
        rows, columns = (min(max(size, 1), _LARGEST_WINDOW) for size in (request.rows, request.columns))
        child, terminal = host.start_in_terminal(request.command, rows, columns, TERM=term)
        return child, [terminal]
    # Made here, so that they belong to the host's root, who may then open /dev/stdout and the like.
    (their_in, our_in), (our_out, their_out), (our_err, their_err) = os.pipe(), os.pipe(), os.pipe()
    ours = [our_in, our_out, our_err]
    try:
        return host.start(request.command, (their_in, their_out, their_err), TERM=term), ours
    except WhodunetError:
        _close(ours)
        raise
    finally:
        _close((their_in, their_out, their_err))


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
