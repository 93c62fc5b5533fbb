"""The file that tcpdump writes when it is not told otherwise: a header, and packet after packet.

Source: draft-ietf-opsawg-pcap.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_HEADER_BYTES, _PACKET_HEADER_BYTES = 24, 16
_MAGIC: Final = {  # nanoseconds a unit of the time stamps' second half, by the magic number
    0xA1B2C3D4: 1000,
    0xA1B23C4D: 1,
}


class CutShort(Exception):
    """Why reading ended before the end of the file."""


@dataclass(frozen=True)
class ClassicHeader:
    """What the file says of all its packets."""

    order: str  # struct's letter for its byte order
    unit_ns: int
    link_type: int


@dataclass(frozen=True)
class ClassicPacket:
    """One packet as the file holds it."""

    time_ns: int  # since the epoch
    frame: bytes  # as much of it as was kept
    length: int  # bytes on the wire


def header_of(capture: bytes) -> ClassicHeader | None:
    """The file's header; None when it is no such file."""
    if len(capture) < _HEADER_BYTES:
        return None
    for order in "<>":
        (magic,) = struct.unpack_from(order + "I", capture)
        if magic in _MAGIC:
            (link,) = struct.unpack_from(order + "I", capture, 20)
            return ClassicHeader(order, _MAGIC[magic], link & 0xFFFF)  # above: how long a frame's checksum is
    return None


def packets_of(capture: bytes, header: ClassicHeader) -> Iterator[ClassicPacket]:
    """The packets of a file, in its order.

    Raises:
        CutShort: at the first that is not there as a whole.
    """
    place = _HEADER_BYTES
    while place < len(capture):
        if place + _PACKET_HEADER_BYTES > len(capture):
            raise CutShort(f"it breaks off inside the packet at byte {place}")
        seconds, fraction, kept, length = struct.unpack_from(header.order + "IIII", capture, place)
        begin = place + _PACKET_HEADER_BYTES
        if begin + kept > len(capture):
            raise CutShort(f"it breaks off inside the packet at byte {place}")
        yield ClassicPacket(seconds * 10**9 + fraction * header.unit_ns, capture[begin : begin + kept], length)
        place = begin + kept
