"""A capture is read as it was written, odd frames and a torn end included."""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoRequest,
    ICMPv6MLReport2,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    ICMPv6PacketTooBig,
    IPv6,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
)
from scapy.layers.l2 import ARP, GRE, LLC, STP, Dot1Q, Dot3, Ether
from scapy.packet import Packet, Raw

from whodunet.errors import InvalidInput
from whodunet.evidence.capture import CaptureContent
from whodunet.evidence.packets import Arp, CapturedPacket, Dns, Flow, Icmp, Ip, NeighbourMessage, OpenVpn, Tcp, kinds
from whodunet.lab.pcap_reader import read as read_bytes
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


def tunnel_header(name: str) -> bytes:
    section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    return section + block(1, struct.pack("<HHI", 101, 0, 0) + option(2, name.encode()) + option(9, b"\x09"))


def packet(frame: bytes, number: int = 0, time: int = NOW_NS, flags: int = OUT) -> bytes:
    fixed = struct.pack("<IIIII", number, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
    return block(6, fixed + frame + b"\0" * (-len(frame) % 4) + option(2, struct.pack("<I", flags)) + option(0, b""))


def read(tmp_path: Path, *parts: bytes) -> Sequence[CapturedPacket]:
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


def test_a_clock_without_a_resolution_is_where_reading_ends() -> None:
    section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    interface = struct.pack("<HHI", 1, 0, 0) + option(2, b"a") + option(9, b"")
    content = read_bytes(section + block(1, interface) + packet(bytes(ethernet())))
    assert content.packets == []
    assert content.stopped == "the resolution of a's clock is not one byte"


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
    segment = TCP(sport=50000, dport=22, seq=7, flags="S")
    quoted = bytes(IP(src="10.8.0.10", dst="10.0.1.10", len=40) / segment)[:quoted_bytes]

    found = only(tmp_path, ethernet() / IP(src="10.8.0.1", dst="10.8.0.10") / ICMP(type=3, code=13) / Raw(quoted))

    assert found.icmp == Icmp(3, 13, quoted=Flow.between(6, ("10.8.0.10", 50000), ("10.0.1.10", 22)), quoted_number=7)
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


def test_the_addresses_that_a_name_server_tells_are_read(tmp_path: Path) -> None:
    records = DNSRR(rrname="www.lab.test", type="CNAME", rdata="a.lab.test") / DNSRR(
        rrname="a.lab.test", rdata="10.0.1.9"
    )
    message = DNS(id=5, qr=1, qd=DNSQR(qname="www.lab.test"), an=records, ancount=2)

    told = only(tmp_path, ethernet() / IP() / UDP(sport=53) / message)

    assert told.dns == Dns(5, True, 0, "www.lab.test", qtype=1, addresses=("10.0.1.9",))


def test_arp_and_dns_are_read(tmp_path: Path) -> None:
    arp = only(tmp_path, ethernet() / ARP(op=1, psrc="10.8.0.10", hwsrc="02:00:00:00:00:01", pdst="10.8.0.1"))
    dns = only(tmp_path, ethernet() / IP() / UDP(dport=53) / DNS(id=5, qr=0, qd=DNSQR(qname="nosuch.lab.test")))
    error = only(
        tmp_path, ethernet() / IP() / UDP(sport=53) / DNS(id=5, qr=1, rcode=3, qd=DNSQR(qname="nosuch.lab.test"))
    )

    assert arp.arp == Arp(1, "10.8.0.10", "02:00:00:00:00:01", "10.8.0.1")
    assert dns.dns == Dns(5, False, 0, "nosuch.lab.test", qtype=1)
    assert kinds(error) == {"DNS answer", "DNS name error"}


CLIENT, INSTANCE = "10.8.0.10", "10.0.1.10"


def numbered(value: object) -> str:
    """A test's name for a value that is not text: what a frame is cannot be read off its bytes."""
    return value if isinstance(value, str) else type(value).__name__


SYN = TCP(sport=50000, dport=22, flags="S", seq=9)


def test_a_broken_dns_message_leaves_the_datagram_that_it_came_in(tmp_path: Path) -> None:
    question = bytes(DNS(id=5, qd=DNSQR(qname="nosuch.lab.test")))
    broken = question[:12] + b"\xff" * (len(question) - 12)

    found = only(tmp_path, ethernet() / IP(src=CLIENT, dst=INSTANCE) / UDP(sport=5555, dport=53) / Raw(broken))

    assert found.flow == Flow.between(17, (CLIENT, 5555), (INSTANCE, 53))
    assert (found.dns, found.unread) == (None, "DNS")


def test_ipv6_is_read_as_ipv4_is(tmp_path: Path) -> None:
    ip = IPv6(src="fd00::10", dst="fd00::1", hlim=63)

    segment = only(tmp_path, ethernet() / ip / SYN)
    echo = only(tmp_path, ethernet() / ip / ICMPv6EchoRequest(id=7, seq=3))

    assert segment.ip == Ip("fd00::10", "fd00::1", 63, 0, 6, 60, version=6)
    assert segment.flow == Flow.between(6, ("fd00::10", 50000), ("fd00::1", 22))
    assert kinds(segment) == {"SYN"}
    assert echo.flow == Flow.between(58, ("fd00::10", 7), ("fd00::1", 7))
    assert kinds(echo) == {"ICMP echo request"}


def test_an_icmpv6_error_quotes_a_flow_and_has_the_kinds_of_its_elder(tmp_path: Path) -> None:
    quoted = bytes(IPv6(src="fd00::10", dst="fd00::1") / SYN)
    outer = ethernet() / IPv6(src="fd00::2", dst="fd00::10")

    prohibited = only(tmp_path, outer / ICMPv6DestUnreach(code=1) / Raw(quoted))
    too_big = only(tmp_path, outer / ICMPv6PacketTooBig(mtu=1280) / Raw(quoted))

    assert prohibited.icmp is not None
    assert prohibited.icmp.quoted == Flow.between(6, ("fd00::10", 50000), ("fd00::1", 22))
    assert kinds(prohibited) == {"ICMP unreachable", "ICMP admin prohibited"}
    assert too_big.icmp is not None
    assert too_big.icmp.next_hop_mtu == 1280
    assert kinds(too_big) == {"ICMP fragmentation needed"}


def test_neighbours_are_asked_for_by_a_target_and_tell_it(tmp_path: Path) -> None:
    asked = ethernet() / IPv6(src="fd00::2", dst="ff02::1:ff00:1", hlim=255) / ICMPv6ND_NS(tgt="fd00::1")
    told = ethernet() / IPv6(src="fd00::1", dst="fd00::2", hlim=255) / ICMPv6ND_NA(tgt="fd00::1")

    asks = only(tmp_path, asked / ICMPv6NDOptSrcLLAddr(lladdr="02:00:00:00:00:01"))
    tells = only(tmp_path, told / ICMPv6NDOptDstLLAddr(lladdr="02:00:00:00:00:02"))

    assert (asks.neighbour, asks.unread) == (NeighbourMessage(True, "fd00::2", "fd00::1"), None)
    assert (tells.neighbour, tells.unread) == (NeighbourMessage(False, "fd00::1", "fd00::2"), None)


@pytest.mark.parametrize(
    "option", [b"\1\0" + bytes(6), b"\1\2" + bytes(6), b"\1", b"\1\1" + bytes(6) + b"\2\0" + bytes(6)]
)
def test_a_question_with_an_option_of_no_length_or_too_much_is_none_that_anybody_hears(
    tmp_path: Path, option: bytes
) -> None:
    ip = IPv6(src="fd00::2", dst="ff02::1:ff00:1", nh=58, hlim=255)

    found = only(tmp_path, ethernet() / ip / ICMPv6ND_NS(tgt="fd00::1") / Raw(option))

    assert (found.neighbour, found.unread) == (None, "ICMP")


def test_a_question_that_breaks_off_before_its_target_is_not_understood(tmp_path: Path) -> None:
    ip = IPv6(src="fd00::2", dst="ff02::1:ff00:1", nh=58, hlim=255)

    found = only(tmp_path, ethernet() / ip / Raw(bytes([135, *[0] * 15])))

    assert (found.unread, found.icmp) == ("ICMP", None)


def test_a_report_of_which_groups_one_listens_to_is_understood_and_of_no_kind(tmp_path: Path) -> None:
    report = ethernet() / IPv6(src="fe80::1", dst="ff02::16", hlim=1) / IPv6ExtHdrHopByHop() / ICMPv6MLReport2()

    found = only(tmp_path, report)

    assert (found.unread, kinds(found)) == (None, frozenset())


@pytest.mark.parametrize("later", [
    IP(src=CLIENT, dst=INSTANCE, id=9, proto=17, frag=185) / Raw(b"x" * 40),
    IPv6(src="fd00::10", dst="fd00::1") / IPv6ExtHdrFragment(nh=17, offset=185, id=9) / Raw(b"x" * 40),
], ids=numbered)  # fmt: skip
def test_a_later_fragment_has_no_ports_and_is_understood(later: IP, tmp_path: Path) -> None:
    found = only(tmp_path, ethernet() / later)

    assert found.ip is not None
    assert (found.ip.id, found.ip.protocol, found.ip.fragment_offset, found.ip.is_fragment) == (9, 17, 1480, True)
    assert (found.udp, found.flow, found.unread) == (None, None, None)


def test_a_first_fragment_has_its_ports_although_the_rest_of_it_is_missing(tmp_path: Path) -> None:
    layers = IP(src=CLIENT, dst=INSTANCE, id=9, flags="MF") / UDP(sport=4, dport=5, len=3000) / Raw(b"x" * 1472)

    found = only(tmp_path, ethernet() / layers)

    assert found.flow == Flow.between(17, (CLIENT, 4), (INSTANCE, 5))
    assert found.unread is None


@pytest.mark.parametrize("tunnel", [
    IP(src="192.0.2.1", dst="192.0.2.2"),
    IP(src="192.0.2.1", dst="192.0.2.2") / GRE(),
    IP(src="192.0.2.1", dst="192.0.2.2") / GRE(proto=0x6558) / Ether(),
], ids=numbered)  # fmt: skip
def test_what_goes_through_a_tunnel_is_its_senders_own_and_not_the_tunnels(tunnel: IP, tmp_path: Path) -> None:
    found = only(tmp_path, ethernet() / tunnel / IP(src=CLIENT, dst=INSTANCE, ttl=63) / SYN)

    assert found.ip is not None
    assert (found.ip.source, found.ip.ttl) == (CLIENT, 63)
    assert kinds(found) == {"SYN"}
    assert [outer.source for outer in found.tunnel] == ["192.0.2.1"]
    assert found.identity == only(tmp_path, ethernet() / IP(src=CLIENT, dst=INSTANCE, ttl=60) / SYN).identity


def test_an_error_about_a_tunnel_has_no_ports_to_quote(tmp_path: Path) -> None:
    quoted = bytes(IP(src="192.0.2.1", dst="192.0.2.2") / IP(src=CLIENT, dst=INSTANCE) / SYN)

    found = only(tmp_path, ethernet() / IP() / ICMP(type=3, code=1) / Raw(quoted))

    assert found.icmp == Icmp(3, 1)
    assert found.unread is None


def test_a_vlan_tag_hides_nothing(tmp_path: Path) -> None:
    assert kinds(only(tmp_path, ethernet() / Dot1Q(vlan=5) / IP() / SYN)) == {"SYN"}


@pytest.mark.parametrize(("frame", "layer"), [
    (bytes(ethernet())[:13], "Ethernet"),
    (bytes(ethernet() / Raw(b"x" * 50))[:12] + b"\x08\x47" + b"x" * 50, "Ethernet"),
    (bytes(ethernet() / IP() / SYN)[:30], "IP"),
    (bytes(ethernet() / IP(ihl=4) / SYN), "IP"),
    (bytes(ethernet() / IP(len=15) / SYN), "IP"),
    (bytes(ethernet() / IP(len=400) / SYN), "IP"),
    (bytes(ethernet() / IP(proto=200) / Raw(b"x" * 30)), "IP"),
    (bytes(ethernet() / IP(proto=4) / Raw(b"x" * 30)), "IP"),
    (bytes(ethernet() / IP(len=32) / SYN)[:46], "TCP"),
    (bytes(ethernet() / IP() / TCP(dataofs=3)), "TCP"),
    (bytes(ethernet() / IP() / TCP(dataofs=15)), "TCP"),
    (bytes(ethernet() / IP() / UDP(len=4)), "UDP"),
    (bytes(ethernet() / IP() / UDP(len=400)), "UDP"),
    (bytes(ethernet() / IP(len=24) / ICMP())[:38], "ICMP"),
    (bytes(ethernet() / IP() / ICMP(type=3) / Raw(b"x" * 4)), "ICMP"),
    (bytes(ethernet() / ARP(hwlen=8)), "ARP"),
], ids=numbered)  # fmt: skip
def test_a_frame_that_makes_no_sense_says_where_understanding_ended(frame: bytes, layer: str, tmp_path: Path) -> None:
    (found,) = read(tmp_path, header("client-eth0"), packet(frame))

    assert found.unread == layer


def test_a_packet_whose_length_makes_no_sense_keeps_its_addresses(tmp_path: Path) -> None:
    found = only(tmp_path, ethernet() / IP(src=CLIENT, dst=INSTANCE, len=0) / SYN)

    assert found.ip is not None
    assert (found.ip.source, found.tcp, found.unread) == (CLIENT, None, "IP")


@pytest.mark.parametrize("frame", [
    bytes(Dot3() / LLC(dsap=0x42, ssap=0x42) / STP()),
    bytes(Ether(type=0x88CC) / Raw(b"x" * 40)),
    bytes(ethernet() / IP(proto=2) / Raw(b"x" * 8)),
    bytes(ethernet() / IP() / UDP(sport=40000, dport=53)),
    bytes(ethernet() / IP() / ICMP(type=13)),
], ids=numbered)  # fmt: skip
def test_what_is_part_of_no_conversation_is_understood(frame: bytes, tmp_path: Path) -> None:
    (found,) = read(tmp_path, header("client-eth0"), packet(frame))

    assert found.unread is None


def test_a_frame_that_was_recorded_in_part_is_understood_as_far_as_it_was(tmp_path: Path) -> None:
    whole = bytes(ethernet() / IP(src=CLIENT, dst=INSTANCE) / TCP(dport=22, flags="PA") / Raw(b"x" * 900))
    cut = struct.pack("<IIIII", 0, NOW_NS >> 32, NOW_NS & 0xFFFFFFFF, 96, len(whole)) + whole[:96]

    (found,) = read(tmp_path, header("a"), block(6, cut))

    assert found.tcp is not None
    assert (found.tcp.payload_bytes, found.unread) == (900, None)


def reading(*parts: bytes) -> CaptureContent:
    return read_bytes(b"".join(parts))


def test_what_was_read_is_counted_by_capture_point_with_what_was_not_understood() -> None:
    good, bad = packet(bytes(ethernet() / IP() / SYN)), packet(bytes(ethernet())[:9], number=1)
    content = header("a", "b", "c") + good + bad + good

    summary = read_bytes(content).summary()

    assert (dict(summary.frames), dict(summary.not_understood)) == ({"a": 2, "b": 1, "c": 0}, {"b": 1})
    assert summary.sha256 == hashlib.sha256(content).hexdigest()
    assert read_bytes(content).stopped is None


def test_a_block_that_breaks_off_ends_the_reading_and_is_told() -> None:
    whole, torn = packet(bytes(ethernet())), packet(bytes(ethernet() / IP()))

    for length in range(1, len(torn)):
        cut = reading(header("a"), whole, torn[:length])
        assert (len(cut.packets), cut.frames) == (1, {"a": 1})
        assert cut.stopped is not None
        assert cut.stopped.startswith("it breaks off inside the block at byte ")


def damaged(frame_block: bytes, place: int, value: int) -> bytes:
    return frame_block[:place] + struct.pack("<I", value) + frame_block[place + 4 :]


@pytest.mark.parametrize(("torn", "why"), [
    (damaged(packet(bytes(ethernet())), 4, 6), "has an impossible length of 6"),
    (damaged(packet(bytes(ethernet())), 4, 13), "has an impossible length of 13"),
    (damaged(packet(bytes(ethernet())), -4 % len(packet(bytes(ethernet()))), 16), "differ"),
    (damaged(packet(bytes(ethernet())), 8, 7), "a packet is of interface 7, which the file does not describe"),
    (damaged(packet(bytes(ethernet())), 20, 4000), "a packet is longer than its block"),
    (block(6, b"\0" * 8), "a packet's block is too short for its own header"),
], ids=numbered)  # fmt: skip
def test_a_block_that_contradicts_itself_ends_the_reading_and_is_told(torn: bytes, why: str) -> None:
    found = reading(header("a"), packet(bytes(ethernet())), torn, packet(bytes(ethernet())))

    assert len(found.packets) == 1
    assert found.stopped is not None
    assert found.stopped.endswith(why)


def test_a_section_without_packets_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path, header()) == []


@pytest.mark.parametrize("content", [b"", b"\xd4\xc3\xb2\xa1", b"not a capture at all"])
def test_another_file_is_refused_with_its_place_and_a_mend(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(content)

    with pytest.raises(InvalidInput, match=r"x\.pcap: is not a pcapng file: .*; convert it with `editcap -F pcapng`"):
        read_capture(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read: No such file or directory"):
        read_capture(tmp_path / "none.pcapng")


REAL = Path(__file__).parents[2] / "replay/data/sshd-down/capture.pcapng"
SEEDS = [
    bytes(ethernet() / IP() / TCP(flags="S", options=[("MSS", 1460)])),
    bytes(ethernet() / IP() / UDP(dport=53) / DNS(qd=DNSQR(qname="a.b"))),
    bytes(ethernet() / IP() / ICMP(type=3) / IP() / TCP()),
    bytes(ethernet() / IP() / GRE() / IP() / TCP()),
    bytes(ethernet() / IPv6() / IPv6ExtHdrFragment(nh=6) / TCP()),
    bytes(ethernet() / ARP()),
]


@pytest.mark.parametrize(
    "sent",
    [
        IP(src="10.8.0.10", dst="10.0.1.10", ttl=64) / TCP(sport=50000, dport=22, flags="S"),
        IP(src="10.8.0.10", dst="10.0.1.10", ttl=64) / IP(src="10.1.0.1", dst="10.2.0.1", ttl=9) / TCP(flags="S"),
        IPv6(src="fd00:8::10", dst="fd00::10", hlim=64) / TCP(sport=50000, dport=22, flags="S"),
        ARP(psrc="10.8.0.10", pdst="10.8.0.1"),
        Dot1Q(vlan=5) / IP(src="10.8.0.10", dst="10.0.1.10", ttl=64) / TCP(flags="S"),
    ],
)
def test_a_packet_has_at_each_hop_the_ttl_and_the_link_addresses_that_it_has_there(sent: Packet) -> None:
    """And is in nothing else another than when that hop alone is read."""
    outermost = IPv6 if IPv6 in sent else IP
    frames = []
    for hop in (3, 0, 1):
        there = sent.copy()
        if outermost in there:
            setattr(there[outermost], "hlim" if outermost is IPv6 else "ttl", 64 - hop)
        frames.append(bytes(Ether(src=f"02:00:00:00:00:0{hop}", dst=f"02:00:00:00:01:0{hop}") / there))
    alone = [reading(header("a-eth0"), packet(frame)).packets for frame in frames]
    assert reading(header("a-eth0"), *map(packet, frames)).packets == [each for one in alone for each in one]
    assert len({(each.link_source, each.link_destination) for one in alone for each in one}) == 3
    assert {each.unread for one in alone for each in one} == {None}


def test_two_packets_that_differ_in_more_than_a_hop_changes_are_two() -> None:
    one, other = (
        bytes(Ether() / IP(src="10.8.0.10", dst="10.0.1.10") / TCP(sport=50000, dport=port, flags="S"))
        for port in (22, 23)
    )
    assert [each.ports for each in reading(header("a-eth0"), packet(one), packet(other)).packets] == [
        (50000, 22),
        (50000, 23),
    ]


def frames_of(capture: bytes) -> list[bytes]:
    """The frames of a capture, each once."""
    found, place = [], 0
    while place < len(capture):
        kind, length = struct.unpack_from("<II", capture, place)
        if kind == 6:
            (captured,) = struct.unpack_from("<I", capture, place + 20)
            found.append(capture[place + 28 : place + 28 + captured])
        place += length
    return sorted(set(found))


def mutated(frame: bytes, chance: random.Random) -> bytes:
    changed = bytearray(frame)
    for _ in range(chance.randint(1, 4)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed[: chance.randint(1, len(changed))] if chance.random() < 0.3 else changed)


def assert_nothing_vanished(found: CapturedPacket) -> None:
    """A packet is understood to its end, or says where that ended; then what came before it is there."""
    understood = found.ip is not None or found.arp is not None
    has_transport = any((found.tcp, found.udp, found.icmp))
    assert understood or found.unread in ("Ethernet", "IP", "ARP")
    assert found.unread not in ("TCP", "UDP", "ICMP") or found.ip is not None
    assert found.unread != "DNS" or has_transport
    if found.ip is not None and not found.unread and not found.ip.fragment_offset and found.ip.protocol in (1, 6, 17):
        assert has_transport
    assert isinstance(kinds(found), frozenset)


def test_no_bit_that_is_flipped_in_a_real_capture_makes_a_frame_vanish() -> None:
    chance = random.Random(7)
    frames = [*SEEDS, *frames_of(REAL.read_bytes())]

    found = reading(header("a"), *(packet(mutated(chance.choice(frames), chance)) for _ in range(4000)))

    assert (len(found.packets), found.frames, found.stopped) == (4000, {"a": 4000}, None)
    for each in found.packets:
        assert_nothing_vanished(each)


def test_a_frame_that_is_cut_anywhere_is_not_taken_for_a_whole_one() -> None:
    whole = bytes(ethernet() / IP() / TCP(flags="PA") / Raw(b"x"))

    found = reading(header("a"), *(packet(whole[:length]) for length in range(1, len(whole) + 1)))

    assert [each.unread for each in found.packets].count(None) == 1
    assert found.packets[-1].unread is None


LINK_PROTOCOLS = (0x9000, 0x88CC, 0x8942)  # loop detection, LLDP, and its like of wireless bridges


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
    assume(int.from_bytes(frame[12:14]) not in LINK_PROTOCOLS)  # these are understood, and belong to nobody

    found = read(tmp_path_factory.getbasetemp(), header("a"), packet(bytes(frame[:length])))

    assert len(found) == 1
    assert_nothing_vanished(found[0])


@pytest.mark.parametrize("ip", [IP(src="10.8.0.10", dst="10.0.1.10", ttl=60), IPv6(src="fd00:8::10", dst="fd00::1")])
def test_a_packet_at_a_tunnel_s_end_is_read_as_on_a_cable_without_link_addresses(tmp_path: Path, ip: Packet) -> None:
    inner = ip / TCP(sport=50000, dport=22, flags="S", seq=7)
    (cabled,) = read(tmp_path, header("eth0"), packet(bytes(Ether(src="02:00:00:00:00:01") / inner)))

    (tunnelled,) = read(tmp_path, tunnel_header("tun0"), packet(bytes(inner)))

    assert tunnelled.identity == cabled.identity
    assert tunnelled.ip == cabled.ip
    assert tunnelled.unread is None
    assert (tunnelled.link_source, tunnelled.link_destination) == ("", "")
    assert (tunnelled.length, cabled.length) == (len(inner), len(inner) + 14)


def outer(payload: bytes) -> bytes:
    return bytes(Ether() / IP(src="192.168.1.10", dst="100.64.8.2") / UDP(sport=40000, dport=1194) / Raw(payload))


def test_of_openvpn_s_data_the_number_is_read_and_of_its_control_messages_that_they_are_some(tmp_path: Path) -> None:
    data, control = bytes([9 << 3, 0, 0, 0]) + (77).to_bytes(4, "big") + bytes(40), bytes([7 << 3]) + bytes(13)

    first, second = read(tmp_path, header("eth0"), packet(outer(data)), packet(outer(control)))

    assert first.openvpn == OpenVpn(is_data=True, number=77)
    assert kinds(first) == {"OpenVPN data"}
    assert second.openvpn == OpenVpn(is_data=False)
    assert kinds(second) == {"OpenVPN control"}


@pytest.mark.parametrize("payload", [b"\x00hello", bytes([31 << 3]), bytes([9 << 3, 0, 0])])
def test_what_cannot_be_openvpn_s_is_not_understood(tmp_path: Path, payload: bytes) -> None:
    (odd,) = read(tmp_path, header("eth0"), packet(outer(payload)))
    assert (odd.openvpn, odd.unread) == (None, "OpenVPN")
    assert odd.udp is not None
