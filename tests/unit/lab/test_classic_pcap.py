"""The file that a colleague's tcpdump wrote is read as well, whatever it was told to capture on."""

from __future__ import annotations

import struct

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from whodunet.lab.pcap_reader import read

SYN = bytes(IP(src="10.8.0.10", dst="10.0.1.10", ttl=64) / TCP(sport=50000, dport=22, flags="S", seq=9))
SYN6 = bytes(IPv6(src="fd00:8::10", dst="fd00:10::1", hlim=64) / TCP(sport=50000, dport=22, flags="S", seq=9))
MAC = b"\x02\x00\x00\x00\x00\x01"


def pcap(link_type: int, *frames: bytes, order: str = "<", magic: int = 0xA1B2C3D4) -> bytes:
    header = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link_type)
    records = (struct.pack(order + "IIII", 1_700_000_000, 5, len(frame), len(frame)) + frame for frame in frames)
    return header + b"".join(records)


@pytest.mark.parametrize(
    ("link_type", "frame", "address"),
    [
        (1, bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(SYN)), "10.0.1.10"),
        (101, SYN, "10.0.1.10"),
        (101, SYN6, "fd00:10::1"),
        (0, struct.pack("<I", 2) + SYN, "10.0.1.10"),
        (0, struct.pack("<I", 30) + SYN6, "fd00:10::1"),
        (0, struct.pack(">I", 2) + SYN, "10.0.1.10"),
        (108, struct.pack(">I", 24) + SYN6, "fd00:10::1"),
        (113, struct.pack(">HHH", 4, 1, 6) + MAC + b"\0\0" + b"\x08\x00" + SYN, "10.0.1.10"),
        (276, struct.pack(">HHIHBB", 0x86DD, 0, 2, 1, 4, 6) + MAC + b"\0\0" + SYN6, "fd00:10::1"),
    ],
    ids=["Ethernet", "raw", "raw v6", "null", "null v6 of macOS", "null, big endian", "loop v6", "cooked", "cooked v2"],
)
def test_a_packet_is_the_same_whatever_header_the_file_has_before_it(
    link_type: int, frame: bytes, address: str
) -> None:
    (found,) = read(pcap(link_type, frame)).packets

    assert found.unread is None
    assert found.destination == address
    assert found.tcp is not None
    assert (found.tcp.destination_port, found.tcp.flags) == (22, "S")
    assert found.ip is not None
    assert found.ip.ttl == 64


def test_a_cooked_capture_says_who_sent_a_packet_and_which_way_it_went() -> None:
    outgoing = struct.pack(">HHH", 4, 1, 6) + MAC + b"\0\0" + b"\x08\x00" + SYN
    incoming = struct.pack(">HHH", 0, 1, 6) + MAC + b"\0\0" + b"\x08\x00" + SYN

    found = read(pcap(113, outgoing, incoming)).packets

    assert [packet.direction for packet in found] == ["out", "in"]
    assert found[0].link_source == "02:00:00:00:00:01"


@pytest.mark.parametrize(
    ("magic", "order", "time_ns"),
    [(0xA1B2C3D4, "<", 5000), (0xA1B2C3D4, ">", 5000), (0xA1B23C4D, "<", 5)],
    ids=["microseconds", "of another machine's byte order", "nanoseconds"],
)
def test_times_are_read_in_the_files_own_unit_and_byte_order(magic: int, order: str, time_ns: int) -> None:
    (found,) = read(pcap(101, SYN, magic=magic, order=order)).packets

    assert found.time_ns == 1_700_000_000_000_000_000 + time_ns


def test_a_torn_end_is_told_and_what_came_before_it_is_kept() -> None:
    content = read(pcap(101, SYN, SYN)[:-3])

    assert len(content.packets) == 1
    assert content.stopped == f"it breaks off inside the packet at byte {24 + 16 + len(SYN)}"


def test_a_link_type_that_cannot_be_read_is_told() -> None:
    content = read(pcap(147, SYN))

    assert content.packets == []
    assert content.stopped == "interface 0 has link type 147, which is none that is known here"


def test_a_frame_too_short_for_its_own_header_is_a_packet_that_was_not_understood() -> None:
    (found,) = read(pcap(113, b"\0\x04\0\x01")).packets

    assert found.unread == "Ethernet"
