"""A packet's label and its line of tcpdump's say what its headers do."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from whodunet.evidence.packets import Arp, CapturedPacket, Ip, Udp
from whodunet.view.models.numbering import NumberedPacket, Numbering
from whodunet.view.words.packets import label, name, tcpdump_line

STAMP = "22:13:20.000000"


def numbered(case: ModuleType, headers: dict[str, Any]) -> NumberedPacket:
    packets = list(case.seen(headers, 0, "client-eth0 out"))
    return Numbering(packets).of(packets[0])


@pytest.mark.parametrize(
    ("version", "source", "destination"),
    [(4, "IP 10.8.0.10.50000", "10.0.1.10.22"), (6, "IP6 fd00:8::10.50000", "fd00:1::10.22")],
)
def test_a_segment_of_either_family_is_a_line_of_tcpdumps(
    case: ModuleType, version: int, source: str, destination: str
) -> None:
    syn = numbered(case, case.tcp("S", version=version))

    assert tcpdump_line(syn) == f"{STAMP} {source} > {destination}: Flags [S], seq 1000, win 64240, length 0"


@pytest.mark.parametrize(
    ("flags", "payload", "words", "bare"),
    [
        ("S", b"", "SYN", "SYN"),
        ("S.", b"", "SYN-ACK ack 5", "SYN-ACK"),
        ("R", b"", "RST seq 7", "RST"),
        ("R.", b"", "RST seq 7 ack 5", "RST"),
        ("F.", b"", "FIN seq 7 ack 5", "FIN"),
        (".", b"", "ACK 5", "ACK"),
        ("P.", b"12345", "data 5 bytes seq 7", "data 5 bytes"),
        ("FP.", b"12345", "data 5 bytes seq 7", "data 5 bytes"),
        ("P.", b"SSH-2.0-x", "SSH banner 9 bytes seq 7", "SSH banner 9 bytes"),
    ],
)
def test_of_a_segment_the_label_has_the_numbers_and_the_name_has_not(
    case: ModuleType, flags: str, payload: bytes, words: str, bare: str
) -> None:
    [packet] = case.seen(case.tcp(flags, seq=7, ack=5, payload=payload), 0, "client-eth0 out")

    assert (label(NumberedPacket(packet, seq=7, ack=5)), name(packet)) == (words, bare)


def of(**headers: Any) -> CapturedPacket:
    return CapturedPacket("client-eth0", 1_700_000_000_000_000_000, "out", "aa", "bb", 60, **headers)


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        (of(arp=Arp(1, "10.8.0.10", "aa", "10.8.0.1")), "ARP who has 10.8.0.1"),
        (of(arp=Arp(2, "10.8.0.1", "bb", "10.8.0.10")), "ARP 10.8.0.1 is here"),
        (of(ip=Ip("a::1", "a::2", 64, 0, 17, 60, version=6), udp=Udp(5000, 4000)), "UDP to port 4000"),
        (of(ip=Ip("a::1", "a::2", 64, 5, 17, 60, fragment_offset=80, version=6)), "fragment from byte 80"),
        (of(), "packet"),
    ],
)
def test_what_has_no_numbers_is_named(packet: CapturedPacket, words: str) -> None:
    assert label(NumberedPacket(packet)) == name(packet) == words
