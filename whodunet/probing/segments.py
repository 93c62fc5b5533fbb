"""What shots are made of, behind the IP header that the kernel writes: a SYN, an echo request."""

from __future__ import annotations

import socket
import struct
from ipaddress import ip_address
from typing import Final

from whodunet.evidence.packets import ECHO_REQUEST, ICMPV6
from whodunet.evidence.topology import Family
from whodunet.openflow.wire import ICMP, TCP, internet_checksum, pseudo_header

ECHO_PROTOCOLS: Final[dict[Family, int]] = {"ipv4": ICMP, "ipv6": ICMPV6}
ADDRESS_FAMILIES: Final[dict[Family, socket.AddressFamily]] = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}

_SYN, _ECE, _CWR = 0x02, 0x40, 0x80
_WINDOW_BYTES: Final = 64240
_TCP_WORDS: Final = 10  # header and options, 4 bytes each
# What Linux offers: 1460 bytes a segment, selective acknowledgement, a time stamp, windows up to 128 times as large.
# Without them a box that looks at options might answer otherwise. RFC 9293, 3.1; RFC 2018, 2; RFC 7323, 2.2, 3.2
_OPTIONS: Final = struct.pack("!BBHBBBBIIBBBB", 2, 4, 1460, 4, 2, 8, 10, 1, 0, 1, 3, 3, 7)


def family_of(address: str) -> Family:
    """The family of an address."""
    return "ipv6" if ":" in address else "ipv4"


def syn(source: str, destination: str, ports: tuple[int, int], seq: int, *, without_ecn: bool = True) -> bytes:
    """The segment that asks for a connection; with ECN, it offers that, too (RFC 3168, section 6.1.1)."""
    flags = _SYN if without_ecn else _SYN | _ECE | _CWR
    header = struct.pack("!HHIIBBHHH", *ports, seq, 0, _TCP_WORDS << 4, flags, _WINDOW_BYTES, 0, 0) + _OPTIONS
    pseudo = pseudo_header(ip_address(source), ip_address(destination), TCP, len(header))
    return header[:16] + struct.pack("!H", internet_checksum(pseudo + header)) + header[18:]


def echo_request(family: Family, identifier: int, number: int, size_bytes: int) -> bytes:
    """A ping; the kernel writes the checksum of IPv6's. Source: RFC 792; RFC 4443, section 4.1."""
    kind = ECHO_REQUEST[ECHO_PROTOCOLS[family]]
    message = struct.pack("!BBHHH", kind, 0, 0, identifier, number) + bytes(size_bytes)
    if family == "ipv6":
        return message
    return message[:2] + struct.pack("!H", internet_checksum(message)) + message[4:]
