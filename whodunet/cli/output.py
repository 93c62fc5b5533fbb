"""Standard output and files: can they be written to?"""

from __future__ import annotations

import errno
import os
import select
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from whodunet.errors import CannotRun


def open_closed_streams() -> None:
    """Gives standard streams that are closed /dev/null, so that no file or socket of ours takes their number.

    Raises:
        CannotRun: when standard output was closed; what would be printed is what the command is for.
    """
    was_closed = sys.stdout is None
    if None in (sys.stdin, sys.stdout, sys.stderr):
        while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
            os.set_inheritable(descriptor, True)  # as standard streams are
        os.close(descriptor)
        sys.stdin = sys.stdin or open(0, encoding="utf-8")  # noqa: SIM115 - as long as the process
        sys.stdout = sys.stdout or open(1, "w", encoding="utf-8")  # noqa: SIM115
        sys.stderr = sys.stderr or open(2, "w", encoding="utf-8")  # noqa: SIM115
    if was_closed:
        raise CannotRun("standard output is closed; send it to a file, or to /dev/null")


def require_writable(output: TextIO) -> None:
    """Finds out whether standard output can be written to, as far as the kernel tells before anything is written.

    Raises:
        OSError: as writing to it would: ENOSPC for a full disk, EPIPE for a pipe that nobody reads, EBADF ...
    """
    try:
        descriptor = output.fileno()
    except (OSError, ValueError):
        return  # it is not a file
    require_room(descriptor, "standard output")
    if has_no_reader(output):
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def has_no_reader(stream: TextIO) -> bool:
    """True of a pipe whose other end is closed."""
    with suppress(OSError, ValueError):
        poll = select.poll()
        poll.register(stream.fileno(), 0)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    return False


def require_room(descriptor: int, name: str) -> None:
    """Finds out whether an open file can be written to, and has room for more than nothing.

    Raises:
        OSError: with the name when it cannot, or has not.
    """
    with errors_name(name):
        os.write(descriptor, b"")
        if stat.S_ISREG(os.fstat(descriptor).st_mode) and _is_full(os.fstatvfs(descriptor)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def errors_name(name: str) -> Iterator[None]:
    """Inside the `with`, errors of the system that name no file name this one."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = name
        raise


@contextmanager
def report_file(path: Path | None) -> Iterator[Callable[[str], object] | None]:
    """What writes the report in the end; that it can be written is found out at once, and nothing of it is left
    when what is to be reported fails.

    Raises:
        OSError: when the file cannot be written.
    """
    if path is None:
        yield None
        return
    is_new = not path.exists()
    with open(path, "ab") as file:
        require_room(file.fileno(), str(path))

    def write(text: str) -> None:
        with errors_name(str(path)):
            path.write_text(text, encoding="utf-8")

    try:
        yield write
    except BaseException:
        if is_new:
            path.unlink(missing_ok=True)
        raise


def _is_full(file_system: os.statvfs_result) -> bool:
    if not file_system.f_blocks:  # some of the kernel's own have no blocks at all
        return False
    return (file_system.f_bfree if os.geteuid() == 0 else file_system.f_bavail) == 0


def flush_or_drop(stream: TextIO) -> None:
    """Writes what is still held back; where that fails drops it, or Python would complain once more as it ends."""
    try:
        stream.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def tell(text: str) -> None:
    """Says something on standard error; where nobody can read it, the command goes on."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)
