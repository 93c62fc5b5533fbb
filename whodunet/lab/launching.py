"""Starts a lab's process, and holds the lifeline to it.

Imports little: a command starts the lab's process first, and reads its own files while that one imports Mininet.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from whodunet.errors import CannotRun
from whodunet.lab import control
from whodunet.lab.plan import Plan
from whodunet.lab.programs import LAB_PATH

Progress = Callable[[str], None]

# A lab is the same whoever starts it, and what else stands in the caller's environment is none of its business.
_ENVIRONMENT: Final = {"PATH": LAB_PATH, "LC_ALL": "C.UTF-8", "HOME": "/"}

_living: set[LabProcess] = set()
_interrupted = threading.Event()


def end_all() -> None:
    """Ends every lab that this process has started, also those that other threads are just starting, for good."""
    _interrupted.set()
    for process in list(_living):
        process.kill()


class LabProcess:
    """The launcher of a sandbox and the lifeline to its lab."""

    name: str  # under which `whodunet ps` lists it; known once it is told its plan

    def __init__(self, label: str) -> None:
        """Starts it; `label` is what a list of processes shows of it, for people."""
        if _interrupted.is_set():
            raise CannotRun("interrupted")
        mine, theirs = socket.socketpair()
        folder = os.open(control.runtime_folder(), os.O_RDONLY | os.O_DIRECTORY)
        command = [sys.executable, "-P", "-m", "whodunet.lab.server", str(theirs.fileno()), str(folder), label]
        # Nothing of the caller's own output is held open, or `whodunet up NAME | cat` would not end before the lab.
        self._said = open(os.memfd_create("lab-stderr"), "rb", buffering=0)  # noqa: SIM115 - lives as long as the lab
        self._child = subprocess.Popen(
            command,
            pass_fds=(theirs.fileno(), folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            start_new_session=True,
            env=_ENVIRONMENT,
            cwd="/",
        )
        os.close(folder)
        theirs.close()
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
        self._child.wait()
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
            self._child.wait()

    def _close(self) -> None:
        # Shut down first: another thread that is reading from it gets end-of-file instead of keeping it open.
        with suppress(OSError):
            self._lifeline.shutdown(socket.SHUT_RDWR)
        self._lines.close()
        self._lifeline.close()
        self._said.close()
        _living.discard(self)
