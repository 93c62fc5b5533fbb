"""A capture file that is still being written, read as far as it is whole."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator
from typing import BinaryIO, Final

_HEAD: Final = struct.Struct("=II")  # type and total length in bytes; a lab's file has this machine's byte order

_INTERFACE, _PACKET, _NAME = 1, 6, 2  # block types, and the option if_name. Source: the same, sections 4.2 and 4.3
_FIRST_OPTION_AT: Final = 16  # bytes into the block of an interface


def whole_blocks(capture: BinaryIO) -> Iterator[bytes]:
    """The blocks of a pcapng file; one that is not yet complete, and what follows it, is left out.

    Source: draft-ietf-opsawg-pcapng, section 3.1.
    """
    while len(head := capture.read(_HEAD.size)) == _HEAD.size:
        _, length = _HEAD.unpack(head)
        block = head + capture.read(length - _HEAD.size)
        if len(block) < length:
            return
        yield block


def blocks_at(interfaces: Collection[str], blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The blocks of a file that are about some interfaces, which are numbered anew, and those about none."""
    kept: dict[int, int] = {}  # the new number of an interface, by the one it had
    described = 0
    for block in blocks:
        kind, _ = _HEAD.unpack_from(block)
        if kind == _INTERFACE:
            if _name(block) in interfaces:
                kept[described] = len(kept)
                yield block
            described += 1
        elif kind == _PACKET:
            (number,) = struct.unpack_from("=I", block, _HEAD.size)
            if number in kept:
                yield block[: _HEAD.size] + struct.pack("=I", kept[number]) + block[_HEAD.size + 4 :]
        else:
            yield block


def _name(interface: bytes) -> str:
    place = _FIRST_OPTION_AT
    while place + 4 <= len(interface):
        code, length = struct.unpack_from("=HH", interface, place)
        if code == _NAME:
            return interface[place + 4 : place + 4 + length].decode()
        place += 4 + length + -length % 4
    return ""
