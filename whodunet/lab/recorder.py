"""The recorder: one process that writes every interface of a lab into one pcapng, with the kernel's time stamps.

It is forked while the lab is still small, and told what to record when there is something (`stand_by`). On "flush" on
its standard input it writes all that the kernel has for it and answers with one line of JSON.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import struct
import sys
import time
from dataclasses import dataclass
from typing import BinaryIO, Final

from whodunet.lab import linux
from whodunet.lab.contention import Contention
from whodunet.lab.spare import await_order
from whodunet.pcapng import (
    LINKTYPE_ETHERNET,
    LINKTYPE_RAW,
    enhanced_packet,
    interface_description,
    section_header,
)

_ETH_P_ALL: Final = 0x0003
_SO_TIMESTAMPNS: Final = 35
_PACKET_OUTGOING: Final = 4
_PACKET_STATISTICS: Final = 6
_SOL_PACKET: Final = 263
_ARPHRD_NONE: Final = 0xFFFE  # of an interface without link addresses, as a TUN. Source: linux/if_arp.h
_LONGEST_FRAME_BYTES: Final = 1 << 16
_CONTROL_BYTES: Final = socket.CMSG_SPACE(16)
_BATCH: Final = 64  # frames read from one interface before the others get their turn
_CAPTURE_BYTES: Final = 256 << 20  # what is more than this is counted as dropped


@dataclass
class CapturePoint:
    """One interface that is recorded."""

    number: int
    name: str
    socket: socket.socket
    link_type: int = LINKTYPE_ETHERNET
    frames: int = 0
    dropped: int = 0


def open_point(number: int, name: str, namespace: int) -> CapturePoint:
    """Opens an interface for recording, in the network namespace behind a descriptor."""
    linux.setns(namespace, linux.CLONE_NEWNET)
    # Without a protocol it receives nothing before `bind`. With one it would hear every interface of the namespace at
    # first, and the kernel takes 10 ms to take it off them again.
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    tap.setblocking(False)
    tap.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    tap.bind((name, _ETH_P_ALL))
    *_, hardware, _ = tap.getsockname()
    return CapturePoint(number, name, tap, LINKTYPE_RAW if hardware == _ARPHRD_NONE else LINKTYPE_ETHERNET)


def drain(point: CapturePoint, out: BinaryIO, most: int) -> int:
    """Writes up to `most` waiting frames of an interface, as far as there is room; returns how many there were."""
    for count in range(most):
        try:
            frame, control, _, address = point.socket.recvmsg(_LONGEST_FRAME_BYTES, _CONTROL_BYTES)
        except BlockingIOError:
            return count
        except OSError:  # the interface was taken down; what it has had is recorded
            return count
        seconds, nanoseconds = struct.unpack("qq", control[0][2])
        time_ns = seconds * 1_000_000_000 + nanoseconds
        if out.tell() > _CAPTURE_BYTES:
            point.dropped += 1
            continue
        out.write(enhanced_packet(point.number, time_ns, frame, address[2] == _PACKET_OUTGOING))
        point.frames += 1
    return most


def flush(points: list[CapturePoint], out: BinaryIO, waited_ns: int | None = None) -> str:
    """Writes all that waits and tells what was recorded and what the kernel had no room for.

    Args:
        waited_ns: what is also told, see `Contention`.
    """
    for point in points:
        while drain(point, out, _BATCH):
            pass
        counters = point.socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        point.dropped += struct.unpack("II", counters)[1]  # reading resets the kernel's counter
    out.flush()
    frames = {point.name: point.frames for point in points}
    dropped = {point.name: point.dropped for point in points if point.dropped}
    time_ns = time.time_ns()
    offset_ns = time_ns - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    recorded = {"frames": frames, "dropped": dropped, "size_bytes": out.tell(), "waited_ns": waited_ns}
    return json.dumps(recorded | {"time_ns": time_ns, "clock_offset_ns": offset_ns})


def record(points: list[CapturePoint], out: BinaryIO) -> None:
    """Records until standard input ends."""
    contention = Contention()
    selector = selectors.DefaultSelector()
    for point in points:
        selector.register(point.socket, selectors.EVENT_READ, point)
    selector.register(sys.stdin, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.data is not None:
                drain(key.data, out, _BATCH)
            elif os.read(key.fd, 4096):
                print(flush(points, out, contention.waited_ns()), flush=True)
            else:
                return


def stand_by(orders: socket.socket) -> int:
    """Waits to be told what to record and records it; returns the exit status.

    The order is JSON, [FILE, [[NAME, PLACE], ...]], with descriptors of network namespaces. PLACE is the number of the
    one among these that holds the interface.
    """
    linux.set_command_line("recorder")
    order, namespaces = await_order(orders)
    if order:
        path, interfaces = json.loads(order)
        run(path, [(name, namespaces[place]) for name, place in interfaces])
    return 0


def run(path: str, interfaces: list[tuple[str, int]]) -> None:
    """Opens every interface, each by its name and a descriptor of its namespace, says so with one line, records."""
    points = [open_point(number, name, namespace) for number, (name, namespace) in enumerate(interfaces)]
    with open(path, "wb", buffering=1 << 16) as out:
        out.write(section_header())
        out.writelines(interface_description(point.name, point.link_type) for point in points)
        print(flush(points, out), flush=True)
        record(points, out)
        flush(points, out)
