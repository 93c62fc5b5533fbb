"""Packets are told apart, put to the probe that caused them, and followed from hop to hop."""

from __future__ import annotations

import random
from types import ModuleType

import pytest

from whodunet.core.packets import Arp, CapturedPacket, Dns, Flow, Icmp, Ip, Tcp, kinds
from whodunet.core.trails import answer_margin_ns, node_with, packets_of, sender_of, trails_of


def bare(**headers: object) -> CapturedPacket:
    return CapturedPacket("client-eth0", 1, "out", "aa", "bb", 60, **headers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("flags", "payload", "expected"),
    [
        ("S", b"", {"SYN"}),
        ("SEW", b"", {"SYN"}),
        ("S.", b"", {"SYN-ACK"}),
        ("R", b"", {"RST"}),
        ("R.", b"", {"RST"}),
        (".", b"", set()),
        ("F.", b"", {"FIN"}),
        ("P.", b"x", {"data"}),
        ("P.", b"SSH-2.0-OpenSSH_9.2\r\n", {"data", "SSH banner"}),
        ("FP.", b"x", {"FIN", "data"}),
    ],
)
def test_a_tcp_packet_is_of_the_kinds_that_its_flags_and_payload_say(
    flags: str, payload: bytes, expected: set[str]
) -> None:
    assert kinds(bare(tcp=Tcp(1, 22, flags, 1, 2, 3, payload, len(payload)))) == expected


@pytest.mark.parametrize(
    ("icmp", "expected"),
    [
        ((8, 0), {"ICMP echo request"}),
        ((0, 0), {"ICMP echo reply"}),
        ((11, 0), {"ICMP time exceeded"}),
        ((3, 1), {"ICMP unreachable"}),
        ((3, 3), {"ICMP unreachable", "ICMP port unreachable"}),
        ((3, 4), {"ICMP unreachable", "ICMP fragmentation needed"}),
        ((3, 9), {"ICMP unreachable", "ICMP admin prohibited"}),
        ((3, 10), {"ICMP unreachable", "ICMP admin prohibited"}),
        ((3, 13), {"ICMP unreachable", "ICMP admin prohibited"}),
        ((5, 1), set()),
    ],
)
def test_an_icmp_packet_is_of_the_kinds_that_its_type_and_code_say(icmp: tuple[int, int], expected: set[str]) -> None:
    assert kinds(bare(icmp=Icmp(*icmp))) == expected


def test_arp_and_dns_have_their_kinds_and_a_name_error_is_an_answer_too() -> None:
    assert kinds(bare(arp=Arp(1, "a", "m", "b"))) == {"ARP request"}
    assert kinds(bare(arp=Arp(2, "a", "m", "b"))) == {"ARP reply"}
    assert kinds(bare(dns=Dns(1, False, 0, "x"))) == {"DNS query"}
    assert kinds(bare(dns=Dns(1, True, 0, "x"))) == {"DNS answer"}
    assert kinds(bare(dns=Dns(1, True, 3, "x"))) == {"DNS answer", "DNS name error"}


def test_a_flow_is_the_same_whoever_speaks() -> None:
    there = bare(ip=Ip("a", "b", 64, 1, 6, 40), tcp=Tcp(5, 22, "S", 1, 0, 0))
    back = bare(ip=Ip("b", "a", 64, 1, 6, 40), tcp=Tcp(22, 5, "S.", 1, 2, 0))

    assert there.flow == back.flow == Flow.between(6, ("b", 22), ("a", 5))


def test_a_packet_is_followed_over_all_points_while_its_ttl_falls(case: ModuleType) -> None:
    packets = list(case.seen(case.tcp("S"), 0, *case.WHOLE_WAY))
    random.Random(1).shuffle(packets)

    (trail,) = trails_of(packets, case.topology())

    assert trail.points == case.POINTS
    assert (trail.first.point, trail.last.point) == ("client-eth0", "instance-eth0")
    assert trail.last.ip is not None
    assert trail.last.ip.ttl == 63


def test_a_retransmission_is_a_trail_of_its_own(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S", ip_id=1), 0, *case.TO_FIREWALL),
        *case.seen(case.tcp("S", ip_id=2), 1000, *case.TO_FIREWALL),
    ]

    assert [trail.points for trail in trails_of(packets, case.topology())] == [("client-eth0", "fw-eth0")] * 2


def test_equal_packets_are_told_apart_by_where_they_are_when_two_are_under_way(case: ModuleType) -> None:
    same = case.tcp("R.", answer=True, ip_id=0)
    first = list(case.seen(same, 0, *case.WHOLE_WAY_BACK[:3])) + list(case.seen(same, 20, *case.WHOLE_WAY_BACK[3:]))
    second = list(case.seen(same, 5, *case.WHOLE_WAY_BACK[:2]))  # dropped by the router

    trails = trails_of([*first, *second], case.topology())

    assert [len(trail.points) for trail in trails] == [6, 2]


def test_an_equal_packet_that_is_sent_again_does_not_lengthen_the_way_of_one_that_was_lost(case: ModuleType) -> None:
    same = case.tcp("R.", answer=True, ip_id=0)
    packets = [*case.seen(same, 0, *case.WHOLE_WAY_BACK[:3]), *case.seen(same, 1000, *case.WHOLE_WAY_BACK)]

    assert [len(trail.points) for trail in trails_of(packets, case.topology())] == [3, 6]


def test_an_equal_packet_that_is_sent_again_does_not_continue_a_trail_that_ended(case: ModuleType) -> None:
    same = case.tcp("R.", answer=True, ip_id=0)
    packets = [*case.seen(same, 0, *case.FROM_FIREWALL), *case.seen(same, 1000, *case.FROM_FIREWALL)]

    assert [len(trail.points) for trail in trails_of(packets, case.topology())] == [2, 2]


def test_a_probe_has_the_packets_of_the_flows_that_began_while_it_ran(case: ModuleType) -> None:
    own = packets_of(case.observation(), case.reference_packets(), case.topology())

    assert {kind for packet in own for kind in kinds(packet)} == {"SYN", "RST"}
    assert {packet.ports for packet in own if packet.ip and packet.ip.source == case.CLIENT} == {(50000, 22)}


def test_a_late_retransmission_of_an_earlier_probe_is_not_taken_for_the_next_ones(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S", ip_id=1), 10, *case.TO_FIREWALL),
        *case.seen(case.tcp("S", ip_id=2), 1010, *case.TO_FIREWALL),
        *case.seen(case.tcp("S", ip_id=3, port=50001), 1020, *case.TO_FIREWALL),
    ]

    own = packets_of(case.observation(start_ms=1000, end_ms=1100), packets, case.topology())

    assert {packet.ip.id for packet in own if packet.ip} == {3}


def test_ports_that_are_used_again_are_another_flow_when_the_connection_is_a_new_one(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S", ip_id=1, seq=1000), 10, *case.TO_FIREWALL),
        *case.seen(case.tcp("S", ip_id=2, seq=7777), 1010, *case.TO_FIREWALL),
    ]

    own = packets_of(case.observation(start_ms=1000, end_ms=1100), packets, case.topology())

    assert {packet.ip.id for packet in own if packet.ip} == {2}


def test_an_answer_still_under_way_at_the_end_belongs_to_the_probe_and_the_next_flow_does_not(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S"), 99, *case.WHOLE_WAY),
        *case.seen(case.tcp("S.", answer=True), 139, *case.WHOLE_WAY_BACK),
        *case.seen(case.tcp("S", port=50001), 120, *case.WHOLE_WAY),
        *case.seen(case.tcp("S.", answer=True, ip_id=9), 300, *case.WHOLE_WAY_BACK),
    ]

    own = packets_of(case.observation(end_ms=100), packets, case.topology(), baseline_rtt_ms=41)

    assert len(own) == 12
    assert all(packet.flow == own[0].flow for packet in own)


def test_the_margin_is_two_measured_round_trips_or_the_nominal_ones(case: ModuleType) -> None:
    assert answer_margin_ns(case.topology(), 41) == 82_000_000
    assert answer_margin_ns(case.topology()) == 80_000_000


def test_an_icmp_error_goes_with_the_flow_that_it_quotes(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S"), 10, *case.WHOLE_WAY),
        *case.seen(case.admin_prohibited(), 50, "client-eth0 in"),
        *case.seen(case.admin_prohibited(port=49999), 51, "client-eth0 in"),
    ]

    own = packets_of(case.observation(), packets, case.topology())

    assert sum(packet.icmp is not None for packet in own) == 1


def test_arp_belongs_to_the_probe_during_which_it_was_asked(case: ModuleType) -> None:
    question = Arp(1, case.CLIENT, "aa", "10.8.0.1")
    packets = [
        CapturedPacket("client-eth0", case.T0 + at_ms * case.MS, "out", "aa", "ff", 42, arp=question)
        for at_ms in (-1, 50, 150)
    ]

    assert len(packets_of(case.observation(), packets, case.topology())) == 1


def test_the_sender_is_whose_address_the_packet_bears(case: ModuleType) -> None:
    (forged, *_) = case.seen(case.tcp("R.", answer=True), 0, *case.FROM_FIREWALL)

    assert sender_of(forged, case.topology()) == "instance"
    assert node_with("192.0.2.1", case.topology()) is None
    assert node_with(None, case.topology()) is None
