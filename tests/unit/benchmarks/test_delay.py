"""A link's delay is what lies between its two ends, each way, and a delay elsewhere or none misses the target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from benchmarks.delay import judge_links
from whodunet.evidence.packets import CapturedPacket, Direction, Icmp, Ip
from whodunet.evidence.topology import Link

LINK = Link(("near", "far"), delay_ms=7)
MS = 1_000_000


def echo(point: str, direction: Direction, kind: int, at_ms: float) -> CapturedPacket:
    ends = ("10.1.0.1", "10.1.0.2") if kind == 8 else ("10.1.0.2", "10.1.0.1")
    return CapturedPacket(
        point, round(at_ms * MS), direction, "aa", "bb", 98, Ip(*ends, 64, 1, 1, 84), icmp=Icmp(kind, 0, 5, 1)
    )


def pinged(there_ms: float, at_far_ms: float, back_ms: float) -> Iterator[CapturedPacket]:
    """An echo and its answer, as both ends saw them."""
    arrived, answered = there_ms, there_ms + at_far_ms
    yield echo("near", "out", 8, 0)
    yield echo("far", "in", 8, arrived)
    yield echo("far", "out", 0, answered)
    yield echo("near", "in", 0, answered + back_ms)


@pytest.mark.parametrize(
    ("packets", "missed"),
    [
        (list(pinged(7.2, 0.1, 6.8)), []),
        (list(pinged(8.1, 0.1, 7.0)), ["near > far"]),
        (list(pinged(7.0, 0.1, 5.9)), ["far > near"]),
        (list(pinged(0.1, 14.0, 0.1)), ["near > far", "far > near"]),  # the node is slow, and not the link
        (list(pinged(7.0, 0.1, 7.0))[:3], ["far > near"]),
        ([], ["near > far", "far > near"]),
    ],
)
def test_each_way_of_each_link_has_to_take_what_it_should(packets: Sequence[CapturedPacket], missed: list[str]) -> None:
    _, targets = judge_links(packets, [LINK])
    assert [target.says.partition(",")[0] for target in targets if not target.is_met] == missed
