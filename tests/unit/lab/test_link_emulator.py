"""The link emulator: what becomes of frames on their way, and that nobody waits for anybody."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from math import inf

import pytest

from whodunet.lab.link_emulator import MOST_UNDER_WAY, Lane, LinkEmulator, Shape, Way

MS = 1_000_000
FRAME = bytes(1000)


def numbered(count: int, length: int = 4) -> list[bytes]:
    return [number.to_bytes(length, "big") for number in range(count)]


def arrivals(way: Way) -> dict[int, list[bytes]]:
    """All that is under way, by the millisecond in which it arrives."""
    found: dict[int, list[bytes]] = {}
    while way.next_arrival_ns != inf:
        next_ns = int(way.next_arrival_ns)
        assert not way.arrived(next_ns - 1)
        found[next_ns // MS] = way.arrived(next_ns)
    return found


def test_a_frame_arrives_after_the_links_delay_and_not_before() -> None:
    way = Way(Shape(delay_ms=7))
    way.send(b"one", 10 * MS)
    way.send(b"two", 12 * MS)
    assert arrivals(way) == {17: [b"one"], 19: [b"two"]}


def test_frames_stay_in_order_however_much_a_link_jitters() -> None:
    draws = iter([0.5, 1.0, 0.0, 0.75])
    way = Way(Shape(delay_ms=20, jitter_ms=4), lambda: next(draws))
    for frame in numbered(4):
        way.send(frame, 0)
    first, second, third, fourth = numbered(4)
    assert arrivals(way) == {20: [first], 24: [second, third, fourth]}


def test_no_jitter_has_a_frame_arrive_before_it_was_sent() -> None:
    way = Way(Shape(delay_ms=1, jitter_ms=4), lambda: 0.0)
    way.send(FRAME, 100 * MS)
    assert way.arrived(100 * MS) == [FRAME]


def test_a_link_loses_its_share() -> None:
    draws = iter([0.0, 0.29, 0.3, 0.99])
    way = Way(Shape(loss_pct=30), lambda: next(draws))
    for frame in numbered(4):
        way.send(frame, 0)
    assert arrivals(way) == {0: numbered(4)[2:]}


def test_a_link_that_loses_everything_loses_whatever_is_drawn() -> None:
    way = Way(Shape(loss_pct=100), lambda: 0.999_999)
    way.send(FRAME, 0)
    assert not arrivals(way)


def test_a_slow_link_sends_one_frame_after_the_other() -> None:
    way = Way(Shape(delay_ms=5, rate_mbit=1))
    for _ in range(2):
        way.send(FRAME, 0)
    way.send(FRAME, 100 * MS)
    assert arrivals(way) == {13: [FRAME], 21: [FRAME], 113: [FRAME]}


def test_a_full_way_loses_what_comes_next_until_something_has_arrived() -> None:
    way = Way(Shape(delay_ms=1))
    for frame in numbered(MOST_UNDER_WAY + 1):
        way.send(frame, 0)
    way.send(b"later", 2 * MS)
    assert way.arrived(MS) == numbered(MOST_UNDER_WAY)
    way.send(b"later still", 2 * MS)
    assert arrivals(way) == {3: [b"later still"]}


class Interface:
    """Stands in for a TAP: the kernel's end, and the descriptor that is its other one."""

    def __init__(self) -> None:
        self.kernel, self.user = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.kernel.setblocking(False)
        self.user.setblocking(False)

    def __enter__(self) -> Interface:
        return self

    def __exit__(self, *_: object) -> None:
        self.kernel.close()
        self.user.close()

    def fill(self, frame: bytes) -> int:
        """Sends until there is no room; returns how many there were room for."""
        for count in range(1 << 20):
            try:
                self.kernel.send(frame)
            except BlockingIOError:
                return count
        raise AssertionError("there is always room")

    def received(self) -> list[bytes]:
        frames = []
        while True:
            try:
                frames.append(self.kernel.recv(4096))
            except BlockingIOError:
                return frames


@pytest.fixture
def ends() -> Iterator[tuple[Interface, Interface]]:
    with ExitStack() as stack:
        yield stack.enter_context(Interface()), stack.enter_context(Interface())


def lanes_of(ends: Sequence[Interface], shape: Shape) -> list[Lane]:
    one, other = (end.user.fileno() for end in ends)
    return [Lane(Way(shape), one, other), Lane(Way(shape), other, one)]


def test_each_way_has_its_own_frames(ends: tuple[Interface, Interface]) -> None:
    one, other = ends
    one.kernel.send(b"there")
    other.kernel.send(b"back")
    LinkEmulator(lanes_of(ends, Shape())).emulate()
    assert (one.received(), other.received()) == ([b"back"], [b"there"])


def test_a_link_that_is_full_both_ways_loses_frames_and_goes_on(ends: tuple[Interface, Interface]) -> None:
    one, other = ends
    emulator = LinkEmulator(lanes_of(ends, Shape()))
    for _ in range(3):
        assert one.fill(FRAME) > 0
        assert other.fill(FRAME) > 0
        emulator.emulate()
    one.received()
    other.received()
    emulator.emulate()
    assert one.received()
    assert other.received()


def test_what_is_under_way_is_waited_for_no_longer_than_it_takes(ends: tuple[Interface, Interface]) -> None:
    one, other = ends
    emulator = LinkEmulator(lanes_of(ends, Shape(delay_ms=1)))
    one.kernel.send(FRAME)
    while not (received := other.received()):
        emulator.emulate()
    assert received == [FRAME]


def test_an_interface_that_is_gone_takes_no_other_link_with_it(ends: tuple[Interface, Interface]) -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)  # it cannot be read, and says so at once
    emulator = LinkEmulator([Lane(Way(Shape()), nothing, ends[0].user.fileno()), *lanes_of(ends, Shape())])
    ends[0].kernel.send(FRAME)
    emulator.emulate()
    os.close(nothing)
    ends[0].kernel.send(FRAME)
    emulator.emulate()
    assert ends[1].received() == [FRAME, FRAME]
