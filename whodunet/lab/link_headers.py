"""The headers with which capture files begin a packet, as the Ethernet header that the dissection takes them for.

Source: tcpdump.org/linktypes.html, and the pages of LINKTYPE_LINUX_SLL and LINKTYPE_LINUX_SLL2 there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from whodunet.evidence.packets import Direction

ETHERNET_BYTES: Final = 14
ETHERNET, RAW, NULL, LOOP, LINUX_SLL, LINUX_SLL2 = 1, 101, 0, 108, 113, 276
_RAW_TYPES: Final = frozenset({RAW, 12, 14, 228, 229})  # as BSDs number it in files; IPv4 alone and IPv6 alone
_OUTGOING: Final = 4  # of a cooked capture's packet types: sent by this machine
_IPV4, _IPV6 = b"\x08\x00", b"\x86\xdd"
# AF_INET6 of FreeBSD, macOS, NetBSD and OpenBSD, and Linux; AF_INET is 2 everywhere
_INET6: Final = frozenset({24, 28, 30, 10})


@dataclass(frozen=True)
class LinkFrame:
    """A frame as Ethernet has it, and what its own header said of the link."""

    frame: bytes
    added_bytes: int  # by which it is longer than on the wire; negative: shorter
    source: str = ""  # link address of who sent it; empty: not told
    destination: str = ""
    direction: Direction | None = None  # None: not told


def as_ethernet(frame: bytes, link_type: int) -> LinkFrame | None:
    """A frame of a link type as an Ethernet frame; None for a link type that cannot be read.

    One that is too short for its own header becomes a frame that is too short for Ethernet.
    """
    if link_type == ETHERNET:
        return LinkFrame(frame, 0, frame[6:12].hex(":"), frame[:6].hex(":"))
    if link_type in _RAW_TYPES:
        return LinkFrame(_bare(frame), ETHERNET_BYTES)
    if link_type in (NULL, LOOP):
        return LinkFrame(_bare(frame[4:], _family(frame[:4], link_type)), ETHERNET_BYTES - 4)
    if link_type == LINUX_SLL:
        return _cooked(frame, 16, kind=frame[1:2], address_at=6, address_length=frame[5:6], protocol=frame[14:16])
    if link_type == LINUX_SLL2:
        return _cooked(frame, 20, kind=frame[10:11], address_at=12, address_length=frame[11:12], protocol=frame[:2])
    return None


def _bare(packet: bytes, protocol: bytes = b"") -> bytes:
    """An IP packet behind a header without addresses."""
    return bytes(12) + (protocol or (_IPV6 if packet[:1] >= b"\x60" else _IPV4)) + packet if packet else b""


def _family(header: bytes, link_type: int) -> bytes:
    """The protocol for an address family: in the byte order of the machine that captured, or the network's."""
    orders = ("big",) if link_type == LOOP else ("little", "big")
    numbers = {int.from_bytes(header, "big" if order == "big" else "little") for order in orders}
    return _IPV6 if numbers & _INET6 else _IPV4


def _cooked(
    frame: bytes, header_bytes: int, *, kind: bytes, address_at: int, address_length: bytes, protocol: bytes
) -> LinkFrame:
    if len(frame) < header_bytes:
        return LinkFrame(b"", 0)
    address = frame[address_at : address_at + min(address_length[0], 6)]
    ethernet = bytes(6) + address.ljust(6, b"\0") + protocol + frame[header_bytes:]
    direction: Direction = "out" if kind[0] == _OUTGOING else "in"
    return LinkFrame(ethernet, ETHERNET_BYTES - header_bytes, address.hex(":"), "", direction)
