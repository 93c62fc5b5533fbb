"""Child processes of the server: daemons that the lab is made of, and commands with a deadline."""

from __future__ import annotations

import os
import select
import selectors
import signal
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from whodunet.errors import CannotRun
from whodunet.lab.programs import LAB_PATH, require_program
from whodunet.lab.spare import Spare

LOGS: Final = Path("/run/lab/log")
_AFTER_KILL_S: Final = 2.0
_HEAD_BYTES: Final = 1 << 20  # of what a command writes to one of its streams, this much is kept, and the last
_TAIL_BYTES: Final = 1 << 16
_CHUNK_BYTES: Final = 1 << 16
_LOG_BYTES: Final = 1 << 22  # of each daemon's log


@dataclass(frozen=True)
class Finished:
    """A command that ran, or was killed at its deadline."""

    exit_status: int | None  # None: killed at the deadline
    stdout: str
    stderr: str
    started_ns: int  # CLOCK_REALTIME
    ended_ns: int
    started_boot_ns: int  # the same moments by CLOCK_BOOTTIME, which nobody can set
    ended_boot_ns: int


class Child(ABC):
    """A process that was started, here or on a host."""

    pid: int

    @abstractmethod
    def poll(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""

    @abstractmethod
    def wait(self, timeout_s: float | None = None) -> int | None:
        """Its exit status once it has ended; None when the time is over first."""

    @abstractmethod
    def signal(self, which: int) -> None:
        """Signals its process group."""


class LocalChild(Child):
    """A process of the lab itself."""

    def __init__(self, started: subprocess.Popen[bytes]) -> None:
        self._started = started
        self.pid = started.pid

    def poll(self) -> int | None:
        """As subprocess.Popen."""
        return self._started.poll()

    def wait(self, timeout_s: float | None = None) -> int | None:
        """The status; None when the time is over first."""
        with suppress(subprocess.TimeoutExpired):
            return self._started.wait(timeout_s)
        return None

    def signal(self, which: int) -> None:
        """Signals its process group."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, which)


class ForkedChild(Child):
    """A process of the lab itself that was forked, and leads a session of its own."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._ended = os.pidfd_open(pid)
        self._reaping = threading.Lock()
        self._status: int | None = None

    def poll(self) -> int | None:
        """As subprocess.Popen."""
        return self.wait(0)

    def wait(self, timeout_s: float | None = None) -> int | None:
        """The status; None when the time is over first."""
        end = select.poll()
        end.register(self._ended, select.POLLIN)
        if not end.poll(None if timeout_s is None else timeout_s * 1000):
            return None
        with self._reaping:
            if self._status is None:
                self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status

    def signal(self, which: int) -> None:
        """Signals its process group."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, which)


def environment(*, programs: str = "", home: str | None = None, **more: str) -> dict[str, str]:
    """The environment of every command in a lab: the same on every machine.

    Args:
        programs: a further directory of the PATH, the last one: the machine's programs come first.
    """
    fixed = {"PATH": f"{LAB_PATH}:{programs}" if programs else LAB_PATH, "LC_ALL": "C.UTF-8", "TERM": "dumb"}
    return fixed | {"HOME": home or os.environ["HOME"], "USER": "root", "LOGNAME": "root"} | more


Start = Callable[[Sequence[int]], Child]  # told the three standard streams


def start_here(
    arguments: Sequence[str], keep_open: Sequence[int] = (), leads_session: bool = True, **more: str
) -> Start:
    """How a program is started in the lab itself.

    Args:
        keep_open: further descriptors that it is to have.
        more: environment variables.
    """

    def start(streams: Sequence[int]) -> Child:
        stdin, stdout, stderr = streams
        try:
            return LocalChild(
                subprocess.Popen(
                    list(arguments),
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                    env=environment(**more),
                    pass_fds=tuple(keep_open),
                    start_new_session=leads_session,
                )
            )
        except FileNotFoundError as error:
            require_program(arguments[0])
            raise CannotRun(f"{arguments[0]} cannot be started: {error.strerror}") from error
        except OSError as error:
            raise CannotRun(f"{arguments[0]} cannot be started: {error.strerror}") from error

    return start


def start_spare(spare: Spare, order: bytes, descriptors: Sequence[int] = ()) -> Start:
    """How a process that was forked for it is started in the lab itself."""

    def start(streams: Sequence[int]) -> Child:
        spare.start(order, streams, descriptors)
        return ForkedChild(spare.pid)

    return start


def run(arguments: Sequence[str], deadline_s: float, stdin: str = "", keep_open: Sequence[int] = ()) -> Finished:
    """Runs a command of the lab itself to its end, or to the deadline, when it and its process group are killed.

    Raises:
        CannotRun: when the program cannot be started.
    """
    return collect(start_here(arguments, keep_open), deadline_s, stdin.encode())


def check(arguments: Sequence[str], stdin: str = "", deadline_s: float = 30, keep_open: Sequence[int] = ()) -> str:
    """Runs a command that has to succeed and returns its output.

    Raises:
        CannotRun: with the command and what it said, when it fails.
    """
    return check_finished(" ".join(arguments), run(arguments, deadline_s, stdin, keep_open))


def check_finished(command: str, finished: Finished) -> str:
    """The output of a command that had to succeed.

    Raises:
        CannotRun: with the command and what it said, when it failed.
    """
    if finished.exit_status != 0:
        said = (finished.stderr + finished.stdout).strip() or how_it_ended(finished.exit_status)
        raise CannotRun(f"{command}: {said}")
    return finished.stdout


def how_it_ended(status: int | None) -> str:
    """An exit status in words: of a signal, where it is negative; None: it did not end in time."""
    if status is None:
        return "did not end in time"
    return f"was killed by signal {-status}" if status < 0 else f"ended with exit status {status}"


def collect(start: Start, deadline_s: float, stdin: bytes = b"") -> Finished:
    """Starts a command and collects what it writes, until it has ended and all have closed its output, or the deadline.

    Raises:
        CannotRun: when the program cannot be started.
    """
    streams = _Streams(stdin)
    started = _now()
    try:
        child = start(streams.theirs)
    except BaseException:
        streams.close()
        raise
    streams.close_theirs()
    deadline = time.monotonic() + deadline_s
    exit_status = child.wait(max(deadline - time.monotonic(), 0)) if streams.pump(deadline) else None
    if exit_status is None:
        child.signal(signal.SIGKILL)
        streams.pump(time.monotonic() + _AFTER_KILL_S)  # something that it left behind may keep its pipes open
    ended = _now()
    streams.close()
    said = (streams.out.text(), streams.err.text())
    return Finished(exit_status, *said, started[0], ended[0], started[1], ended[1])


def _now() -> tuple[int, int]:
    """The moment by CLOCK_REALTIME, as the capture's time stamps are, and by its witness, CLOCK_BOOTTIME."""
    return time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class _Streams:
    """Pipes for the three standard streams of a command."""

    def __init__(self, stdin: bytes) -> None:
        their_in, self._to_write = os.pipe()
        self._out, their_out = os.pipe()
        self._err, their_err = os.pipe()
        self.theirs = (their_in, their_out, their_err)
        self.out, self.err = Kept(), Kept()
        self._unwritten = memoryview(stdin)
        self._open = {self._to_write, self._out, self._err}
        self._selector = selectors.DefaultSelector()
        os.set_blocking(self._to_write, False)
        self._selector.register(self._to_write, selectors.EVENT_WRITE)
        self._selector.register(self._out, selectors.EVENT_READ, self.out)
        self._selector.register(self._err, selectors.EVENT_READ, self.err)
        if not stdin:
            self._close(self._to_write)

    def close_theirs(self) -> None:
        for descriptor in self.theirs:
            os.close(descriptor)

    def pump(self, deadline: float) -> bool:
        """Writes and reads; False when the deadline comes before everybody has closed the output."""
        while {self._out, self._err} & self._open:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            for key, _ in self._selector.select(left_s):
                if isinstance(key.data, Kept):
                    self._read(key.fd, key.data)
                else:
                    self._write()
        return True

    def _read(self, descriptor: int, kept: Kept) -> None:
        chunk = os.read(descriptor, _CHUNK_BYTES)
        if chunk:
            kept.add(chunk)
        else:
            self._close(descriptor)

    def _write(self) -> None:
        with suppress(BrokenPipeError):
            self._unwritten = self._unwritten[os.write(self._to_write, self._unwritten[:_CHUNK_BYTES]) :]
            if self._unwritten:
                return
        self._close(self._to_write)

    def _close(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)
        self._open.discard(descriptor)
        os.close(descriptor)

    def close(self) -> None:
        for descriptor in list(self._open):
            self._close(descriptor)
        self._selector.close()


class Kept:
    """What a command has written to one stream: the beginning and the end, when it is more than anybody reads."""

    def __init__(self) -> None:
        self._head, self._tail = bytearray(), bytearray()
        self._left_out_bytes = 0

    def add(self, chunk: bytes) -> None:
        """Takes more of it."""
        room = _HEAD_BYTES - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:] if room > 0 else chunk
        surplus = len(self._tail) - _TAIL_BYTES
        if surplus > 0:
            self._left_out_bytes += surplus
            del self._tail[:surplus]

    def text(self) -> str:
        """All of it, with a mark where something is left out."""
        mark = f"\n[... {self._left_out_bytes} bytes left out ...]\n" if self._left_out_bytes else ""
        return self._head.decode(errors="replace") + mark + self._tail.decode(errors="replace")


class Daemon:
    """A long-running child whose end is noticed; its standard error goes to a log file of the lab.

    It writes to a pipe, not to the file: what runs on a host may neither read the log nor change it.
    """

    def __init__(self, name: str, start: Start, *, is_asked: bool = False) -> None:
        """Starts it.

        Args:
            is_asked: True gives it pipes as standard input and output; else it has none, and its output is logged.
        """
        self.name = name
        self._is_wanted_dead = False
        to_log, their_err = os.pipe()
        try:
            if is_asked:
                self._child = self._start_with_pipes(start, their_err)
            else:
                with open(os.devnull, "rb") as nothing:
                    self._child = start((nothing.fileno(), their_err, their_err))
        except BaseException:
            os.close(to_log)
            raise
        finally:
            os.close(their_err)
        self._logging = threading.Thread(target=_log, args=(to_log, LOGS / f"{name}.log"), daemon=True)
        self._logging.start()

    def _start_with_pipes(self, start: Start, err: int) -> Child:
        their_in, to_write = os.pipe()
        to_read, their_out = os.pipe()
        self.stdin, self.stdout = open(to_write, "wb"), open(to_read, "rb")  # noqa: SIM115 - as long as it lives
        try:
            return start((their_in, their_out, err))
        finally:
            os.close(their_in)
            os.close(their_out)

    @property
    def pid(self) -> int:
        """Its process id inside the lab, or on its host."""
        return self._child.pid

    @property
    def is_alive(self) -> bool:
        """True while it runs."""
        return self._child.poll() is None

    def how_it_ended(self) -> str | None:
        """How it ended, with the last line that it wrote; None while it runs."""
        status = self._child.poll()
        if status is None:
            return None
        self._logging.join(_AFTER_KILL_S)
        return f"{how_it_ended(status)}{self._last_words()}"

    def ask(self, line: str) -> str:
        """Writes a line to its standard input and reads one from its standard output."""
        self.stdin.write(line.encode() + b"\n")
        self.stdin.flush()
        return self.stdout.readline().decode()

    def when_ended(self, react: Callable[[str], None]) -> None:
        """Calls `react` with one sentence, from another thread, when it ends by itself."""

        def watch() -> None:
            ended = how_it_ended(self._child.wait() or 0)
            if not self._is_wanted_dead:
                self._logging.join(_AFTER_KILL_S)
                react(f"{self.name} {ended}{self._last_words()}")

        threading.Thread(target=watch, daemon=True).start()

    def _last_words(self) -> str:
        log = (LOGS / f"{self.name}.log").read_text(encoding="utf-8", errors="replace").strip()
        return f": {log.splitlines()[-1]}" if log else ""

    def kill(self, undoes_s: float = 0.0) -> None:
        """Ends it, with its process group; `when_ended` stays silent.

        Args:
            undoes_s: for how long it is asked to end by itself first.
        """
        self._is_wanted_dead = True
        if undoes_s:
            self._child.signal(signal.SIGTERM)
            self._child.wait(undoes_s)
        self._child.signal(signal.SIGKILL)
        self._child.wait()


def _log(source: int, path: Path) -> None:
    """Copies what a daemon writes into its log, as far as there is room."""
    room = _LOG_BYTES
    with open(source, "rb", buffering=0) as written, path.open("ab", buffering=0) as log:
        while chunk := written.read(_CHUNK_BYTES):
            with suppress(OSError):  # no room: what matters is that the daemon can go on
                log.write(chunk[:room])
            room = max(room - len(chunk), 0)


def read_logs() -> Mapping[str, str]:
    """What the lab's daemons wrote, by file name."""
    return {path.name: path.read_text(encoding="utf-8", errors="replace") for path in LOGS.iterdir()}


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
