"""The link emulator: one process that delays, loses and slows what passes a lab's shaped links, as netem does.

It holds both TAPs of each link. Nobody waits for it: a way that is full loses what comes next, as a real link does, and
so does an interface that does not take what arrives. It is forked while the lab is still small, and told which links
there are when there are some (`stand_by`).
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import random
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple

from whodunet.lab import linux
from whodunet.lab.spare import await_order
from whodunet.lab.waiting import wait_until

NAME: Final = "link-emulator"  # as lists of processes show it
MOST_UNDER_WAY: Final = 1000  # frames each way; netem's own limit, so that both means are full at the same time
_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0002, 0x1000  # Source: linux/if_tun.h
_SIOCGIFFLAGS, _IFF_RUNNING = 0x8913, 0x40  # Source: linux/sockios.h, linux/if.h
_LONGEST_FRAME_BYTES: Final = 1 << 16
_BATCH: Final = 64  # frames taken from one interface before the others get their turn


class Shape(NamedTuple):
    """What a link does to frames, each way."""

    delay_ms: float = 0.0
    jitter_ms: float = 0.0  # each frame's delay is drawn from as much less to as much more
    loss_pct: float = 0.0
    rate_mbit: float | None = None  # None: as fast as they come


class Way:
    """One direction of a link: the frames that were sent into it and have not arrived. Times are of any one clock."""

    def __init__(self, shape: Shape, draw: Callable[[], float] = random.random) -> None:
        """`draw` gives random numbers from 0 to less than 1."""
        self.next_arrival_ns: float = inf  # infinite: there is none under way
        self._shape = shape
        self._draw = draw
        self._ns_per_byte = 8000 / shape.rate_mbit if shape.rate_mbit else 0
        self._under_way: deque[tuple[int, bytes]] = deque()  # when each arrives
        self._busy_until_ns = 0
        self._last_arrival_ns = 0

    def send(self, frame: bytes, now_ns: int) -> None:
        """Takes a frame in, or loses it; those that it takes arrive in the order in which they came."""
        shape = self._shape
        is_lost = shape.loss_pct and 100 * self._draw() < shape.loss_pct
        if is_lost or len(self._under_way) >= MOST_UNDER_WAY:
            return
        self._busy_until_ns = max(now_ns, self._busy_until_ns) + round(len(frame) * self._ns_per_byte)
        jitter_ms = shape.jitter_ms * (2 * self._draw() - 1) if shape.jitter_ms else 0
        arrival_ns = self._busy_until_ns + round((shape.delay_ms + jitter_ms) * 1_000_000)
        self._last_arrival_ns = max(arrival_ns, self._last_arrival_ns)
        if not self._under_way:
            self.next_arrival_ns = self._last_arrival_ns
        self._under_way.append((self._last_arrival_ns, frame))

    def arrived(self, now_ns: int) -> list[bytes]:
        """Takes out what has arrived by now."""
        frames = []
        while self.next_arrival_ns <= now_ns:
            frames.append(self._under_way.popleft()[1])
            self.next_arrival_ns = self._under_way[0][0] if self._under_way else inf
        return frames


@dataclass
class Lane:
    """One way of a link with the descriptors of the interfaces at its beginning and its end."""

    way: Way
    source: int
    target: int

    def take_in(self) -> bool:
        """Sends what waits at its beginning, as far as others can wait; False: that interface is gone."""
        try:
            for _ in range(_BATCH):
                frame = os.read(self.source, _LONGEST_FRAME_BYTES)
                self.way.send(frame, time.monotonic_ns())
        except BlockingIOError:
            return True
        except OSError:  # root on a host can take an interface away
            return False
        return True

    def hand_out(self, now_ns: int) -> None:
        """Has its end receive what has arrived by now; what this does not take is lost."""
        for frame in self.way.arrived(now_ns):
            with suppress(OSError):
                os.write(self.target, frame)


class LinkEmulator:
    """All links of a lab, each as two lanes."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._lanes = lanes
        self._by_source = {lane.source: lane for lane in lanes}  # those whose beginning is not gone

    def emulate(self) -> None:
        """Waits until there is something to do, and does that."""
        next_ns = min(lane.way.next_arrival_ns for lane in self._lanes)
        # Of all that wait for descriptors, only this takes less than a millisecond for an answer.
        wait_s = None if next_ns == inf else max(next_ns - time.monotonic_ns(), 0) / 1e9
        for source in select.select([*self._by_source], (), (), wait_s)[0]:
            if not self._by_source[source].take_in():
                del self._by_source[source]
        now_ns = time.monotonic_ns()
        for lane in self._lanes:
            if lane.way.next_arrival_ns <= now_ns:
                lane.hand_out(now_ns)


def open_tap(name: str, namespace: int) -> int:
    """A descriptor of a TAP that exists in the network namespace behind another descriptor; nothing blocks on it.

    Raises:
        OSError: when the kernel refuses.
    """
    linux.setns(namespace, linux.CLONE_NEWNET)
    tap = os.open(linux.TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
    return tap


def await_running(name: str, namespace: int) -> None:
    """Returns when the kernel has noticed that somebody holds the TAP: before, it drops what is to be sent there.

    Raises:
        CannotRun: when it does not.
    Source: Linux, linkwatch_do_dev and noop_enqueue; netdevice(7), IFF_RUNNING.
    """
    linux.setns(namespace, linux.CLONE_NEWNET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:

        def is_running() -> bool:
            answer = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, struct.pack("16s24x", name.encode()))
            return bool(struct.unpack_from("H", answer, 16)[0] & _IFF_RUNNING)

        wait_until(is_running, f"{name} to run")


def order_for(links: Sequence[tuple[Shape, tuple[str, int], tuple[str, int]]]) -> bytes:
    """What `stand_by` is told: of each link its shape and its ends.

    Args:
        links: an end is an interface's name, and the number of the descriptor, among those that are sent along, of the
            network namespace that it lies in.
    """
    return json.dumps(links).encode()


def stand_by(orders: socket.socket) -> int:
    """Waits to be told of the lab's links, writes an empty line once all are there, and emulates them.

    Returns the exit status where there are none.
    """
    linux.set_command_line(NAME)
    order, namespaces = await_order(orders)
    if not order:
        return 0
    gc.disable()  # nothing here refers to itself, and a collection would copy the pages that are shared with others
    lanes = []
    links = json.loads(order)
    for shape, *ends in links:
        one, other = (open_tap(name, namespaces[place]) for name, place in ends)
        lanes += [Lane(Way(Shape(*shape)), *ways) for ways in ((one, other), (other, one))]
    for _, *ends in links:
        for name, place in ends:
            await_running(name, namespaces[place])
    linux.wake_on_time()
    os.write(1, b"\n")
    emulator = LinkEmulator(lanes)
    while True:
        emulator.emulate()
