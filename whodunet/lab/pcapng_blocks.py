"""A capture file that is still being written, read as far as it is whole."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

_HEAD: Final = struct.Struct("=II")  # type and total length in bytes; a lab's file has this machine's byte order


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
