"""Hears what this machine sends to some addresses and gets from them, at all its interfaces at once."""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from whodunet.evidence.capture import CaptureReader
from whodunet.evidence.packets import CapturedPacket
from whodunet.pcapng import LINKTYPE_ETHERNET, LINKTYPE_RAW, enhanced_packet, interface_description, section_header
from whodunet.probing import packet_filter

_ETH_P_ALL: Final = 0x0003
_SO_TIMESTAMPNS: Final = 35
_PACKET_OUTGOING: Final = 4
_LONGEST_FRAME_BYTES: Final = 1 << 16
_CONTROL_BYTES: Final = socket.CMSG_SPACE(16)
_WITH_LINK_HEADER: Final = frozenset({1, 772})  # ARPHRD_ETHER, ARPHRD_LOOPBACK. Source: linux/if_arp.h
_IP: Final = frozenset({0x0800, 0x86DD})  # Source: IEEE 802 numbers (IANA)
_LOOPBACK: Final = "lo"


@dataclass(frozen=True)
class _Frame:
    interface: str
    link_type: int
    time_ns: int
    is_outgoing: bool
    content: bytes


class Listener:
    """What was heard so far; a thread of its own goes on hearing."""

    def __init__(self, reader: CaptureReader) -> None:
        """Starts to listen.

        Raises:
            PermissionError: without CAP_NET_RAW.
        """
        self._reader = reader
        self._frames: list[_Frame] = []
        self._packets: list[CapturedPacket] = []
        self._addresses: tuple[str, ...] = ()
        self._own: tuple[str, ...] = ()
        self._news = threading.Condition()
        self._ends, self._end = os.pipe()
        # Of Ethernet the whole frame; other links may have headers that nobody else knows, so there the IP packet.
        self._taps = [_tap(socket.SOCK_RAW), _tap(socket.SOCK_DGRAM)]
        self._thread = threading.Thread(target=self._listen, daemon=True, name="listener")
        self._thread.start()

    def close(self) -> None:
        """Stops listening."""
        os.write(self._end, b".")
        self._thread.join()
        for tap in self._taps:
            tap.close()
        os.close(self._ends)
        os.close(self._end)

    def hear(self, address: str, own: str | None) -> None:
        """Listens to what is from or to this address, too.

        Args:
            own: the address from which this machine sends there; None: it has none.
        """
        with self._news:
            if address in self._addresses:
                return
            self._addresses = (*self._addresses, address)
            self._own = (*self._own, own) if own else self._own
            for tap in self._taps:
                packet_filter.attach(tap, self._addresses, self._own)

    def packets(self) -> Sequence[CapturedPacket]:
        """All that was heard, by time. Of the loopback interface what came in: it went out of the same."""
        with self._news:
            return tuple(self._packets)

    def wait(self, until: float, is_enough: Callable[[Sequence[CapturedPacket]], bool]) -> None:
        """Waits until a time of the monotonic clock, or until what was heard is enough."""
        with self._news:
            while not is_enough(self._packets) and (left := until - time.monotonic()) > 0:
                self._news.wait(left)

    def capture(self) -> bytes:
        """All that was heard as a pcapng file."""
        with self._news:
            return _as_file(self._frames)

    def _listen(self) -> None:
        poll = select.poll()
        poll.register(self._ends, select.POLLIN)
        for tap in self._taps:
            poll.register(tap, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in poll.poll()]
            frames = [frame for tap in self._taps if tap.fileno() in ready for frame in _waiting(tap)]
            if frames:
                packets = self._reader(_as_file(frames)).packets
                with self._news:
                    self._frames += frames
                    self._packets = sorted((*self._packets, *packets), key=lambda packet: packet.time_ns)
                    self._news.notify_all()
            if self._ends in ready:
                return


def _tap(kind: socket.SocketKind) -> socket.socket:
    tap = socket.socket(socket.AF_PACKET, kind, socket.htons(_ETH_P_ALL))
    tap.setblocking(False)
    tap.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    packet_filter.attach(tap, ())
    _waiting(tap)  # what came before the filter was there
    return tap


def _waiting(tap: socket.socket) -> list[_Frame]:
    """What waits at a tap and is this tap's to tell of."""
    frames: list[_Frame] = []
    while True:
        try:
            content, control, _, place = tap.recvmsg(_LONGEST_FRAME_BYTES, _CONTROL_BYTES)
        except BlockingIOError:
            return frames
        except OSError:  # an interface went down; others go on
            continue
        interface, protocol, packet_type, hardware, _ = place
        has_header = hardware in _WITH_LINK_HEADER
        is_outgoing = packet_type == _PACKET_OUTGOING
        is_ours = has_header if tap.type == socket.SOCK_RAW else protocol in _IP and not has_header
        if not is_ours or (interface == _LOOPBACK and is_outgoing):
            continue
        seconds, nanoseconds = struct.unpack("qq", control[0][2])
        link_type = LINKTYPE_ETHERNET if has_header else LINKTYPE_RAW
        frames.append(_Frame(interface, link_type, seconds * 1_000_000_000 + nanoseconds, is_outgoing, content))


def _as_file(frames: Sequence[_Frame]) -> bytes:
    links = dict.fromkeys((frame.interface, frame.link_type) for frame in frames)
    numbers = {link: number for number, link in enumerate(links)}
    blocks = [section_header(), *(interface_description(*link) for link in links)]
    blocks += [
        enhanced_packet(numbers[each.interface, each.link_type], each.time_ns, each.content, each.is_outgoing)
        for each in sorted(frames, key=lambda frame: frame.time_ns)
    ]
    return b"".join(blocks)
