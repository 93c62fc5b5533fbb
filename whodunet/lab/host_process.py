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
import select
import signal
import socket
import struct
import sys
import termios
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final, NoReturn

from whodunet.errors import CannotRun
from whodunet.lab import host_messages as messages
from whodunet.lab import host_root, linux, sandbox, seccomp
from whodunet.lab.host_messages import NAMESPACES, Envelope
from whodunet.lab.ids import KINDS, identity_map

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
_WATCHES: Final = {"max_inotify_watches": 4096, "max_fanotify_groups": 8, "max_fanotify_marks": 4096}
# Of inotify instances it is a quarter of what the machine grants: 32 of 128, the kernel's default. AWS's agent takes
# two a session. Source: inotify(7)
_INSTANCES_GRANTED: Final = "/proc/sys/fs/inotify/max_user_instances"
# All that a root needs who owns no more than a network. Without SYS_ADMIN (21) and SYS_RESOURCE (24) nothing can be
# mounted and no limit raised, so that limits of memory and files hold. Source: capabilities(7), linux/capability.h
_CAPABILITIES: Final = {
    "CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8,
    "NET_BIND_SERVICE": 10, "NET_BROADCAST": 11, "NET_ADMIN": 12, "NET_RAW": 13, "IPC_LOCK": 14, "IPC_OWNER": 15,
    "SYS_CHROOT": 18, "SYS_PTRACE": 19, "SYS_NICE": 23, "MKNOD": 27, "AUDIT_WRITE": 29, "SETFCAP": 31,
}  # fmt: skip
_TIOCSPTLCK: Final = 0x40045431  # Source: asm-generic/ioctls.h
_TIOCGPTN: Final = 0x80045430
_START: Final = messages.Start.__name__.encode()
_NOT_STARTED: Final = 127  # Source: POSIX shell, 2.8.2; also what a shell says of a command that it does not find


def make_hosts(stream: socket.socket) -> None:
    """The maker: forks a host for each birth that comes, and answers with its process id in the lab.

    It never asks how one has ended: the lab ends with a host, and the kernel then reaps both.
    """
    linux.set_command_line("init")  # and all hosts': what the lab was started with names what is wrong in it
    own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY)
    id_maps = {kind: identity_map(kind) for kind in KINDS}
    messages.learn()
    seccomp.prepared()
    signal.signal(signal.SIGCHLD, lambda *_: None)  # or no host would be woken by the end of a child
    gc.collect()
    gc.freeze()  # or the first collection in each host would have every page of the maker copied
    while True:
        try:
            birth = messages.receive(stream)
        except EOFError:
            return
        linux.unshare(linux.CLONE_NEWPID)  # it begins with the next child
        first = os.fork()
        if first == 0:
            _be_host(birth, stream, id_maps)
        linux.setns(own_pids, linux.CLONE_NEWPID)
        for descriptor in birth.descriptors:
            os.close(descriptor)
        messages.tell(stream, birth.number, messages.Done, pid=first)


def _be_host(birth: Envelope, stream: socket.socket, id_maps: Mapping[str, str]) -> NoReturn:
    """PID 1 of the host: becomes the host, tells its namespaces, has children carry out what it is asked, reaps.

    What it runs itself is kept short: every page of memory that it touches, it has for itself from then on.
    """
    orders, mounts = birth.descriptors
    os.dup2(orders, stream.fileno(), inheritable=False)  # another socket would take it more memory
    try:
        linux.setns(mounts, linux.CLONE_NEWNS)
        _close_all_but(stream.fileno())
        namespaces = _become(birth, id_maps)
        root = os.open("/", os.O_PATH)
        messages.tell(stream, messages.BIRTH, messages.Born, [*namespaces, root])
        for descriptor in (*namespaces, root):
            os.close(descriptor)
    except Exception as error:
        with suppress(OSError):
            messages.send(stream, messages.BIRTH, messages.Failed(_reason(error)))
            stream.recv(1)  # the lab is to end for this reason, and not because it sees its host end
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


def _become(birth: Envelope, id_maps: Mapping[str, str]) -> list[int]:
    """Enters root and namespaces; returns descriptors of the namespaces, in the order of NAMESPACES."""
    root = sandbox.HOST_ROOT
    sandbox.mount_proc(f"{root}/proc")
    with open(_INSTANCES_GRANTED, encoding="ascii") as granted:
        instances = int(granted.read()) // 4
    for name, watches in (_WATCHES | {"max_inotify_instances": instances}).items():
        with suppress(FileNotFoundError):  # an older kernel does not count it
            _write(f"{root}/proc/sys/user/{name}", str(watches))
    for kind, most in _COUNTED_BY_HOST.items():
        _limit(kind, most)
    user, namespaces = _make_namespaces(root, birth, id_maps)
    linux.setns(namespaces[0], linux.CLONE_NEWNET)
    host_root.finish(root)
    linux.pivot_root(root)
    for descriptor in (user, *namespaces[1:]):
        linux.setns(descriptor, 0)
    os.close(user)
    linux.unshare(linux.CLONE_NEWNS)  # owned by the host's user namespace: so all that is mounted is locked
    os.setgroups([])
    _limit(resource.RLIMIT_AS, _ADDRESS_SPACE_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    linux.join_new_keyring()
    linux.set_dumpable(False)
    seccomp.forbid_calls()
    sys.path.clear()  # from now on these are the host's directories, and nothing there is to be run in here
    return namespaces


def _reason(error: Exception) -> str:
    """In one sentence; of the kernel's refusals, its own words."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) if isinstance(error, CannotRun) else f"{type(error).__name__}: {error}"


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    lower = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (lower, lower))


def _make_namespaces(root: str, birth: Envelope, id_maps: Mapping[str, str]) -> tuple[int, list[int]]:
    """The user namespace of a host and those that belong to it; a child makes them, for this process enters later."""
    entered_r, entered_w = os.pipe()
    mapped_r, mapped_w = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(mapped_w)  # so that it ends with this process
        os._exit(_hold_namespaces(root, birth, entered_w, mapped_r))
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


def _hold_namespaces(root: str, birth: Envelope, entered: int, mapped: int) -> int:
    host = birth.open()
    assert isinstance(host, messages.Birth)
    maker = _FIRST_MAKER + host.number
    with suppress(OSError):
        os.setresuid(maker, maker, maker)
        others = linux.CLONE_NEWNET | linux.CLONE_NEWUTS | linux.CLONE_NEWIPC | linux.CLONE_NEWCGROUP
        linux.unshare(linux.CLONE_NEWUSER | others)
        socket.sethostname(host.name)
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
    """Has each request carried out; tells of the end of each process that it has started for one."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._requests: dict[int, int] = {}  # their numbers by the process ids of those that carry them out
        self._woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)

    def serve(self) -> None:
        """Returns when the lab is gone."""
        poll = select.poll()
        poll.register(self._stream, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == self._woken:
                    os.read(self._woken, 4096)
                    self._reap()
                else:
                    self._serve_next()

    def _serve_next(self) -> None:
        request = messages.receive(self._stream)
        if request.kind == _START:
            try:
                pid = os.fork()
            except OSError as error:  # the host has all the processes that it may have
                messages.send(self._stream, request.number, messages.Failed(_reason(error)))
            else:
                if pid == 0:
                    _carry_out_and_exit(self._stream, request)
                self._requests[pid] = request.number
        else:
            _answer(self._stream, request.number, lambda: self._carry_out(request.open()))
        for descriptor in request.descriptors:
            os.close(descriptor)

    def _carry_out(self, request: messages.Message) -> None:
        match request:
            case messages.Bind():
                linux.mount(request.source, request.target, flags=linux.MS_BIND)
            case messages.Unbind():
                linux.unmount(request.target)
            case messages.Signal():
                self._signal(request)
            case _:
                raise TypeError(f"{type(request).__name__} is not a request")

    def _signal(self, request: messages.Signal) -> None:
        pid = next((pid for pid, number in self._requests.items() if number == request.number), None)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(pid, request.signal)

    def _reap(self) -> None:
        for pid, status in _ended():
            number = self._requests.pop(pid, None)
            if number is not None:  # else an orphan
                messages.tell(self._stream, number, messages.Ended, status=os.waitstatus_to_exitcode(status))


def _answer(stream: socket.socket, number: int, carry_out: Callable[[], object]) -> None:
    answer: messages.Answer = messages.Done()
    try:
        carry_out()
    except Exception as error:
        answer = messages.Failed(_reason(error))
    messages.send(stream, number, answer)


def _carry_out_and_exit(stream: socket.socket, envelope: Envelope) -> NoReturn:
    """In a child of the first process: becomes the program that is to be started."""
    try:
        request = envelope.open()
        assert isinstance(request, messages.Start)
        _start(stream, envelope, request)
    finally:
        os._exit(_NOT_STARTED)


def _ended() -> Iterator[tuple[int, int]]:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, status


def _start(stream: socket.socket, envelope: Envelope, request: messages.Start) -> None:
    """Becomes the program that is to be started, which leads a session of its own; returns when it cannot."""
    descriptors: Sequence[int] = envelope.descriptors
    terminal = []
    try:
        os.setsid()
        if request.rows:
            controlling, own = _open_terminal(request.rows, request.columns)
            terminal, descriptors = [controlling], [own] * 3
        messages.send(stream, envelope.number, messages.Done(os.getpid()), terminal)
    except Exception as error:
        messages.send(stream, envelope.number, messages.Failed(_reason(error)))
        return
    try:
        _exec(request, descriptors)
    except OSError as error:
        os.write(2, f"{request.command[0]}: {error.strerror}\n".encode())


def _open_terminal(rows: int, columns: int) -> tuple[int, int]:
    """Both ends of a new terminal of this host, first the one that controls it; this process's session gets it."""
    controlling = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY)
    fcntl.ioctl(controlling, _TIOCSPTLCK, struct.pack("i", 0))
    fcntl.ioctl(controlling, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    (which,) = struct.unpack("i", fcntl.ioctl(controlling, _TIOCGPTN, struct.pack("i", 0)))
    own = os.open(f"/dev/pts/{which}", os.O_RDWR)  # a session without a terminal gets this one by opening it
    fcntl.ioctl(own, termios.TIOCSCTTY, 0)
    return controlling, own


def _exec(request: messages.Start, descriptors: Sequence[int]) -> NoReturn:
    """Becomes the program, with these standard streams and no other descriptor."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    duplicates = [fcntl.fcntl(each, fcntl.F_DUPFD, 10) for each in descriptors]
    for standard, duplicate in enumerate(duplicates):
        os.dup2(duplicate, standard)
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    linux.keep_capabilities(frozenset(_CAPABILITIES.values()))
    os.chdir(request.directory)
    os.execvpe(request.command[0], list(request.command), dict(request.environment))  # noqa: S606 - no shell is asked for
