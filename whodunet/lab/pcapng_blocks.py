"""The blocks of a lab's capture file: those that are whole, those of some interfaces, and packets with a comment."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import BinaryIO, Final

_HEAD: Final = struct.Struct("=II")  # type and total length in bytes; a lab's file has this machine's byte order

_INTERFACE, _PACKET, _NAME = 1, 6, 2  # block types, and the option if_name. Source: the same, sections 4.2 and 4.3
_FIRST_OPTION_AT: Final = 16  # bytes into the block of an interface
_FRAME_AT, _COMMENT = 28, 1  # bytes into the block of a packet; the option opt_comment. Source: section 3.5.1


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


def packets_rewritten(blocks: Iterable[bytes], rewrite: Callable[[int, bytes], bytes | None]) -> Iterator[bytes]:
    """The blocks of a file, its packets as `rewrite` makes them, given how many came before; None leaves one out."""
    count = 0
    for block in blocks:
        kind, _ = _HEAD.unpack_from(block)
        if kind != _PACKET:
            yield block
            continue
        rewritten = rewrite(count, block)
        count += 1
        if rewritten is not None:
            yield rewritten


def with_comment(packet: bytes, comment: str) -> bytes:
    """The block of a packet with a comment, which Wireshark shows (frame.comment)."""
    text = comment.encode()
    option = struct.pack("=HH", _COMMENT, len(text)) + text + bytes(-len(text) % 4)
    frame, options = _frame_and_options(packet)
    # Without any option there is no end of options either.
    return _packet(packet[_HEAD.size : _FRAME_AT], frame, option + (options or bytes(4)))


def blocks_since(time_ns: int, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The blocks of a lab's file without the packets that were seen before a moment, in nanoseconds since the epoch."""
    for block in blocks:
        kind, _ = _HEAD.unpack_from(block)
        if kind == _PACKET:
            high, low = struct.unpack_from("=II", block, _HEAD.size + 4)
            if high << 32 | low < time_ns:
                continue
        yield block


def cut_to(packet: bytes, most_bytes: int) -> bytes:
    """The block of a packet with the first bytes of its frame alone, as tcpdump's --snapshot-length keeps them."""
    frame, options = _frame_and_options(packet)
    interface, high, low, _, original = struct.unpack_from("=IIIII", packet, _HEAD.size)
    kept = frame[:most_bytes]
    return _packet(struct.pack("=IIIII", interface, high, low, len(kept), original), kept, options)


def _frame_and_options(packet: bytes) -> tuple[bytes, bytes]:
    """Source: the same, section 4.3: both are padded to four bytes."""
    (length,) = struct.unpack_from("=I", packet, _HEAD.size + 12)
    after = _FRAME_AT + length
    return packet[_FRAME_AT:after], packet[after + -length % 4 : -4]


def _packet(fixed: bytes, frame: bytes, options: bytes) -> bytes:
    body = fixed + frame + bytes(-len(frame) % 4) + options
    length = _HEAD.size + len(body) + 4
    return _HEAD.pack(_PACKET, length) + body + struct.pack("=I", length)
