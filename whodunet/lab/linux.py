"""The kernel calls that Python 3.11 does not offer: namespaces, mounts, death signals."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

from whodunet.errors import CannotRun

TUN: Final = "/dev/net/tun"  # Source: the kernel's Documentation/networking/tuntap.rst
# Source: linux/sched.h, sys/mount.h, linux/mount.h, linux/prctl.h, linux/capability.h, linux/openat2.h, linux/keyctl.h
CLONE_NEWNS: Final = 0x00020000
CLONE_NEWCGROUP: Final = 0x02000000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000
MS_RDONLY: Final = 0x1
MS_NOSUID: Final = 0x2
MS_NODEV: Final = 0x4
MS_NOEXEC: Final = 0x8
MS_BIND: Final = 0x1000
MS_MOVE: Final = 0x2000
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 0x40000
_AT_RECURSIVE: Final = 0x8000
_AT_FDCWD: Final = -100
_MOUNT_ATTR_RDONLY: Final = 0x1
_MOUNT_ATTR_NOSUID: Final = 0x2
_MOUNT_ATTR_NODEV: Final = 0x4
_MNT_DETACH: Final = 2
_SYS_MOUNT_SETATTR: Final = 442  # from 424 on, numbers are the same on every architecture
_SYS_OPENAT2: Final = 437
_RESOLVE_NO_MAGICLINKS: Final = 0x02
_RESOLVE_IN_ROOT: Final = 0x10
_SYS_PIVOT_ROOT: Final = {"x86_64": 155, "aarch64": 41}
_SYS_KEYCTL: Final = {"x86_64": 250, "aarch64": 219}
_KEYCTL_JOIN_SESSION_KEYRING: Final = 1
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NAME: Final = 15
_PR_CAPBSET_DROP: Final = 24
_PR_SET_TIMERSLACK: Final = 29
_SIOCETHTOOL: Final = 0x8946  # Source: linux/sockios.h; linux/ethtool.h, ETHTOOL_STXCSUM and following
_OFFLOADS: Final = {"tx": 0x17, "rx": 0x15, "tso": 0x1F, "gso": 0x24, "gro": 0x2C}
_LAST_CAPABILITY: Final = 40  # CAP_CHECKPOINT_RESTORE
_TURN_NS: Final = 100_000  # the shortest that the kernel grants

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def unshare(flags: int) -> None:
    """Moves this process (its children, for the PID namespace) into new namespaces.

    Raises:
        OSError: with the kernel's reason.
    """
    _check(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    """Moves this thread into the namespace behind a descriptor of /proc/PID/ns."""
    _check(_libc.setns(descriptor, kind), "setns")


@contextmanager
def in_new_mounts() -> Iterator[int]:
    """Inside the `with`, this thread is in a new mount namespace, a copy of the one before; gives its descriptor."""
    own = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY)
    try:
        unshare(CLONE_NEWNS)
        new = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY)
        try:
            yield new
        finally:
            os.close(new)
            setns(own, CLONE_NEWNS)
    finally:
        os.close(own)


@contextmanager
def in_network(namespace: int) -> Iterator[None]:
    """Inside the `with`, this thread is in the network namespace behind a descriptor, and so is what it starts.

    Its /proc/sys/net is that namespace's.
    """
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        setns(namespace, CLONE_NEWNET)
        try:
            yield
        finally:
            setns(own, CLONE_NEWNET)
    finally:
        os.close(own)


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mounts; arguments as in mount(2)."""
    result = _libc.mount(
        source.encode(), target.encode(), kind.encode() or None, ctypes.c_ulong(flags), options.encode() or None
    )
    _check(result, f"mount {target}")


def make_read_only(target: str) -> None:
    """Makes a mount and all mounts below it read-only.

    Raises:
        OSError: when the kernel refuses, or is older than Linux 5.12.
    """
    _set_mount_attributes(target, _MOUNT_ATTR_RDONLY, 0)


def make_harmless(target: str, *, writable: bool = False) -> None:
    """Has devices and set-user-id bits mean nothing in a mount and all mounts below it, which become read-only, too.

    Args:
        writable: True makes the mount itself, which may have been read-only, writable instead.
    """
    harmless = _MOUNT_ATTR_NOSUID | _MOUNT_ATTR_NODEV
    _set_mount_attributes(target, harmless | (0 if writable else _MOUNT_ATTR_RDONLY), _MOUNT_ATTR_RDONLY * writable)


def _set_mount_attributes(target: str, wanted: int, unwanted: int) -> None:
    """Source: mount_setattr(2)."""
    attributes = ctypes.create_string_buffer(struct.pack("=QQQQ", wanted, unwanted, 0, 0))
    result = _libc.syscall(
        _SYS_MOUNT_SETATTR, _AT_FDCWD, target.encode(), _AT_RECURSIVE, attributes, ctypes.c_size_t(32)
    )
    _check(result, f"set attributes of the mount {target}")


def unmount(target: str) -> None:
    """Takes a mount away, at once, from whoever still uses it later. Source: umount2(2), MNT_DETACH."""
    _check(_libc.umount2(target.encode(), _MNT_DETACH), f"umount {target}")


def pivot_root(directory: str) -> None:
    """Makes a mount point this mount namespace's root, and lets go of everything that was there before.

    Source: pivot_root(2), "pivot_root(".", ".")".
    """
    os.chdir(directory)
    _check(_libc.syscall(_number(_SYS_PIVOT_ROOT), b".", b"."), "pivot_root")
    unmount(".")
    os.chdir("/")


def open_in_root(root: int, path: str, flags: int, mode: int = 0) -> int:
    """Opens a path as a process would whose root directory is `root`, so that no link in it leads out.

    Raises:
        OSError: as open(2).
    Source: openat2(2), RESOLVE_IN_ROOT.
    """
    how = ctypes.create_string_buffer(
        struct.pack("=QQQ", flags | os.O_CLOEXEC, mode, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS), 24
    )
    descriptor = int(_libc.syscall(_SYS_OPENAT2, root, os.fsencode(path), how, ctypes.c_size_t(24)))
    if descriptor < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), path)
    return descriptor


def join_new_keyring() -> None:
    """Gives this process an empty session keyring in place of the one that it was born with. Source: keyctl(2)."""
    _libc.syscall(
        _number(_SYS_KEYCTL), _KEYCTL_JOIN_SESSION_KEYRING, None
    )  # a kernel without keyrings has none to hide


def set_dumpable(dumpable: bool) -> None:
    """Whether those with the same user may look into this process. Source: prctl(2), PR_SET_DUMPABLE."""
    _check(_libc.prctl(_PR_SET_DUMPABLE, int(dumpable), 0, 0, 0), "prctl")


def set_command_line(*arguments: str) -> None:
    """Has lists of processes show this for the present process, in place of what it was started with, if it fits.

    Source: proc(5), /proc/PID/stat, arg_start and arg_end.
    """
    stat = os.open("/proc/self/stat", os.O_RDONLY)  # as bytes: to import a codec would take a host a megabyte
    fields = os.read(stat, 4096).rpartition(b")")[2].split()  # from the third on: what is before may hold blanks
    os.close(stat)
    start, end = int(fields[45]), int(fields[46])
    text = "\0".join(arguments).encode()
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, text, min(len(text), end - start - 1))
    _check(_libc.prctl(_PR_SET_NAME, arguments[0].encode()[:15], 0, 0, 0), "prctl")


def keep_capabilities(kept: frozenset[int]) -> None:
    """Takes all other capabilities out of what this process's programs can ever have. Source: capabilities(7)."""
    for number in range(_LAST_CAPABILITY + 1):
        if number not in kept:
            _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)  # refused: the kernel does not know it


def _number(of_machine: Mapping[str, int]) -> int:
    machine = os.uname().machine
    if machine not in of_machine:
        raise CannotRun(f"labs do not run on {machine}; use one of: {', '.join(of_machine)}")
    return of_machine[machine]


def die_with_parent() -> None:
    """Has the kernel kill this process when the thread that made it ends. Source: prctl(2), PR_SET_PDEATHSIG."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")


def ask_for_low_latency() -> None:
    """Asks for short and therefore early turns on the processor, for this process and all that come from it.

    The emulated path is a chain of processes; where others load the machine, each would wait a whole turn of theirs.
    Source: sched_setattr(2); Linux 6.12 gives meaning to `sched_runtime` of ordinary processes, older ones ignore it.
    """
    number = {"x86_64": 314, "aarch64": 274}.get(os.uname().machine)
    if number is not None:
        attributes = struct.pack("=IIQiIQQQ", 48, 0, 0, os.getpriority(os.PRIO_PROCESS, 0), 0, _TURN_NS, 0, 0)
        _libc.syscall(number, 0, ctypes.create_string_buffer(attributes), 0)  # only a wish: refused, it changes nothing


def wake_on_time() -> None:
    """Has this thread's waits end when they are over, not up to 0.05 ms later. Source: prctl(2), PR_SET_TIMERSLACK."""
    _check(_libc.prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0), "prctl")


def switch_offload_off(interface: str) -> None:
    """Has the kernel finish checksums and segments before a packet leaves, as Open vSwitch's conntrack wants it.

    Source: linux/ethtool.h; what an interface has not got (a TAP some of it) cannot be switched off, and need not.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command in _OFFLOADS.values():
            switched_off = ctypes.create_string_buffer(struct.pack("=II", command, 0))
            request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(switched_off))
            with suppress(OSError):
                fcntl.ioctl(any_socket, _SIOCETHTOOL, request)


def reap_until_end_of(child: int) -> int:
    """Does what the first process of a PID namespace is there for; returns the child's exit status when it ends."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status) & 0xFF
