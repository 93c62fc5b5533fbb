"""Starts a lab's process, and holds the lifeline to it.

Imports little: a command starts the lab's process first, and reads its own files while that one imports Mininet.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Final, Protocol, Self

from whodunet.errors import CannotRun
from whodunet.lab import control
from whodunet.lab.plan import Plan
from whodunet.lab.programs import LAB_PATH

Progress = Callable[[str], None]

# A lab is the same whoever starts it, and what else stands in the caller's environment is none of its business.
_ENVIRONMENT: Final = {"PATH": LAB_PATH, "LC_ALL": "C.UTF-8", "HOME": "/"}

_REMARK: Final = "forks labs from here on, and is ready before their commands need it".ljust(80)  # see `warm`

_living: set[LabProcess] = set()
_interrupted = threading.Event()
_warm: list[WarmStart] = []  # the one that starts labs, if there is one


def end_all() -> None:
    """Ends every lab that this process has started, also those that other threads are just starting, for good."""
    _interrupted.set()
    for process in list(_living):
        process.kill()


class Launcher(Protocol):
    """What is asked of the first process of a lab."""

    def wait(self) -> object:
        """Returns when it has ended."""


class ForkedLauncher:
    """A launcher that is another process's child, by a descriptor of it."""

    def __init__(self, ends: int) -> None:
        self._ends = ends
        self._waiting = threading.Lock()

    def wait(self) -> None:
        """Returns when it has ended."""
        with self._waiting:
            if self._ends >= 0:
                end = select.poll()
                end.register(self._ends, select.POLLIN)
                end.poll()
                os.close(self._ends)
                self._ends = -1


class WarmStart:
    """A process that labs are forked from, see `whodunet.lab.warm`; for commands that start several."""

    def __init__(self) -> None:
        self._stream, theirs = socket.socketpair()
        self._asking = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "whodunet.lab.warm", str(theirs.fileno()), _REMARK],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env=_ENVIRONMENT,
                cwd="/",
            )

    def start(self, label: str, lifeline: int, folder: int, said: int) -> Launcher:
        """Has it fork a launcher.

        Raises:
            CannotRun: when it has ended.
        """
        shown, show = os.pipe()
        try:
            with open(show, "wb") as to_show:
                to_show.write(label.encode())
            with self._asking:
                socket.send_fds(self._stream, [b"!"], [shown, lifeline, folder, said])
                _, ends, _, _ = socket.recv_fds(self._stream, 1, 1)
        except OSError:
            ends = []
        finally:
            os.close(shown)
        if not ends:
            raise CannotRun("the process that labs are forked from has ended")
        return ForkedLauncher(ends[0])

    def end(self) -> None:
        """Ends it; the labs go on."""
        self._stream.close()
        self._process.wait()


@contextmanager
def started_warm(labs: int) -> Iterator[None]:
    """Inside the `with`, labs of this process are forked from one that has imported all that they need.

    Args:
        labs: how many there will be; for a single one there is nothing to gain.
    """
    if _warm or labs < 2:
        yield
        return
    _warm.append(WarmStart())
    try:
        yield
    finally:
        _warm.pop().end()


def _start_cold(label: str, lifeline: int, folder: int, said: int) -> Launcher:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "whodunet.lab.server", str(lifeline), str(folder), label],
        pass_fds=(lifeline, folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=said,
        start_new_session=True,
        env=_ENVIRONMENT,
        cwd="/",
    )


class LabProcess:
    """The launcher of a sandbox and the lifeline to its lab."""

    name: str  # under which `whodunet ps` lists it; known once it is told its plan

    def __init__(self, label: str) -> None:
        """Starts it; `label` is what a list of processes shows of it, for people."""
        if _interrupted.is_set():
            raise CannotRun("interrupted")
        mine, theirs = socket.socketpair()
        folder = os.open(control.runtime_folder(), os.O_RDONLY | os.O_DIRECTORY)
        # Nothing of the caller's own output is held open, or `whodunet up NAME | cat` would not end before the lab.
        self._said = open(os.memfd_create("lab-stderr"), "rb", buffering=0)  # noqa: SIM115 - lives as long as the lab
        start = _warm[0].start if _warm else _start_cold
        with theirs:
            try:
                self._launcher = start(label, theirs.fileno(), folder, self._said.fileno())
            except BaseException:
                mine.close()
                self._said.close()
                raise
            finally:
                os.close(folder)
        self._lifeline = mine
        self._is_let_go = False
        self._lines = mine.makefile("r", encoding="utf-8")
        _living.add(self)
        if _interrupted.is_set():
            self.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def tell(self, plan: Plan) -> None:
        """Tells the lab what it is to be, and gives it its control socket.

        Raises:
            InvalidInput: when its name is taken, or a lab may not have it.
        """
        self.name = plan.name
        with control.listen(plan.name) as listener:
            try:
                socket.send_fds(self._lifeline, [plan.to_json().encode() + b"\n"], [listener.fileno()])
            except OSError:  # it has died meanwhile, as `await_ready` notices; nobody else would take its socket away
                control.withdraw(plan.name)

    def await_ready(self, progress: Progress) -> None:
        """Passes progress on until the lab is ready.

        Raises:
            CannotRun: when it could not be brought up.
        """
        for line in self._lines:
            event = json.loads(line)
            if event["kind"] == "ready":
                return
            if event["kind"] == "failed":
                self.kill()
                raise CannotRun(event["text"])
            progress(event["text"])
        last_words = self._last_words()
        self.kill()
        fix = "`whodunet doctor` says what this machine lacks"
        raise CannotRun(last_words or f"the lab ended while it was brought up; {fix}")

    def _last_words(self) -> str:
        """The last line that the lab wrote on its standard error."""
        self._launcher.wait()
        with suppress(ValueError):  # closed by another thread that ends all labs
            lines = os.pread(self._said.fileno(), 1 << 16, 0).decode(errors="replace").strip().splitlines()
            return lines[-1].removeprefix("whodunet: ") if lines else ""
        return ""

    def why_it_ended(self) -> str | None:
        """The lab's own last word, once it has ended by itself."""
        with suppress(OSError, ValueError):
            self._lifeline.settimeout(1)
            events = [json.loads(line) for line in self._lines]
            failures = [event["text"] for event in events if event["kind"] == "failed"]
            return failures[-1] if failures else None
        return None

    def let_go(self) -> None:
        """Lets the lab live on after this process."""
        self._lifeline.send(b"!")
        self._is_let_go = True
        self._close()

    def kill(self) -> None:
        """Ends the lab, unless it was let go; returns when nothing of it is left."""
        self._close()
        if not self._is_let_go:
            self._launcher.wait()

    def _close(self) -> None:
        # Shut down first: another thread that is reading from it gets end-of-file instead of keeping it open.
        with suppress(OSError):
            self._lifeline.shutdown(socket.SHUT_RDWR)
        self._lines.close()
        self._lifeline.close()
        self._said.close()
        _living.discard(self)
