"""A probe in brief holds what explains it, and is not told twice."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from whodunet.evidence.packets import Arp, CapturedPacket, Icmp, Ip
from whodunet.view.models.brief import Answered, Lost, NoPackets, SamePackets, brief_of


def faulty(case: ModuleType, start_ms: float = 0, **fields: Any) -> list[CapturedPacket]:
    return [
        *case.seen(case.tcp("S", **fields), start_ms, *case.TO_FIREWALL),
        *case.seen(case.tcp("R.", answer=True, seq=0, ack=1001, **fields), start_ms + 2, *case.FROM_FIREWALL),
    ]


def test_an_answer_is_held_with_its_time(case: ModuleType) -> None:
    packets = brief_of("ssh", case.left(faulty(case))).packets

    assert isinstance(packets, Answered)
    assert packets.gap.took_ms == pytest.approx(2.01)


def test_what_was_lost_is_held_where_it_was_last_seen(case: ModuleType) -> None:
    packets = brief_of("ssh", case.left(faulty(case)[:2])).packets

    assert isinstance(packets, Lost)
    assert (packets.packet.point, packets.is_asked) == ("fw-eth0", True)


def test_packets_that_went_as_anothers_did_are_told_once(case: ModuleType) -> None:
    main, same, other = (case.left(each) for each in (faulty(case), faulty(case, 500, port=50001), faulty(case)[:2]))

    assert brief_of("nc", same, beside=main).packets == SamePackets()
    assert brief_of("nc", other, beside=main).packets != SamePackets()


@pytest.mark.parametrize(
    "asked",
    [
        {"ip": None, "arp": Arp(1, "10.8.0.10", "aa", "10.8.0.1")},
        {"ip": Ip("fd00:8::10", "ff02::1:ff00:1", 255, 0, 58, 72, version=6), "icmp": Icmp(135, 0, target="fd00:8::1")},
    ],
)
def test_that_one_of_them_had_to_ask_for_a_link_address_makes_no_difference(
    case: ModuleType, asked: dict[str, Any]
) -> None:
    first = case.left([*case.seen(asked, -1, *case.TO_FIREWALL), *faulty(case)])

    assert brief_of("nc", case.left(faulty(case, 500)), beside=first).packets == SamePackets()


def test_nothing_beside_nothing_is_no_packets(case: ModuleType) -> None:
    assert brief_of("nc", case.left([]), beside=case.left([])).packets == NoPackets()
