"""A host of the lab, as the lab holds it: its first process, its namespaces, its files, and what runs there."""

from __future__ import annotations

import os
import posixpath
import socket
import stat
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Final

from whodunet.errors import CannotRun
from whodunet.evidence.topology import Family
from whodunet.lab import host_messages as messages
from whodunet.lab import host_root, linux
from whodunet.lab.accounts import HOST_USERS
from whodunet.lab.host_network import is_ipv6, network_of, run_ip_batch
from whodunet.lab.host_root import OWN, Shared
from whodunet.lab.processes import Child, Finished, collect, environment, run

if TYPE_CHECKING:
    from whodunet.lab_topo import HostSettings

# On an emulated machine (QEMU without KVM), half a second becomes 20.
_BIRTH_S: Final = 60.0
_ANSWER_S: Final = 60.0
_MOST_READ_BYTES: Final = 1 << 26
_CHUNK_BYTES: Final = 1 << 20


class HostMaker:
    """The lab's end of the socket to the process that makes hosts."""

    def __init__(self, stream: socket.socket, shared: Sequence[Shared]) -> None:
        """`shared` is shown on every host that is made."""
        self._stream = stream
        self._shared = tuple(shared)

    def make(self, names: Iterable[str]) -> dict[str, FirstProcess]:
        """Makes hosts, on roots that are built here; they may still be on their way to being some.

        Raises:
            CannotRun: when the kernel refuses a mount.
        """
        streams = {name: self._begin(name, number) for number, name in enumerate(names)}
        # Only now: while the root of one is built here, the one before is forked there.
        return {name: FirstProcess(name, self._made(), orders) for name, orders in streams.items()}

    def _begin(self, name: str, number: int) -> socket.socket:
        orders, theirs = messages.connection()
        try:
            with theirs, linux.in_new_mounts() as mounts:
                host_root.build(name, self._shared)
                birth = messages.Birth(name, number)
                messages.send(self._stream, messages.BIRTH, birth, [theirs.fileno(), mounts])
        except OSError as error:
            raise _cannot_be_made(name, error.strerror or str(error)) from error
        return orders

    def _made(self) -> int:
        """The process id of the host that was begun first, of those not asked for yet."""
        made = messages.receive(self._stream).open()
        assert isinstance(made, messages.Done)
        return made.pid


def _cannot_be_made(name: str, reason: str) -> CannotRun:
    return CannotRun(f"{name} could not be made: {reason}; `whodunet doctor` says what is missing")


class FirstProcess:
    """The first process of a host, which carries out what it is asked."""

    def __init__(self, name: str, pid: int, orders: socket.socket) -> None:
        self.name = name
        self.pid = pid  # in the lab's PID namespace
        self._orders = orders
        self._sending = threading.Lock()
        self._numbers = count(messages.BIRTH + 1)
        self._answers: dict[int, Future[tuple[messages.Message, list[int]]]] = {}
        self._ends: dict[int, Future[int]] = {}
        self._born = self._answers[messages.BIRTH] = Future()
        threading.Thread(target=self._read, daemon=True).start()

    def await_born(self) -> tuple[dict[str, int], int]:
        """Descriptors of the host's namespaces by kind, and one of its root directory, when it is there.

        Raises:
            CannotRun: when the kernel refused it a mount or a namespace.
        """
        answer, descriptors = self._result(self._born, _BIRTH_S)
        if isinstance(answer, messages.Failed):
            raise _cannot_be_made(self.name, answer.reason)
        assert isinstance(answer, messages.Born)
        *namespaces, root = descriptors
        return dict(zip(messages.NAMESPACES, namespaces, strict=True)), root

    def ask(self, request: messages.Request, descriptors: Sequence[int] = ()) -> tuple[int, messages.Done, list[int]]:
        """Sends a request; returns its number and the answer.

        Raises:
            CannotRun: when the host could not do it, or has ended.
        """
        number = next(self._numbers)
        answered = self._answers[number] = Future()
        self._ends[number] = Future()
        try:
            with self._sending:
                messages.send(self._orders, number, request, descriptors)
        except OSError as error:
            raise CannotRun(f"{self.name} cannot be asked: {error.strerror or error}") from error
        answer, received = self._result(answered, _ANSWER_S)
        if isinstance(answer, messages.Failed):
            raise CannotRun(f"{self.name}: {answer.reason}")
        assert isinstance(answer, messages.Done)
        return number, answer, received

    def await_end(self, number: int, timeout_s: float | None) -> int | None:
        """The status with which a started process ended; None when the time is over first."""
        with suppress(NotYet):
            return self._ends[number].result(timeout_s)
        return None

    def signal(self, number: int, which: int) -> None:
        """Signals the process group of a started process."""
        with suppress(CannotRun):
            self.ask(messages.Signal(number, int(which)))

    def _result(
        self, future: Future[tuple[messages.Message, list[int]]], timeout_s: float
    ) -> tuple[messages.Message, list[int]]:
        try:
            return future.result(timeout_s)
        except NotYet as error:
            raise CannotRun(f"{self.name} did not answer within {timeout_s:g} s") from error

    def _read(self) -> None:
        """Hands answers to those who wait for them."""
        with suppress(EOFError, OSError):
            while True:
                envelope = messages.receive(self._orders)
                message = envelope.open()
                answered = self._answers.pop(envelope.number, None)
                if isinstance(message, messages.Ended):
                    self._ends[envelope.number].set_result(message.status)
                    message = messages.Failed("it was ended before it could answer")
                if answered is not None:
                    answered.set_result((message, envelope.descriptors))
        for future in list(self._answers.values()):
            future.set_result((messages.Failed("it has ended"), []))
        for end in self._ends.values():
            if not end.done():
                end.set_result(-9)  # nothing outlives the first process


class HostChild(Child):
    """A process on a host, whose standard streams are pipes of the lab or a terminal of the host."""

    def __init__(self, first: FirstProcess, number: int, pid: int) -> None:
        self._first = first
        self._number = number
        self.pid = pid  # in the host's PID namespace

    def poll(self) -> int | None:
        """As subprocess.Popen."""
        return self._first.await_end(self._number, 0)

    def wait(self, timeout_s: float | None = None) -> int | None:
        """The status, negative for a signal; None when the time is over first."""
        return self._first.await_end(self._number, timeout_s)

    def signal(self, which: int) -> None:
        """Signals its process group."""
        self._first.signal(self._number, which)


class Host:
    """One host of the lab."""

    def __init__(self, first: FirstProcess, settings: HostSettings, family: Family) -> None:
        """Of its DNS server's addresses, a host asks that of the family first."""
        self.name = first.name
        self.pid = first.pid
        self.settings = settings
        self.family = family  # over which the case's probes go
        self._first = first
        self.namespaces, self._root = first.await_born()

    # Its files, which the lab reaches as a process of the host would: no link there leads out of the host.

    def write(self, path: str, text: str, mode: int = 0o644, owner: int = 0) -> None:
        """Writes a file of the host in place of what is there; `path` as the host sees it."""
        self.write_bytes(path, text.encode(), mode, owner)

    def write_bytes(self, path: str, content: bytes, mode: int = 0o644, owner: int = 0) -> None:
        """Writes a file of the host in place of what is there.

        Raises:
            CannotRun: when the host has no room for it, or something else is there.
        """
        with self._telling(path, "written"), open(self._open_to_write(path, mode), "wb") as file:
            file.write(content)
            os.fchown(file.fileno(), owner, owner)

    def copy_in(self, path: str, name: str, mode: int, source: int) -> None:
        """Copies what a descriptor holds into a file of the host; into one called `name` where the path is a folder.

        Raises:
            CannotRun: as `write_bytes`.
        """
        path = self._absolute(path)
        with suppress(OSError):
            os.close(linux.open_in_root(self._root, path, os.O_PATH | os.O_DIRECTORY))
            path = f"{path.rstrip('/')}/{name}"
        with self._telling(path, "written"), open(self._open_to_write(path, mode), "wb", buffering=0) as file:
            while chunk := os.read(source, _CHUNK_BYTES):
                unwritten = memoryview(chunk)
                while unwritten:
                    unwritten = unwritten[file.write(unwritten) :]

    def open_to_read(self, path: str) -> int:
        """A descriptor of a file of the host.

        Raises:
            CannotRun: when there is no such file.
        """
        with self._telling(path, "read"):
            descriptor = linux.open_in_root(self._root, self._absolute(path), os.O_RDONLY | os.O_NONBLOCK)
            self._require_regular(descriptor, path)
            return descriptor

    def read_bytes(self, path: str, most_bytes: int = _MOST_READ_BYTES) -> bytes:
        """What a file of the host holds.

        Raises:
            CannotRun: when there is no such file, or it is too long.
        """
        with self._telling(path, "read"), open(self.open_to_read(path), "rb") as file:
            content = file.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise CannotRun(f"{self.name}: {path} has more than {most_bytes} bytes")
        return content

    @contextmanager
    def _telling(self, path: str, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CannotRun(f"{self.name}: {path} cannot be {what}: {error.strerror}") from error

    def _absolute(self, path: str) -> str:
        return posixpath.join(HOST_USERS["root"].home, path)

    def _open_to_write(self, path: str, mode: int) -> int:
        self._make_folder(path.rpartition("/")[0])
        descriptor = linux.open_in_root(self._root, path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK, mode)
        self._require_regular(descriptor, path)
        os.ftruncate(descriptor, 0)
        os.fchmod(descriptor, mode)
        return descriptor

    def remove_file(self, path: str) -> None:
        """Removes a file of the host; it need not be there."""
        folder, _, name = path.rpartition("/")
        with suppress(OSError):
            directory = linux.open_in_root(self._root, folder or "/", os.O_PATH | os.O_DIRECTORY)
            try:
                os.unlink(name, dir_fd=directory)
            finally:
                os.close(directory)

    def _require_regular(self, descriptor: int, path: str) -> None:
        """Closes what is not an ordinary file: to read or write a FIFO would have the lab wait for the host."""
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise CannotRun(f"{self.name}: {path} is not an ordinary file")

    def _make_folder(self, folder: str) -> None:
        try:
            os.close(linux.open_in_root(self._root, folder or "/", os.O_PATH | os.O_DIRECTORY))
        except FileNotFoundError:
            parent, _, name = folder.rpartition("/")
            self._make_folder(parent)
            above = linux.open_in_root(self._root, parent or "/", os.O_PATH | os.O_DIRECTORY)
            try:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o755, dir_fd=above)
            finally:
                os.close(above)

    def bind(self, source: str, target: str) -> None:
        """Shows a folder or file of the host in place of another one.

        By a call of the first process, which runs no program for it: one of the host's could be what a learner has put
        in its place, and would have the right to mount.
        """
        self._first.ask(messages.Bind(source, target))

    def unbind(self, target: str) -> None:
        """Takes away what `bind` has put there last."""
        self._first.ask(messages.Unbind(target))

    # Its network.

    def configure(self, interfaces: Mapping[str, Sequence[str]], initial_ttl: int, devices: Sequence[str] = ()) -> None:
        """Gives the host its addresses, routes and settings; for the arguments see `network_of`.

        Raises:
            CannotRun: with what ip(8) said.
        """
        network_of(self.settings, interfaces, initial_ttl, devices).set_up_in(self.namespaces["net"])
        self.set_resolver(self.settings.get("resolver") or ())

    def set_resolver(self, addresses: Sequence[str]) -> None:
        """Points the host at another DNS server, by its address of each family."""
        preferred_first = sorted(addresses, key=lambda address: is_ipv6(address) != (self.family == "ipv6"))
        lines = [f"nameserver {address}\n" for address in preferred_first]
        domain = self.settings.get("search_domain")
        search = [f"search {domain}\n"] if lines and domain else []
        self.write("/etc/resolv.conf", "".join([*lines, *search]))

    @contextmanager
    def in_network(self) -> Iterator[None]:
        """Inside the `with`, programs that this thread starts are the lab's own, and have this host's network."""
        with linux.in_network(self.namespaces["net"]):
            yield

    def ip(self, *lines: str) -> None:
        """Runs lines of `ip -batch`.

        Raises:
            CannotRun: with what ip(8) said.
        """
        with self.in_network():
            run_ip_batch(lines)

    def pings(self, address: str, *options: str) -> bool:
        """Whether an answer comes to one ping."""
        with self.in_network():
            return run(["ping", "-n", "-q", "-c", "1", "-W", "1", *options, address], _ANSWER_S).exit_status == 0

    # What runs there.

    def start(
        self,
        command: Sequence[str],
        streams: Sequence[int],
        *,
        directory: str = HOST_USERS["root"].home,
        **more: str,
    ) -> HostChild:
        """Starts a program as the host's root; it leads a session of its own.

        Args:
            streams: descriptors of its standard input, output and error.
            more: environment variables.
        """
        request = messages.Start(command, host_environment(**more), directory)
        number, done, _ = self._first.ask(request, streams)
        return HostChild(self._first, number, done.pid)

    def start_in_terminal(self, command: Sequence[str], rows: int, columns: int, **more: str) -> tuple[HostChild, int]:
        """Starts a program in a new terminal of the host; returns it and the terminal's other end."""
        home = HOST_USERS["root"].home
        request = messages.Start(command, host_environment(**more), home, max(rows, 1), max(columns, 1))
        number, done, (terminal,) = self._first.ask(request)
        return HostChild(self._first, number, done.pid), terminal

    def run(self, command: Sequence[str], deadline_s: float, stdin: str = "") -> Finished:
        """Runs a program to its end, or to the deadline, when it and its process group are killed."""
        return collect(lambda streams: self.start(command, streams), deadline_s, stdin.encode())

    def execute(self, command: str, deadline_s: float, stdin: str = "") -> Finished:
        """Runs a shell command as the host's root, in its home directory."""
        return self.run(["bash", "-c", command], deadline_s, stdin)


def host_environment(**more: str) -> dict[str, str]:
    """The environment of every command on a host: the same on every machine."""
    return environment(programs=f"{OWN}/bin", home=HOST_USERS["root"].home, **more)
