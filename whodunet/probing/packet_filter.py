"""The kernel's filter for a packet socket: what may belong to a diagnosis, whatever the link is.

Source: linux/filter.h (the instructions; SKF_NET_OFF counts from the IP header, SKF_AD_OFF names what the kernel knows
of a packet); RFC 791, section 3.1; RFC 8200, section 3.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Final, NamedTuple

_LOAD_WORD, _LOAD_BYTE, _EQUAL, _RETURN = 0x20, 0x30, 0x15, 0x06
_IP_HEADER: Final = -0x100000 & 0xFFFFFFFF  # SKF_NET_OFF
_KERNEL_KNOWS: Final = -0x1000 & 0xFFFFFFFF  # SKF_AD_OFF
_PROTOCOL, _INTERFACE = _KERNEL_KNOWS, _KERNEL_KNOWS + 8
_LOOPBACK: Final = 1  # number of the interface in every network namespace
_IPV4, _IPV6, _ARP = 0x0800, 0x86DD, 0x0806
_ICMP, _ICMPV6 = 1, 58
_ALL_BYTES: Final = 0x40000
_SO_ATTACH_FILTER: Final = 26


class _Test(NamedTuple):
    """Loads something and compares it: one condition of several that all have to hold."""

    load: int
    place: int
    value: int


def attach(tap: socket.socket, addresses: Iterable[str], own: Iterable[str] = ()) -> None:
    """Has a packet socket hear what is from or to some addresses, ICMP, ARP, and more of the loopback interface.

    Args:
        own: this machine's addresses, to which what is redirected here goes over the loopback interface.
    """
    program = program_for(addresses, own)
    code = ctypes.create_string_buffer(program)
    tap.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", len(program) // 8, ctypes.addressof(code)))


def program_for(addresses: Iterable[str], own: Iterable[str] = ()) -> bytes:
    """The filter's instructions, 8 bytes each."""
    redirected = [_Test(_LOAD_WORD, _INTERFACE, _LOOPBACK)]
    accepted = [
        [_Test(_LOAD_WORD, _PROTOCOL, _ARP)],
        [_Test(_LOAD_WORD, _PROTOCOL, _IPV4), _Test(_LOAD_BYTE, _IP_HEADER + 9, _ICMP)],
        [_Test(_LOAD_WORD, _PROTOCOL, _IPV6), _Test(_LOAD_BYTE, _IP_HEADER + 6, _ICMPV6)],
        *(case for address in addresses for case in _to_or_from(address)),
        *(redirected + case for address in own for case in _to_or_from(address)),
    ]
    return b"".join(map(_instructions, accepted)) + _instruction(_RETURN, value=0)


def _to_or_from(address: str) -> list[list[_Test]]:
    packed = ip_address(address).packed
    protocol, places = (_IPV4, (12, 16)) if len(packed) == 4 else (_IPV6, (8, 24))
    words = struct.unpack(f"!{len(packed) // 4}I", packed)
    return [
        [
            _Test(_LOAD_WORD, _PROTOCOL, protocol),
            *(_Test(_LOAD_WORD, _IP_HEADER + place + 4 * number, word) for number, word in enumerate(words)),
        ]
        for place in places
    ]


def _instructions(tests: Sequence[_Test]) -> bytes:
    """Those that accept a packet for which all hold, and go on behind them with any other."""
    code = b""
    for number, test in enumerate(tests):
        left = 2 * (len(tests) - number - 1) + 1  # instructions behind this comparison
        code += _instruction(test.load, value=test.place) + _instruction(_EQUAL, if_not=left, value=test.value)
    return code + _instruction(_RETURN, value=_ALL_BYTES)


def _instruction(code: int, *, if_not: int = 0, value: int) -> bytes:
    return struct.pack("HBBI", code, 0, if_not, value & 0xFFFFFFFF)
