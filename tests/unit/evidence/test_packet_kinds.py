"""What a packet is, as scenarios name it: by its flags, types, codes and texts, over either family."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from whodunet.evidence.packets import Arp, CapturedPacket, Dns, Icmp, Ip, Layer, NeighbourMessage, Tcp, kinds, may_be


def bare(**headers: Any) -> CapturedPacket:
    return CapturedPacket("client-eth0", 0, "out", "", "", 60, **headers)


def icmpv6(kind: int, code: int = 0, destination: str = "fd00::1", target: str = "") -> CapturedPacket:
    header = Ip("fd00::2", destination, 255, 0, 58, 64, version=6)
    return bare(ip=header, icmp=Icmp(kind, code, target=target))


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
@pytest.mark.parametrize("version", [4, None])
def test_an_icmp_packet_is_of_the_kinds_that_its_type_and_code_say(
    icmp: tuple[int, int], expected: set[str], version: int | None
) -> None:
    assert kinds(bare(icmp=Icmp(*icmp), ip=Ip("10.0.0.1", "10.0.0.2", 64, 1, 1, 40) if version else None)) == expected


def test_arp_and_dns_have_their_kinds_and_a_name_error_is_an_answer_too() -> None:
    assert kinds(bare(arp=Arp(1, "a", "m", "b"))) == {"ARP request", "neighbour request"}
    assert kinds(bare(arp=Arp(2, "a", "m", "b"))) == {"ARP reply", "neighbour reply"}
    assert kinds(bare(dns=Dns(1, False, 0, "x"))) == {"DNS query"}
    assert kinds(bare(dns=Dns(1, True, 0, "x"))) == {"DNS answer"}
    assert kinds(bare(dns=Dns(1, True, 3, "x"))) == {"DNS answer", "DNS name error"}


@pytest.mark.parametrize(
    ("icmp", "expected"),
    [
        ((128, 0), {"ICMP echo request"}),
        ((129, 0), {"ICMP echo reply"}),
        ((3, 0), {"ICMP time exceeded"}),
        ((1, 0), {"ICMP unreachable"}),
        ((1, 3), {"ICMP unreachable"}),
        ((1, 4), {"ICMP unreachable", "ICMP port unreachable"}),
        ((1, 1), {"ICMP unreachable", "ICMP admin prohibited"}),
        ((1, 5), {"ICMP unreachable", "ICMP admin prohibited"}),
        ((1, 6), {"ICMP unreachable", "ICMP admin prohibited"}),
        ((2, 0), {"ICMP fragmentation needed"}),
        ((8, 0), set()),
        ((0, 0), set()),
        ((11, 0), set()),
    ],
)
def test_over_ipv6_other_numbers_are_the_same_kinds(icmp: tuple[int, int], expected: set[str]) -> None:
    assert kinds(icmpv6(*icmp)) == expected


def test_neighbours_ask_and_tell_by_ndp_over_ipv6() -> None:
    asks = icmpv6(135, destination="ff02::1:ff00:1", target="fd00::1")
    tells = icmpv6(136, target="fd00::2")
    assert kinds(asks) == {"NDP solicitation", "neighbour request"}
    assert kinds(tells) == {"NDP advertisement", "neighbour reply"}


@pytest.mark.parametrize("kind", [130, 131, 132, 133, 134, 137, 143])
def test_what_hosts_and_routers_say_of_themselves_over_ipv6_is_of_no_kind(kind: int) -> None:
    assert kinds(icmpv6(kind, destination="ff02::16")) == set()


def test_a_neighbours_question_is_for_the_one_whose_address_is_asked_for() -> None:
    asks = icmpv6(135, destination="ff02::1:ff00:1", target="fd00::1")
    assert asks.neighbour == NeighbourMessage(True, "fd00::2", "fd00::1")
    assert (asks.source, asks.destination) == ("fd00::2", "fd00::1")
    tells = icmpv6(136, target="fd00::2")
    assert tells.neighbour == NeighbourMessage(False, "fd00::2", "fd00::1")
    assert tells.destination == "fd00::1"
    by_arp = bare(arp=Arp(1, "10.0.0.2", "02:00:00:00:00:02", "10.0.0.1"))
    assert by_arp.neighbour == NeighbourMessage(True, "10.0.0.2", "10.0.0.1")
    assert (by_arp.source, by_arp.destination) == ("10.0.0.2", "10.0.0.1")


def test_two_questions_about_two_neighbours_are_two_packets() -> None:
    one, other = (icmpv6(135, destination="ff02::1:ff00:1", target=target) for target in ("fd00::1", "fd00::2:0:1"))
    assert one.identity != other.identity


@pytest.mark.parametrize(
    ("unread", "hidden"),
    [
        ("Ethernet", {"SYN", "ICMP echo reply", "ARP reply", "NDP solicitation", "neighbour request", "DNS answer"}),
        ("IP", {"SYN", "ICMP echo reply", "NDP solicitation", "neighbour request", "DNS answer"}),
        ("TCP", {"SYN", "DNS answer"}),
        ("UDP", {"DNS answer"}),
        ("ICMP", {"ICMP echo reply", "NDP solicitation", "neighbour request"}),
        ("ARP", {"ARP reply", "neighbour request"}),
        ("DNS", {"DNS answer"}),
        (None, set()),
    ],
)
def test_what_was_not_understood_hides_only_what_comes_after_it(unread: Layer | None, hidden: set[str]) -> None:
    asked = ("SYN", "ICMP echo reply", "ARP reply", "NDP solicitation", "neighbour request", "DNS answer")
    packet = replace(bare(), unread=unread)
    assert {kind for kind in asked if may_be(packet, kind)} == hidden
