"""Child processes of the server: daemons that the lab is made of, and commands with a deadline."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from whodunet.core.errors import CannotRun
from whodunet.lab.programs import LAB_PATH, require_program

LOGS: Final = Path("/run/lab/log")
PROGRAMS: Final = Path("/run/lab/programs")  # of the lab's own; last on the PATH: the machine's come first
_AFTER_KILL_S: Final = 2.0


@dataclass(frozen=True)
class Finished:
    """A command that ran, or was killed at its deadline."""

    exit_status: int | None  # None: killed at the deadline
    stdout: str
    stderr: str
    started_ns: int  # CLOCK_REALTIME
    ended_ns: int


def environment(**more: str) -> dict[str, str]:
    """The environment of every command in a lab: the same on every machine."""
    fixed = {"PATH": f"{LAB_PATH}:{PROGRAMS}", "LC_ALL": "C.UTF-8", "TERM": os.environ.get("TERM", "dumb")}
    return fixed | {"HOME": os.environ["HOME"], "USER": "root", "LOGNAME": "root"} | more


def run(arguments: Sequence[str], deadline_s: float, stdin: str = "", keep_open: Sequence[int] = ()) -> Finished:
    """Runs a command to its end, or to the deadline, when it and its process group are killed.

    Raises:
        CannotRun: when the program cannot be started.
    """
    started_ns = time.time_ns()
    child = _start(arguments, subprocess.PIPE, subprocess.PIPE, subprocess.PIPE, keep_open)
    exit_status: int | None
    try:
        out, err = child.communicate(stdin.encode(), timeout=deadline_s)
        exit_status = child.returncode
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        out, err = _rest_of(child)
        exit_status = None
    ended_ns = time.time_ns()
    return Finished(exit_status, out.decode(errors="replace"), err.decode(errors="replace"), started_ns, ended_ns)


def _rest_of(child: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """What a killed command had written, also when something that it left behind keeps its pipes open."""
    try:
        return child.communicate(timeout=_AFTER_KILL_S)
    except subprocess.TimeoutExpired as late:
        child.kill()
        return late.stdout or b"", late.stderr or b""


def check(arguments: Sequence[str], stdin: str = "", deadline_s: float = 30, keep_open: Sequence[int] = ()) -> str:
    """Runs a command that has to succeed and returns its output.

    Raises:
        CannotRun: with the command and what it said, when it fails.
    """
    finished = run(arguments, deadline_s, stdin, keep_open)
    if finished.exit_status != 0:
        said = (finished.stderr + finished.stdout).strip() or f"exit status {finished.exit_status}"
        raise CannotRun(f"{' '.join(arguments)}: {said}")
    return finished.stdout


def _start(
    arguments: Sequence[str],
    stdin: Any,
    stdout: Any,
    stderr: Any,
    keep_open: Sequence[int],
    leads_session: bool = True,
    **more: str,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(arguments),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment(**more),
            pass_fds=tuple(keep_open),
            start_new_session=leads_session,
        )
    except FileNotFoundError as error:
        require_program(arguments[0])
        raise CannotRun(f"{arguments[0]} cannot be started: {error.strerror}") from error
    except OSError as error:
        raise CannotRun(f"{arguments[0]} cannot be started: {error.strerror}") from error


class Daemon:
    """A long-running child whose end is noticed; its standard error goes to a log file of the lab."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        keep_open: Sequence[int] = (),
        leads_session: bool = True,
        **more: str,
    ) -> None:
        """Starts it; `more` are environment variables."""
        self.name = name
        self._is_wanted_dead = False
        with open(LOGS / f"{name}.log", "ab") as log:
            self._child = _start(arguments, subprocess.PIPE, subprocess.PIPE, log, keep_open, leads_session, **more)

    @property
    def pid(self) -> int:
        """Its process id inside the lab."""
        return self._child.pid

    @property
    def stdin(self) -> IO[bytes]:
        """Its standard input."""
        assert self._child.stdin is not None
        return self._child.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """Its standard output."""
        assert self._child.stdout is not None
        return self._child.stdout

    @property
    def is_alive(self) -> bool:
        """True while it runs."""
        return self._child.poll() is None

    def ask(self, line: str) -> str:
        """Writes a line to its standard input and reads one from its standard output."""
        self.stdin.write(line.encode() + b"\n")
        self.stdin.flush()
        return self.stdout.readline().decode()

    def when_ended(self, react: Callable[[str], None]) -> None:
        """Calls `react` with one sentence, from another thread, when it ends by itself."""

        def watch() -> None:
            status = self._child.wait()
            ended = f"was killed by signal {-status}" if status < 0 else f"ended with exit status {status}"
            if not self._is_wanted_dead:
                react(f"{self.name} {ended}{self._last_words()}")

        threading.Thread(target=watch, daemon=True).start()

    def _last_words(self) -> str:
        log = (LOGS / f"{self.name}.log").read_text(encoding="utf-8", errors="replace").strip()
        return f": {log.splitlines()[-1]}" if log else ""

    def kill(self) -> None:
        """Ends it at once, with its process group; `when_ended` stays silent."""
        self._is_wanted_dead = True
        if self.is_alive:
            os.killpg(self.pid, signal.SIGKILL)
        self._child.wait()


def listening_ports(pid: int) -> set[int]:
    """TCP ports that accept in the network namespace of a process; none once it has ended.

    Source: proc(5), /proc/PID/net/tcp, state 0A.
    """
    ports = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):  # the process has ended, or the kernel has no IPv6
            for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A":
                    ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports
