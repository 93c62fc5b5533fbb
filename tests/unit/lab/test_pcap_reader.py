"""A capture is read as it was written, odd frames and a torn end included."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from whodunet.core.errors import InvalidInput
from whodunet.core.packets import Arp, CapturedPacket, Dns, Flow, Icmp, Ip, Tcp, kinds
from whodunet.lab.pcap_reader import read_capture

NOW_NS = 1_700_000_000_123_456_789
IN, OUT = 0b01, 0b10


def block(kind: int, body: bytes) -> bytes:
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def header(*names: str, resolution: int = 9) -> bytes:
    section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    interfaces = (
        struct.pack("<HHI", 1, 0, 0) + option(2, name.encode()) + option(9, bytes([resolution])) + option(0, b"")
        for name in names
    )
    return section + b"".join(block(1, interface) for interface in interfaces)


def packet(frame: bytes, number: int = 0, time: int = NOW_NS, flags: int = OUT) -> bytes:
    fixed = struct.pack("<IIIII", number, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
    return block(6, fixed + frame + b"\0" * (-len(frame) % 4) + option(2, struct.pack("<I", flags)) + option(0, b""))


def read(tmp_path: Path, *parts: bytes) -> list[CapturedPacket]:
    path = tmp_path / "capture.pcapng"
    path.write_bytes(b"".join(parts))
    return read_capture(path)


def only(tmp_path: Path, frame: Ether) -> CapturedPacket:
    (found,) = read(tmp_path, header("client-eth0"), packet(bytes(frame)))
    return found


def ethernet() -> Ether:
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


def test_a_packet_has_its_interfaces_name_its_nanosecond_and_its_direction(tmp_path: Path) -> None:
    frame = bytes(ethernet() / IP(src="10.8.0.10", dst="10.0.1.10") / TCP(sport=50000, dport=22, flags="S", seq=9))

    found = read(tmp_path, header("client-eth0", "fw-eth0"), packet(frame), packet(frame, 1, NOW_NS + 5, IN))

    assert [(p.point, p.time_ns, p.direction) for p in found] == [
        ("client-eth0", NOW_NS, "out"),
        ("fw-eth0", NOW_NS + 5, "in"),
    ]
    assert found[0].identity == found[1].identity


def test_a_microsecond_capture_is_read_in_nanoseconds(tmp_path: Path) -> None:
    (found,) = read(tmp_path, header("a", resolution=6), packet(bytes(ethernet()), time=NOW_NS // 1000))

    assert found.time_ns == NOW_NS // 1000 * 1000


def test_tcp_headers_are_read_with_tcpdumps_flags(tmp_path: Path) -> None:
    layers = IP(src="10.0.1.10", dst="10.8.0.10", ttl=58, id=0, flags="DF") / TCP(
        sport=22, dport=50000, ack=10, flags="RA", window=0
    )

    found = only(tmp_path, ethernet() / layers)

    assert (found.link_source, found.link_destination) == ("02:00:00:00:00:01", "02:00:00:00:00:02")
    assert found.ip == Ip("10.0.1.10", "10.8.0.10", 58, 0, 6, 40, df=True)
    assert found.tcp == Tcp(22, 50000, "R.", 0, 10, 0)


def test_the_padding_of_a_short_frame_is_no_payload(tmp_path: Path) -> None:
    layers = IP(src="10.0.1.10", dst="10.8.0.10", len=40) / TCP(sport=22, dport=50000, flags="A") / Raw(b"\0" * 6)

    found = only(tmp_path, ethernet() / layers)

    assert found.tcp is not None
    assert (found.tcp.payload, found.tcp.payload_bytes) == (b"", 0)


def test_the_beginning_of_the_payload_is_kept_and_all_of_it_counted(tmp_path: Path) -> None:
    found = only(tmp_path, ethernet() / IP() / TCP(dport=22, flags="PA") / Raw(b"SSH-2.0-OpenSSH_9.2\r\n" + b"x" * 500))

    assert found.tcp is not None
    assert found.tcp.payload_bytes == 521
    assert kinds(found) == {"data", "SSH banner"}


@pytest.mark.parametrize("quoted_bytes", [28, 40])
def test_an_icmp_error_quotes_a_flow_even_from_the_shortest_quote(tmp_path: Path, quoted_bytes: int) -> None:
    quoted = bytes(IP(src="10.8.0.10", dst="10.0.1.10", len=40) / TCP(sport=50000, dport=22, flags="S"))[:quoted_bytes]

    found = only(tmp_path, ethernet() / IP(src="10.8.0.1", dst="10.8.0.10") / ICMP(type=3, code=13) / Raw(quoted))

    assert found.icmp == Icmp(3, 13, quoted=Flow.between(6, ("10.8.0.10", 50000), ("10.0.1.10", 22)))
    assert kinds(found) == {"ICMP unreachable", "ICMP admin prohibited"}


def test_fragmentation_needed_names_its_mtu(tmp_path: Path) -> None:
    found = only(
        tmp_path, ethernet() / IP() / ICMP(type=3, code=4, nexthopmtu=1300) / Raw(bytes(IP() / UDP(sport=53, dport=99)))
    )

    assert found.icmp is not None
    assert found.icmp.next_hop_mtu == 1300


def test_an_echo_is_known_by_its_identifier_and_an_error_about_it_too(tmp_path: Path) -> None:
    echo = IP(src="10.8.0.10", dst="10.0.1.10") / ICMP(type=8, id=77, seq=3)

    asked = only(tmp_path, ethernet() / echo)
    error = only(tmp_path, ethernet() / IP(src="10.8.0.1", dst="10.8.0.10") / ICMP(type=11) / Raw(bytes(echo)))

    assert asked.icmp == Icmp(8, 0, 77, 3)
    assert error.icmp is not None
    assert error.icmp.quoted == asked.flow


def test_arp_and_dns_are_read(tmp_path: Path) -> None:
    arp = only(tmp_path, ethernet() / ARP(op=1, psrc="10.8.0.10", hwsrc="02:00:00:00:00:01", pdst="10.8.0.1"))
    dns = only(tmp_path, ethernet() / IP() / UDP(dport=53) / DNS(id=5, qr=0, qd=DNSQR(qname="nosuch.lab.test")))
    error = only(
        tmp_path, ethernet() / IP() / UDP(sport=53) / DNS(id=5, qr=1, rcode=3, qd=DNSQR(qname="nosuch.lab.test"))
    )

    assert arp.arp == Arp(1, "10.8.0.10", "02:00:00:00:00:01", "10.8.0.1")
    assert dns.dns == Dns(5, False, 0, "nosuch.lab.test")
    assert kinds(error) == {"DNS answer", "DNS name error"}


def test_a_block_that_is_still_being_written_is_left_out(tmp_path: Path) -> None:
    whole, torn = packet(bytes(ethernet())), packet(bytes(ethernet() / IP()))

    for length in range(len(torn)):
        assert len(read(tmp_path, header("a"), whole, torn[:length])) == 1


def test_a_packet_of_an_interface_that_was_never_described_is_left_out(tmp_path: Path) -> None:
    assert read(tmp_path, header("a"), packet(bytes(ethernet()), number=7)) == []


def test_a_section_without_packets_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path, header()) == []


@pytest.mark.parametrize("content", [b"", b"\xd4\xc3\xb2\xa1" + b"\0" * 20, b"not a capture at all"])
def test_another_file_is_refused_with_its_place_and_a_mend(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(content)

    with pytest.raises(InvalidInput, match=r"x\.pcap: is no pcapng file: .*; convert it with `editcap -F pcapng`"):
        read_capture(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read: No such file or directory"):
        read_capture(tmp_path / "none.pcapng")


SEEDS = [
    bytes(ethernet() / IP() / TCP(flags="S", options=[("MSS", 1460)])),
    bytes(ethernet() / IP() / UDP(dport=53) / DNS(qd=DNSQR(qname="a.b"))),
    bytes(ethernet() / IP() / ICMP(type=3) / IP() / TCP()),
    bytes(ethernet() / ARP()),
]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 90), st.integers(0, 255)), max_size=6), st.integers(0, 90)
)
def test_no_frame_ends_the_reading(
    tmp_path_factory: pytest.TempPathFactory, seed: bytes, changes: list[tuple[int, int]], length: int
) -> None:
    frame = bytearray(seed)
    for place, value in changes:
        frame[place % len(frame)] = value

    found = read(tmp_path_factory.getbasetemp(), header("a"), packet(bytes(frame[:length])))

    assert len(found) == 1
    assert isinstance(kinds(found[0]), frozenset)
