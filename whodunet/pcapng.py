"""The blocks of a pcapng file, as bytes. Source: draft-ietf-opsawg-pcapng, section 4."""

from __future__ import annotations

import struct
from typing import Final

LINKTYPE_ETHERNET, LINKTYPE_RAW = 1, 101  # RAW: IPv4 or IPv6 begins at once. Source: tcpdump.org/linktypes.html
_NANOSECONDS: Final = 9


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("=HH", code, len(value)) + value + bytes(-len(value) % 4)


def _block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return struct.pack("=II", kind, length) + body + struct.pack("=I", length)


def section_header() -> bytes:
    """The block that opens a file."""
    return _block(0x0A0D0D0A, struct.pack("=IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface_description(name: str, link_type: int = LINKTYPE_ETHERNET) -> bytes:
    """The block that gives an interface its name, how its frames begin, and its clock's resolution."""
    options = _option(2, name.encode()) + _option(9, bytes([_NANOSECONDS])) + _option(0, b"")
    return _block(1, struct.pack("=HHI", link_type, 0, 0) + options)


def enhanced_packet(interface: int, time_ns: int, frame: bytes, is_outgoing: bool) -> bytes:
    """The block of one frame; its flags tell whether the interface sent it or received it."""
    head = struct.pack("=IIIII", interface, time_ns >> 32, time_ns & 0xFFFFFFFF, len(frame), len(frame))
    flags = _option(2, struct.pack("=I", 2 if is_outgoing else 1)) + _option(0, b"")
    return _block(6, head + frame + bytes(-len(frame) % 4) + flags)
