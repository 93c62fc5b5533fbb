"""The kernel calls that Python 3.11 does not offer: namespaces, mounts, death signals."""

from __future__ import annotations

import ctypes
import os
import signal
import struct
from collections.abc import Mapping
from typing import Final

from whodunet.core.errors import CannotRun

# Source: linux/sched.h, sys/mount.h, linux/mount.h, linux/prctl.h, linux/ethtool.h
CLONE_NEWNS: Final = 0x00020000
CLONE_NEWCGROUP: Final = 0x02000000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000
MS_NOSUID: Final = 0x2
MS_NODEV: Final = 0x4
MS_BIND: Final = 0x1000
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 0x40000
_AT_RECURSIVE: Final = 0x8000
_AT_FDCWD: Final = -100
_MOUNT_ATTR_RDONLY: Final = 0x1
_SYS_MOUNT_SETATTR: Final = 442  # the same number on every architecture
_PR_SET_PDEATHSIG: Final = 1
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


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mounts; arguments as in mount(2)."""
    result = _libc.mount(
        source.encode(), target.encode(), kind.encode() or None, ctypes.c_ulong(flags), options.encode() or None
    )
    _check(result, f"mount {target}")


def make_read_only(target: str) -> None:
    """Makes a mount and all mounts below it read-only. Source: mount_setattr(2), Linux 5.12."""
    attributes = ctypes.create_string_buffer(struct.pack("=QQQQ", _MOUNT_ATTR_RDONLY, 0, 0, 0))
    result = _libc.syscall(
        _SYS_MOUNT_SETATTR, _AT_FDCWD, target.encode(), _AT_RECURSIVE, attributes, ctypes.c_size_t(32)
    )
    _check(result, f"make {target} read-only")


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


def read_identity_maps() -> Mapping[str, str]:
    """The id maps that map every id of this user namespace to itself, ready for /proc/PID/{uid,gid}_map."""
    maps = {}
    for kind in ("uid", "gid"):
        with open(f"/proc/self/{kind}_map", encoding="ascii") as lines:
            ranges = [line.split() for line in lines]
        maps[kind] = "".join(f"{inside} {inside} {count}\n" for inside, _, count in ranges)
    return maps


def errors_as_cannot_run(error: OSError, fix: str) -> CannotRun:
    """The one clear line for a kernel call that this machine refuses."""
    return CannotRun(f"{error.strerror or error}; {fix}")


def reap_until_end_of(child: int) -> int:
    """Does what the first process of a PID namespace is there for; returns the child's exit status when it ends."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status) & 0xFF
