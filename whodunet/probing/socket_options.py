"""Options of sockets that Python has no names for, the same over both families. Source: ip(7), ipv6(7), tcp(7)."""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
import sys
import termios
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER = 10, 23
_WANT, _PROBE = 1, 3  # path MTU discovery as usual; send with DF whatever was discovered
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_IP_RECVTTL, _IPV6_RECVHOPLIMIT, _IPV6_HOPLIMIT = 12, 51, 52
_BY_ICMP: Final = frozenset({2, 3})  # SO_EE_ORIGIN_ICMP and _ICMP6. Source: linux/errqueue.h
_EXTENDED_ERROR: Final = struct.Struct("=IBBBBII")  # errno, origin, type, code, padding, MTU, what else
_SIN_ADDRESS, _SIN6_ADDRESS = slice(4, 8), slice(8, 24)  # of the offender's socket address
_ANY_PORT: Final = 9  # nothing is sent
_TCP_INFO_SEGMENTS_OUT: Final = 136  # byte of tcpi_segs_out. Source: linux/tcp.h


@dataclass(frozen=True)
class IcmpReport:
    """What the kernel tells of an ICMP error that came for a socket."""

    offender: str
    type: int
    code: int
    mtu_bytes: int | None
    ttl: int | None  # with which it came


def _is_ipv6(any_socket: socket.socket) -> bool:
    return any_socket.family == socket.AF_INET6


def set_ttl(sender: socket.socket, ttl: int | None) -> None:
    """The TTL or hop limit with which it sends from now on; None: the system's own."""
    if _is_ipv6(sender):
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, -1 if ttl is None else ttl)
    else:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, -1 if ttl is None else ttl)


def forbid_fragments(sender: socket.socket, is_forbidden: bool) -> None:
    """Has what it sends arrive whole or not at all, also where the system knows that it is too long."""
    level, option = (
        (socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER) if _is_ipv6(sender) else (socket.IPPROTO_IP, _IP_MTU_DISCOVER)
    )
    sender.setsockopt(level, option, _PROBE if is_forbidden else _WANT)


def report_errors(listening: socket.socket) -> None:
    """Has the kernel keep ICMP errors for `icmp_reports`, and tell TTLs."""
    if _is_ipv6(listening):
        listening.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        listening.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVHOPLIMIT, 1)
    else:
        listening.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        listening.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)


def icmp_reports(listening: socket.socket) -> Iterator[IcmpReport]:
    """The ICMP errors that came for a socket, each once."""
    while True:
        try:
            _, control, _, _ = listening.recvmsg(2048, 1024, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        for _, option, content in control:
            if option in (_IP_RECVERR, _IPV6_RECVERR):
                _, origin, kind, code, _, mtu_bytes, _ = _EXTENDED_ERROR.unpack_from(content)
                if origin in _BY_ICMP:
                    offender = _address(content[_EXTENDED_ERROR.size :], listening.family)
                    yield IcmpReport(offender, kind, code, mtu_bytes or None, ttl_in(control))


def ttl_in(control: list[tuple[int, int, bytes]]) -> int | None:
    """The TTL or hop limit among what came with a packet."""
    options = (socket.IP_TTL, _IPV6_HOPLIMIT)
    return next(
        (int.from_bytes(content[:4], sys.byteorder) for _, option, content in control if option in options), None
    )


def segments_sent(connection: socket.socket) -> int:
    """How many TCP segments left, those sent again included; 0 where this kernel does not tell."""
    told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SEGMENTS_OUT + 4)
    if len(told) < _TCP_INFO_SEGMENTS_OUT + 4:
        return 0
    (count,) = struct.unpack_from("=I", told, _TCP_INFO_SEGMENTS_OUT)
    return int(count)


def unacknowledged_bytes(connection: socket.socket) -> int | None:
    """How many of the bytes that were sent the other side has not acknowledged; None where nobody can tell any more."""
    try:
        waiting = fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4))  # which sockets call SIOCOUTQ. Source: tcp(7)
    except OSError:
        return None
    return int.from_bytes(waiting, sys.byteorder)


def reset_when_closed(connection: socket.socket) -> None:
    """Has closing end the connection with a RST, so that nothing of it stays at either end. Source: socket(7)."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def source_for(address: str) -> str:
    """The address from which this machine sends there.

    Raises:
        OSError: as a program that connects there would get it, where there is no way.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.connect((address, _ANY_PORT))
        source: str = asking.getsockname()[0]
        return source


def own_address(address: str) -> str | None:
    """The same; None where there is no way."""
    try:
        return source_for(address)
    except OSError:
        return None


def name_of(error: OSError | int) -> str:
    """The errno's name: ECONNREFUSED ..."""
    number = error if isinstance(error, int) else error.errno or 0
    return errno.errorcode.get(number, str(error))


def _address(offender: bytes, family: int) -> str:
    if family == socket.AF_INET6:
        return socket.inet_ntop(socket.AF_INET6, offender[_SIN6_ADDRESS])
    return socket.inet_ntop(socket.AF_INET, offender[_SIN_ADDRESS])
