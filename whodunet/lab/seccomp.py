"""Kernel calls that nobody on a host may make: they reach what namespaces do not keep apart.

Source: seccomp(2); the numbers: asm/unistd.h, linux/audit.h and linux/filter.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from functools import cache
from typing import Final

_ARCHITECTURE: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SOCKET: Final = {"x86_64": 41, "aarch64": 198}
_X32: Final = 0x40000000  # the second set of numbers that x86_64 has
# What is the machine's, whoever asks: its log, its keys (their quota is shared by all with the same id, and the kernel
# may start the machine's /sbin/request-key), its files by handle. And what container runtimes withhold, too, because
# most holes of the kernel were in it; io_uring would also make sockets that this filter does not see.
_MISSING: Final = {
    "syslog": {"x86_64": 103, "aarch64": 116},
    "add_key": {"x86_64": 248, "aarch64": 217},
    "request_key": {"x86_64": 249, "aarch64": 218},
    "keyctl": {"x86_64": 250, "aarch64": 219},
    "open_by_handle_at": {"x86_64": 304, "aarch64": 265},
    "perf_event_open": {"x86_64": 298, "aarch64": 241},
    "bpf": {"x86_64": 321, "aarch64": 280},
    "userfaultfd": {"x86_64": 323, "aarch64": 282},
    "io_uring_setup": {"x86_64": 425, "aarch64": 425},
}
_NUMBER_AT: Final = 0  # in struct seccomp_data
_ARCHITECTURE_AT: Final = 4
_FIRST_ARGUMENT_AT: Final = 16
_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_IF_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_ALLOW: Final = 0x7FFF0000
_FAIL: Final = 0x00050000  # with the error in the lower bits
_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2

_libc = ctypes.CDLL(None, use_errno=True)


def forbid_calls() -> None:
    """Has these calls fail, for this process and all that come from it, as on a kernel that does not have them.

    Sockets of the family AF_VSOCK fail, too: they belong to no network namespace and reach the hypervisor.

    Raises:
        OSError: with the kernel's reason.
    """
    if _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, prepared(), 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"seccomp: {os.strerror(code)}")


@cache
def prepared() -> ctypes.Array[ctypes.c_char]:
    """What the kernel is given: made once, it takes no child of this process any memory."""
    instructions = _compiled()
    filled = ctypes.create_string_buffer(instructions)
    whole = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(instructions) // 8, ctypes.addressof(filled)))
    vars(whole)["filled"] = filled  # lives as long
    return whole


def _compiled() -> bytes:
    """The filter of this machine."""
    machine = os.uname().machine
    missing = _instruction(_RETURN, _FAIL | errno.ENOSYS)
    program = _instruction(_LOAD, _ARCHITECTURE_AT)
    program += _instruction(_IF_EQUAL, _ARCHITECTURE[machine], 1, 0) + missing  # other sets of numbers are not offered
    program += _instruction(_LOAD, _NUMBER_AT)
    program += _instruction(_IF_AT_LEAST, _X32, 0, 1) + missing
    for call in _MISSING.values():
        program += _instruction(_IF_EQUAL, call[machine], 0, 1) + missing
    program += _instruction(_IF_EQUAL, _SOCKET[machine], 0, 3)
    program += _instruction(_LOAD, _FIRST_ARGUMENT_AT)
    program += _instruction(_IF_EQUAL, socket.AF_VSOCK, 0, 1)
    program += _instruction(_RETURN, _FAIL | errno.EAFNOSUPPORT)
    return program + _instruction(_RETURN, _ALLOW)


def _instruction(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_so, if_not, value)
