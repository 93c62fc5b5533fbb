"""The first process of a host, which is the host: it enters namespaces of its own, and starts what is to run there.

A maker, which is one of the lab's first processes and stays small, forks one for each host. What a host is asked comes
over a socket pair, see `host_messages`. Nobody on the host can look into its first
process, signal it, or reach what it holds.
"""

from __future__ import annotations

import fcntl
import gc
import os
import resource
import selectors
import signal
import socket
import struct
import sys
import termios
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from whodunet.errors import CannotRun
from whodunet.lab import host_messages as messages
from whodunet.lab import host_root, linux, sandbox, seccomp
from whodunet.lab.ids import KINDS, identity_map

NAMESPACES: Final = ("net", "uts", "ipc", "cgroup")  # those that belong to the host's user namespace
PROCESSES: Final = 1024  # of one host, threads included
_ADDRESS_SPACE_BYTES: Final = 8 << 30  # of one process
# Descriptors that lie in a socket's queue are counted by user, across hosts and labs, and whoever sends one more than
# the own limit is refused. So that of what runs on hosts is lower than all others', by what fits in one message (253).
# Source: getrlimit(2), RLIMIT_NOFILE; unix(7), ETOOMANYREFS
_OPEN_FILES: Final = 768
# Each host's user namespace is made by an id of its own, and so the kernel counts each host's processes apart.
# Source: setrlimit(2), RLIMIT_NPROC; kernel/ucount.c since Linux 5.14
_FIRST_MAKER: Final = 2000
_COUNTED_BY_HOST: Final = {
    resource.RLIMIT_NPROC: PROCESSES,
    resource.RLIMIT_SIGPENDING: 4096,
    resource.RLIMIT_MSGQUEUE: 1 << 18,
}
# What an id of the lab may have of these, and so a host; the machine grants a user not much more, all hosts together.
# Source: namespaces(7), /proc/sys/user
_WATCHES: Final = {
    "max_inotify_instances": 32,
    "max_inotify_watches": 4096,
    "max_fanotify_groups": 8,
    "max_fanotify_marks": 4096,
}
# All that a root needs who owns no more than a network. Without SYS_ADMIN (21) and SYS_RESOURCE (24) nothing can be
# mounted and no limit raised, so that limits of memory and files hold. Source: capabilities(7), linux/capability.h
_CAPABILITIES: Final = {
    "CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8,
    "NET_BIND_SERVICE": 10, "NET_BROADCAST": 11, "NET_ADMIN": 12, "NET_RAW": 13, "IPC_LOCK": 14, "IPC_OWNER": 15,
    "SYS_CHROOT": 18, "SYS_PTRACE": 19, "SYS_NICE": 23, "MKNOD": 27, "AUDIT_WRITE": 29, "SETFCAP": 31,
}  # fmt: skip
_LONGEST_REASON: Final = 4096  # bytes
_TIOCSPTLCK: Final = 0x40045431  # Source: asm-generic/ioctls.h
_TIOCGPTN: Final = 0x80045430
_NOT_STARTED: Final = 127  # Source: POSIX shell, 2.8.2; also what a shell says of a command that it does not find


def make_hosts(stream: socket.socket) -> None:
    """The maker: forks a host for each birth that comes, and answers with its process id in the lab.

    It never asks how one has ended: the lab ends with a host, and the kernel then reaps both.
    """
    own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY)
    id_maps = {kind: identity_map(kind) for kind in KINDS}
    messages.learn()
    seccomp.compiled()
    gc.collect()
    gc.freeze()  # or the first collection in each host would have every page of the maker copied
    unread = bytearray()
    while True:
        try:
            number, birth, (orders,) = messages.receive(stream, unread)
        except EOFError:
            return
        assert isinstance(birth, messages.Birth)
        linux.unshare(linux.CLONE_NEWPID)  # it begins with the next child
        first = os.fork()
        if first == 0:
            _be_host(birth, orders, id_maps)
        linux.setns(own_pids, linux.CLONE_NEWPID)
        os.close(orders)
        messages.send(stream, number, messages.Done(first))


def _be_host(birth: messages.Birth, orders: int, id_maps: Mapping[str, str]) -> NoReturn:
    """PID 1 of the host: becomes the host, tells its namespaces, starts what it is asked to start, reaps."""
    stream = socket.socket(fileno=orders)
    try:
        _close_all_but(orders)
        linux.set_command_line("init")  # what the lab was started with names what is wrong in it
        linux.unshare(linux.CLONE_NEWNS)
        namespaces = _become(birth, id_maps)
        root = os.open("/", os.O_PATH)
        messages.send(stream, messages.BIRTH, messages.Born(NAMESPACES), [*namespaces, root])
        for descriptor in (*namespaces, root):
            os.close(descriptor)
    except Exception as error:
        with suppress(OSError):
            messages.send(stream, messages.BIRTH, messages.Failed(_reason(error)))
        os._exit(1)
    try:
        _Init(stream).serve()
    finally:
        os._exit(0)


def _close_all_but(kept: int) -> None:
    """Nothing that the lab has open is open on a host."""
    null = os.open("/dev/null", os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    os.closerange(3, kept)
    os.closerange(kept + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _become(birth: messages.Birth, id_maps: Mapping[str, str]) -> list[int]:
    """Enters root and namespaces; returns descriptors of the namespaces, in the order of NAMESPACES."""
    root = sandbox.HOST_ROOT
    _aside(lambda: _build_root(birth))
    for kind, most in _COUNTED_BY_HOST.items():
        _limit(kind, most)
    user, namespaces = _make_namespaces(root, birth.number, id_maps)
    linux.setns(namespaces[0], linux.CLONE_NEWNET)
    _aside(lambda: host_root.finish(root))
    linux.pivot_root(root)
    for descriptor in (user, *namespaces[1:]):
        linux.setns(descriptor, 0)
    os.close(user)
    linux.unshare(linux.CLONE_NEWNS)  # owned by the host's user namespace: so all that is mounted is locked
    os.setgroups([])
    socket.sethostname(birth.name)
    _limit(resource.RLIMIT_AS, _ADDRESS_SPACE_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    linux.join_new_keyring()
    linux.set_dumpable(False)
    seccomp.forbid_calls()
    sys.path.clear()  # from now on these are the host's directories, and nothing there is to be run in here
    return namespaces


def _aside(work: Callable[[], object]) -> None:
    """Does something in a child, with which the memory that it takes is given back: a host stays small.

    Raises:
        CannotRun: when it failed.
    """
    told_r, told_w = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except Exception as error:
            os.write(told_w, _reason(error).encode()[:_LONGEST_REASON])
        finally:
            os._exit(status)
    os.close(told_w)
    said = os.read(told_r, _LONGEST_REASON).decode(errors="replace")
    os.close(told_r)
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise CannotRun(said or f"it ended with status {status}")


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, CannotRun) else f"{type(error).__name__}: {error}"


def _build_root(birth: messages.Birth) -> None:
    root = host_root.build(birth.name, birth.shared)
    for name, most in _WATCHES.items():
        with suppress(FileNotFoundError):  # an older kernel does not count it
            Path(f"{root}/proc/sys/user/{name}").write_text(str(most), encoding="ascii")


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    lower = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (lower, lower))


def _make_namespaces(root: str, number: int, id_maps: Mapping[str, str]) -> tuple[int, list[int]]:
    """The user namespace of a host and those that belong to it; a child makes them, for this process enters later."""
    entered_r, entered_w = os.pipe()
    mapped_r, mapped_w = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(mapped_w)  # so that it ends with this process
        os._exit(_hold_namespaces(root, _FIRST_MAKER + number, entered_w, mapped_r))
    os.close(entered_w)
    os.close(mapped_r)
    if os.read(entered_r, 1) != b"!":
        raise OSError(0, "the namespaces of the host could not be made")
    for kind, id_map in id_maps.items():
        _write(f"{root}/proc/{child}/{kind}_map", id_map)
    os.write(mapped_w, b"!")
    if os.read(entered_r, 1) != b"!":
        raise OSError(0, "the host could not be forbidden to make user namespaces")
    user, *others = [os.open(f"{root}/proc/{child}/ns/{kind}", os.O_RDONLY) for kind in ("user", *NAMESPACES)]
    os.close(mapped_w)
    os.waitpid(child, 0)
    os.close(entered_r)
    return user, others


def _write(path: str, text: str) -> None:
    """As Path.write_text, without the buffers, which a first process would keep."""
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, text.encode())
    os.close(descriptor)


def _hold_namespaces(root: str, maker: int, entered: int, mapped: int) -> int:
    with suppress(OSError):
        os.setresuid(maker, maker, maker)
        others = linux.CLONE_NEWNET | linux.CLONE_NEWUTS | linux.CLONE_NEWIPC | linux.CLONE_NEWCGROUP
        linux.unshare(linux.CLONE_NEWUSER | others)
        linux.set_dumpable(True)  # or the lab may not look at this process's namespaces
        os.write(entered, b"!")
        os.read(mapped, 1)
        # Who can make a user namespace is root in it, and could mount in it whatever the host's root may not.
        _write(f"{root}/proc/sys/user/max_user_namespaces", "0")
        os.write(entered, b"!")
        os.read(mapped, 1)
        return 0
    return 1


class _Init:
    """Carries out requests, one after the other; tells of the end of all that it has started."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._unread = bytearray()
        self._running: dict[int, int] = {}  # the numbers of the requests that started them, by process id
        self._woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        os.set_inheritable(stream.fileno(), False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)

    def serve(self) -> None:
        """Returns when the lab is gone."""
        selector = selectors.DefaultSelector()
        selector.register(self._stream, selectors.EVENT_READ)
        selector.register(self._woken, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is self._stream:
                    self._serve_next()
                else:
                    os.read(self._woken, 4096)
                    self._reap()

    def _serve_next(self) -> None:
        number, request, descriptors = messages.receive(self._stream, self._unread)
        answer: messages.Answer
        given: list[int] = []
        try:
            answer, given = self._answer(number, request, descriptors)
        except Exception as error:
            answer = messages.Failed(_reason(error))
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        messages.send(self._stream, number, answer, given)
        for descriptor in given:
            os.close(descriptor)

    def _answer(
        self, number: int, request: messages.Message, descriptors: Sequence[int]
    ) -> tuple[messages.Answer, list[int]]:
        match request:
            case messages.Configure():
                _aside(lambda: _configure(request))
            case messages.Bind():
                linux.mount(request.source, request.target, flags=linux.MS_BIND)
            case messages.Unbind():
                linux.unmount(request.target)
            case messages.Signal():
                self._signal(request)
            case messages.Start():
                return self._start(number, request, descriptors)
            case _:
                raise TypeError(f"{type(request).__name__} is not a request")
        return messages.Done(), []

    def _signal(self, request: messages.Signal) -> None:
        pid = next((pid for pid, number in self._running.items() if number == request.number), None)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(pid, request.signal)

    def _start(
        self, number: int, request: messages.Start, descriptors: Sequence[int]
    ) -> tuple[messages.Answer, list[int]]:
        terminal = _open_terminal(request.rows, request.columns) if request.rows else None
        pid = os.fork()
        if pid == 0:
            _exec(request, terminal, descriptors)
        self._running[pid] = number
        return messages.Done(pid), [] if terminal is None else [terminal]

    def _reap(self) -> None:
        for pid, status in _ended():
            number = self._running.pop(pid, None)
            if number is not None:  # else an orphan
                messages.send(self._stream, number, messages.Ended(os.waitstatus_to_exitcode(status)))


def _ended() -> Iterator[tuple[int, int]]:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, status


def _open_terminal(rows: int, columns: int) -> int:
    """The controlling end of a new terminal of this host."""
    master = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    fcntl.ioctl(master, _TIOCSPTLCK, struct.pack("i", 0))
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    return master


def _exec(request: messages.Start, terminal: int | None, descriptors: Sequence[int]) -> NoReturn:
    """Becomes the program that is to be started, which leads a session of its own."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        if terminal is not None:
            (which,) = struct.unpack("i", fcntl.ioctl(terminal, _TIOCGPTN, struct.pack("i", 0)))
            slave = os.open(f"/dev/pts/{which}", os.O_RDWR)  # a session without a terminal gets this one by opening it
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            descriptors = (slave, slave, slave)
        duplicates = [fcntl.fcntl(each, fcntl.F_DUPFD, 10) for each in descriptors]
        for standard, duplicate in enumerate(duplicates):
            os.dup2(duplicate, standard)
        os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
        linux.keep_capabilities(frozenset(_CAPABILITIES.values()))
        os.chdir(request.directory)
        os.execvpe(request.command[0], list(request.command), dict(request.environment))  # noqa: S606 - no shell is asked for
    except OSError as error:
        os.write(2, f"{request.command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(_NOT_STARTED)


def _configure(request: messages.Configure) -> None:
    """Sets the kernel's settings, runs lines of `ip -batch`, and has interfaces finish what they send."""
    for key, value in request.settings.items():
        for path in _places(key, request.interfaces):
            path.write_text(f"{value}\n", encoding="ascii")
    _run_ip(["-batch", "-"], request.ip_batch)
    if request.ip6_batch:
        _run_ip(["-6", "-batch", "-"], request.ip6_batch)
    for interface in request.interfaces:
        linux.switch_offload_off(interface)


def _places(key: str, interfaces: Sequence[str]) -> Iterator[Path]:
    """Where a setting is written: the default of new interfaces is nothing to those that are there already."""
    yield Path("/proc/sys/net", key)
    folder, is_default, name = key.partition("/default/")
    if is_default:
        own = (Path("/proc/sys/net", folder, interface, name) for interface in interfaces)
        yield from (path for path in own if path.exists())


def _run_ip(options: Sequence[str], lines: Sequence[str]) -> None:
    reading, writing = os.pipe()
    os.write(writing, "\n".join([*lines, ""]).encode())
    os.close(writing)
    said_r, said_w = os.pipe()
    pid = os.posix_spawn(
        "/usr/sbin/ip" if os.path.exists("/usr/sbin/ip") else "/usr/bin/ip",
        ["ip", *options],
        {},
        file_actions=[
            (os.POSIX_SPAWN_DUP2, reading, 0),
            (os.POSIX_SPAWN_DUP2, said_w, 1),
            (os.POSIX_SPAWN_DUP2, said_w, 2),
        ],
    )
    os.close(reading)
    os.close(said_w)
    _, status = os.waitpid(pid, 0)
    said = os.read(said_r, 4096).decode(errors="replace").strip()
    os.close(said_r)
    if status != 0:
        raise CannotRun(f"ip {' '.join(options)}: {said}")
