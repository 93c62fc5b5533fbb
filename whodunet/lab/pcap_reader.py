"""Reads a capture, pcapng or pcap, and has scapy dissect each frame, layer by layer.

The only module of the program that imports scapy. What cannot be read is never left out silently: a frame keeps the
layers that were understood and says where that ended, and a file that cannot be read to its end says so.
"""

from __future__ import annotations

import hashlib
import logging
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from whodunet.importing import stand_ins, without

with without("cryptography"):  # with which scapy could encrypt: a fifth of its import
    import scapy.main
    from scapy.config import conf

if conf.route_autoload:  # scapy would ask for this machine's routes, a quarter of its import; nothing is sent here
    conf.route_autoload = conf.route6_autoload = False

# The names of all makers of network cards are a fifth of its import; it would keep a copy of them in the user's home.
with stand_ins({"scapy.libs.manuf": {"DATA": ""}, "scapy.libs.bluetoothids": {"DATA": {}}}):
    scapy.main.SCAPY_CACHE_FOLDER = None
    from scapy.layers.dns import DNS

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.l2 import ARP, GRE, LLC, Dot1AD, Dot1Q, Ether
from scapy.packet import Packet

from whodunet.errors import InvalidInput, Problem
from whodunet.evidence.capture import CaptureContent
from whodunet.evidence.packets import (
    ECHO_REPLY,
    ECHO_REQUEST,
    ICMPV6,
    NEIGHBOUR_ADVERTISEMENT,
    NEIGHBOUR_SOLICITATION,
    OPENVPN_PORT,
    Arp,
    CapturedPacket,
    Direction,
    Dns,
    Flow,
    Icmp,
    Ip,
    Layer,
    OpenVpn,
    Tcp,
    Udp,
)
from whodunet.lab.classic_pcap import ClassicHeader, CutShort, header_of, packets_of
from whodunet.lab.link_headers import ETHERNET, as_ethernet

logging.getLogger("scapy").setLevel(logging.CRITICAL)  # it warns of frames that make no sense; here they are counted

# Source: draft-ietf-opsawg-pcapng, sections 4.1 to 4.6 (block types), 4.2 (if_name 2, if_tsresol 9), 4.3 (epb_flags 2)
SECTION_HEADER, INTERFACE, ENHANCED_PACKET, STATISTICS = 0x0A0D0D0A, 1, 6, 5
BYTE_ORDER_MAGIC = b"\x1a\x2b\x3c\x4d"
IF_NAME, IF_TSRESOL, EPB_FLAGS, ISB_IFDROP, ISB_OSDROP = 2, 9, 2, 5, 7
KEPT_PAYLOAD_BYTES = 64

# By what of a frame is the same at every hop, its TTL (none: whatever it is), and its length on the wire.
Dissected: TypeAlias = dict[tuple[bytes, bytes, int], CapturedPacket]


@dataclass(frozen=True)
class Block:
    """One block of the file."""

    type: int
    body: bytes
    order: str  # struct's letter for the section's byte order


@dataclass(frozen=True)
class Port:
    """An interface of the current section."""

    name: str
    ticks_per_s: int
    link_type: int = ETHERNET


def read_capture(path: Path) -> Sequence[CapturedPacket]:
    """All packets of a capture file, in its order, as far as it can be read.

    Raises:
        InvalidInput: when the file cannot be read or is neither pcapng nor pcap.
    """
    return read(content_of(path), str(path)).packets


def read(capture: bytes, place: str = "the capture") -> CaptureContent:
    """All that a pcapng or pcap file holds; reading ends at the first block or packet that makes no sense.

    Raises:
        InvalidInput: when it is neither.
    """
    classic = header_of(capture)
    if classic is not None:
        return _read_classic(capture, classic)
    if len(capture) < 12 or capture[:4] != struct.pack(">I", SECTION_HEADER):
        begins = capture[:4].hex(" ") or "nothing"
        wrong = f"is not a pcapng file: it begins with {begins} instead of 0a 0d 0d 0a"
        raise InvalidInput(Problem(place, wrong, "convert it with `editcap -F pcapng`, or record it again"))
    ports: list[Port] = []
    packets: list[CapturedPacket] = []
    frames: Counter[str] = Counter()
    dissected: Dissected = {}
    stopped = None
    try:
        for block in _blocks(capture):
            if block.type == SECTION_HEADER:
                ports = []
            elif block.type == INTERFACE:
                ports.append(_port(block, len(ports)))
                frames.setdefault(ports[-1].name, 0)
            elif block.type == ENHANCED_PACKET:
                packets.append(_packet(block, ports, dissected))
                frames[packets[-1].point] += 1
    except Unreadable as unreadable:
        stopped = str(unreadable)
    return CaptureContent(packets, frames, stopped, hashlib.sha256(capture).hexdigest())


def _read_classic(capture: bytes, header: ClassicHeader) -> CaptureContent:
    """A file of one interface that has no name, whatever it was."""
    port = Port("interface 0", 10**9, header.link_type)
    packets: list[CapturedPacket] = []
    dissected: Dissected = {}
    stopped = None
    try:
        for packet in packets_of(capture, header):
            packets.append(_captured(packet.frame, packet.length, port, packet.time_ns, None, dissected))
    except (CutShort, Unreadable) as reason:
        stopped = str(reason)
    frames = {port.name: len(packets)}
    return CaptureContent(packets, frames, stopped, hashlib.sha256(capture).hexdigest())


def content_of(path: Path, size_bytes: int | None = None) -> bytes:
    """The bytes of a capture file, or the first of them where it is still being written.

    Raises:
        InvalidInput: when the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(-1 if size_bytes is None else size_bytes)
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        raise InvalidInput(Problem(str(path), problem, "give the capture.pcapng of a run folder")) from error


class Unreadable(Exception):
    """Why reading ended before the end of the file."""


def _blocks(capture: bytes) -> Iterator[Block]:
    """The blocks of the file.

    Raises:
        Unreadable: at the first that is not there as a whole.
    """
    place, order = 0, "<"
    while place < len(capture):
        if capture[place : place + 4] == b"\x0a\x0d\x0d\x0a":
            order = ">" if capture[place + 8 : place + 12] == BYTE_ORDER_MAGIC else "<"
        length = _block_length(capture, place, order)
        yield Block(struct.unpack_from(order + "I", capture, place)[0], capture[place + 8 : place + length - 4], order)
        place += length


def _block_length(capture: bytes, place: int, order: str) -> int:
    """Source: draft-ietf-opsawg-pcapng, section 3.1: the length stands at both ends and is a multiple of four."""
    if place + 12 > len(capture):
        raise Unreadable(f"it breaks off inside the block at byte {place}")
    (length,) = struct.unpack_from(order + "I", capture, place + 4)
    if length < 12 or length % 4:
        raise Unreadable(f"the block at byte {place} has an impossible length of {length}")
    if place + length > len(capture):
        raise Unreadable(f"it breaks off inside the block at byte {place}")
    if struct.unpack_from(order + "I", capture, place + length - 4)[0] != length:
        raise Unreadable(f"the two lengths of the block at byte {place} differ")
    return int(length)


def _options(block: Block, place: int) -> Iterator[tuple[int, bytes]]:
    while place + 4 <= len(block.body):
        code, length = struct.unpack_from(block.order + "HH", block.body, place)
        if code == 0:
            return
        yield code, block.body[place + 4 : place + 4 + length]
        place += 4 + length + -length % 4


def _number(block: Block, value: bytes) -> int:
    return int.from_bytes(value, "little" if block.order == "<" else "big")


def _port(block: Block, number: int) -> Port:
    """The interface of an interface description block.

    Raises:
        Unreadable: when the resolution of its clock is not said as it has to be.
    """
    options = dict(_options(block, 8))
    name = options.get(IF_NAME, f"interface {number}".encode()).decode(errors="replace")
    stated = options.get(IF_TSRESOL, b"\x06")  # "If this option is not present, a resolution of 10^-6 is assumed"
    if len(stated) != 1:
        raise Unreadable(f"the resolution of {name}'s clock is not one byte")
    (resolution,) = stated
    (link_type,) = struct.unpack_from(block.order + "H", block.body)
    ticks_per_s = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
    return Port(name, ticks_per_s, link_type)


def _packet(block: Block, ports: list[Port], dissected: Dissected) -> CapturedPacket:
    """The packet of an enhanced packet block.

    Raises:
        Unreadable: when the block contradicts itself or names no known interface.
    """
    if len(block.body) < 20:
        raise Unreadable("a packet's block is too short for its own header")
    number, high, low, captured, original = struct.unpack_from(block.order + "IIIII", block.body)
    if number >= len(ports):
        raise Unreadable(f"a packet is of interface {number}, which the file does not describe")
    if 20 + captured > len(block.body):
        raise Unreadable("a packet is longer than its block")
    port = ports[number]
    time_ns = (high << 32 | low) * 1_000_000_000 // port.ticks_per_s
    direction = _direction(block, 20 + captured)
    return _captured(block.body[20 : 20 + captured], original, port, time_ns, direction, dissected)


def _captured(
    frame: bytes, length: int, port: Port, time_ns: int, direction: Direction | None, dissected: Dissected
) -> CapturedPacket:
    """The packet of a frame, so that it is dissected once, whether a cable or a tunnel's end saw it.

    Args:
        direction: None: the file does not say, and the frame's own header may.

    Raises:
        Unreadable: when its link type is none of those that can be read.
    """
    link = as_ethernet(frame, port.link_type)
    if link is None:
        raise Unreadable(f"{port.name} has link type {port.link_type}, which is none that is known here")
    return replace(
        _understood(link.frame, length + link.added_bytes, dissected),
        point=port.name,
        time_ns=time_ns,
        direction=direction or link.direction or "in",
        link_source=link.source,
        link_destination=link.destination,
        length=length,
    )


# A packet is seen at every hop, and what a router changes of it does not change what the rest of it says: the addresses
# of the link, IPv4's TTL and header checksum, IPv6's hop limit. Source: RFC 791, section 3.1; RFC 8200, section 3
_TTL_AT: Final = {b"\x08\x00": 22, b"\x86\xdd": 21}


def _understood(frame: bytes, length: int, dissected: Dissected) -> CapturedPacket:
    """What the frame's headers say, whose link and time are another's; dissected once for all hops.

    Args:
        length: bytes of the frame on the wire.
        dissected: what was understood of earlier frames, without their TTL and with it.
    """
    ttl_at = _TTL_AT.get(frame[12:14], len(frame))
    ttl = frame[ttl_at : ttl_at + 1]
    lasting = _lasting(frame, ttl_at)
    if (at_hop := (lasting, ttl, length)) not in dissected:
        at_any_hop = lasting, b"", length
        if at_any_hop not in dissected:
            dissected[at_any_hop] = _dissected(frame, length)
        dissected[at_hop] = _with_ttl(dissected[at_any_hop], ttl)
    return dissected[at_hop]


def _lasting(frame: bytes, ttl_at: int) -> bytes:
    """What of a frame is the same at every hop."""
    checksum_at = 24 if ttl_at == 22 else len(frame)
    return frame[12:ttl_at] + frame[ttl_at + 1 : checksum_at] + frame[checksum_at + 2 :]


def _with_ttl(packet: CapturedPacket, ttl: bytes) -> CapturedPacket:
    """A packet that was dissected at one hop as it is where its outermost header has this TTL; none: it has none."""
    outer = packet.tunnel[0] if packet.tunnel else packet.ip
    if outer is None or not ttl or outer.ttl == ttl[0]:
        return packet
    outer = replace(outer, ttl=ttl[0])
    return replace(packet, tunnel=(outer, *packet.tunnel[1:])) if packet.tunnel else replace(packet, ip=outer)


def _direction(block: Block, after_frame: int) -> Direction | None:
    flags = dict(_options(block, after_frame + -after_frame % 4)).get(EPB_FLAGS, b"")
    return _DIRECTIONS.get(_number(block, flags) & 0b11)


_DIRECTIONS: Final[dict[int, Direction]] = {0b01: "in", 0b10: "out"}


# Dissection: scapy's layers, taken one after the other. Where scapy finds that a header makes no sense, it leaves the
# bytes as Raw; so a layer is understood when it is what the header before it announces.

# Source: IEEE 802 numbers (IANA). Frames of these types are part of no conversation: loopback test, LLDP, BDDP.
_LINK_PROTOCOLS: Final = frozenset({0x9000, 0x88CC, 0x8942})
_ANNOUNCED: Final[dict[int, Layer]] = {0x0800: "IP", 0x86DD: "IP", 0x0806: "ARP"}
_LLC_PROTOCOLS: Final = frozenset({0x42, 0xAA})  # IEEE 802.2: spanning tree, and SNAP, which switches speak
_ETHERNET_BYTES, _IPV6_HEADER_BYTES, _TCP_HEADER_BYTES, _UDP_HEADER_BYTES = 14, 40, 20, 8
# Source: protocol numbers (IANA)
_ICMP, _TCP, _UDP = 1, 6, 17
_TUNNELS: Final = frozenset({4, 41, 47})  # IPv4 in IP, IPv6 in IP, GRE
# IGMP, RSVP, ESP, AH, "no next header", EIGRP, OSPF, PIM, VRRP, L2TP, SCTP, UDP-Lite: no kind of packet that can be
# claimed is one of them, so nothing is missed when they are not read.
_OTHER_PROTOCOLS: Final = frozenset({2, 46, 50, 51, 59, 88, 89, 103, 112, 115, 132, 136})
_EXTENSIONS: Final = (IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment)
_DNS_PORT, _DNS_HEADER_BYTES = 53, 12
_ADDRESS_RECORDS: Final = frozenset({1, 28})  # A and AAAA. Source: RFC 1035, section 3.2.2; RFC 3596, section 2.1
# Source: OpenVPN's wire protocol (openvpn-rfc), "packet opcodes"; of data, the number of a packet is not encrypted
_OPENVPN_OPCODES: Final = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})
_OPENVPN_DATA: Final = {6: 1, 9: 4}  # opcode: bytes before that number
# Source: RFC 792; RFC 4443, section 2.1
_ICMP_ERRORS: Final = {_ICMP: frozenset({3, 4, 5, 11, 12}), ICMPV6: frozenset({1, 2, 3, 4})}


def _dissected(frame: bytes, length: int) -> CapturedPacket:
    """What the frame's headers say, as far as they make sense.

    Args:
        length: bytes of the frame on the wire, of which fewer may have been recorded.
    """
    bare = CapturedPacket("", 0, "in", frame[6:12].hex(":"), frame[:6].hex(":"), length)
    if len(frame) < _ETHERNET_BYTES:
        return replace(bare, unread="Ethernet")
    packet = _read(bare, "Ethernet", lambda: _with_network(bare, Ether(frame)))
    outer = packet.tunnel[0] if packet.tunnel else packet.ip
    is_short = outer is not None and _ETHERNET_BYTES + outer.length > length
    return replace(packet, unread=packet.unread or "IP") if is_short else packet


def _read(so_far: CapturedPacket, layer: Layer, reading: Callable[[], CapturedPacket]) -> CapturedPacket:
    """What the next layer adds; when it cannot be made sense of, whatever scapy raises, what was understood before."""
    try:
        return reading()
    except Exception:
        return replace(so_far, unread=layer)


def _expected(kind: type[Packet], layer: Any) -> Any:
    """The layer, when it is the one that the header before it announces; scapy makes Raw of what makes no sense."""
    if not isinstance(layer, kind):
        raise ValueError(f"no {kind.__name__}")
    return layer


def _with_network(packet: CapturedPacket, link: Any) -> CapturedPacket:
    kind, inner = int(getattr(link, "type", 0)), link.payload  # 802.3 has a length in its type's place
    while isinstance(inner, Dot1Q | Dot1AD):
        kind, inner = int(inner.type), inner.payload
    if isinstance(inner, ARP):
        return _read(packet, "ARP", lambda: replace(packet, arp=_arp(inner)))
    if isinstance(inner, IP | IPv6):
        return _read(packet, "IP", lambda: _with_ip(packet, inner))
    is_link_protocol = kind in _LINK_PROTOCOLS or (isinstance(inner, LLC) and inner.dsap in _LLC_PROTOCOLS)
    return packet if is_link_protocol else replace(packet, unread=_ANNOUNCED.get(kind, "Ethernet"))


def _arp(arp: Any) -> Arp:
    """Source: RFC 826; for IPv4 over Ethernet."""
    if (arp.hwtype, arp.ptype, arp.hwlen, arp.plen) != (1, 0x0800, 6, 4):
        raise ValueError("not for IPv4 over Ethernet")
    return Arp(int(arp.op), str(arp.psrc), str(arp.hwsrc), str(arp.pdst))


def _with_ip(packet: CapturedPacket, layer: Any) -> CapturedPacket:
    """The packet with this IP header and what it carries; a header that was there before is a tunnel around it."""
    ip, payload, payload_bytes = _ipv4(layer) if isinstance(layer, IP) else _ipv6(layer)
    tunnel = packet.tunnel if packet.ip is None else (*packet.tunnel, packet.ip)
    packet = replace(packet, ip=ip, tunnel=tunnel)
    if payload_bytes < 0:  # a header that is longer than its packet
        return replace(packet, unread="IP")
    return packet if ip.fragment_offset > 0 else _with_transport(packet, ip, payload, payload_bytes)


def _ipv4(ip: Any) -> tuple[Ip, Packet, int]:
    """The header, what it carries, and the length of that in bytes. Source: RFC 791, section 3.1."""
    if int(ip.version) != 4 or int(ip.ihl) < 5:
        raise ValueError("a header that contradicts itself")
    flags, offset = int(ip.flags), 8 * int(ip.frag)
    dont_fragment, more_fragments = bool(flags & 0b010), bool(flags & 0b001)
    numbers = (int(ip.ttl), int(ip.id), int(ip.proto), int(ip.len))
    header = Ip(ip.src, ip.dst, *numbers, dont_fragment, offset, more_fragments)
    return header, ip.payload, header.length - 4 * int(ip.ihl)


def _ipv6(ip: Any) -> tuple[Ip, Packet, int]:
    """The same of IPv6, extension headers included. Source: RFC 8200, sections 3 and 4."""
    if int(ip.version) != 6:
        raise ValueError("a header that contradicts itself")
    layer, protocol, payload_bytes = ip.payload, int(ip.nh), int(ip.plen)
    number, offset, more_fragments = 0, 0, False
    while isinstance(layer, _EXTENSIONS):
        if isinstance(layer, IPv6ExtHdrFragment):
            number, offset, more_fragments = int(layer.id), 8 * int(layer.offset), bool(layer.m)
        payload_bytes -= 8 * (1 + int(getattr(layer, "len", 0)))
        protocol, layer = int(layer.nh), layer.payload
    length = _IPV6_HEADER_BYTES + int(ip.plen)
    header = Ip(ip.src, ip.dst, int(ip.hlim), number, protocol, length, False, offset, more_fragments, version=6)
    return header, layer, payload_bytes


def _with_transport(packet: CapturedPacket, ip: Ip, layer: Any, length: int) -> CapturedPacket:
    """The packet with what its IP header announces.

    Args:
        length: bytes that the IP header announces; Ethernet pads short frames, so lengths decide.
    """
    if ip.protocol == _TCP:
        return _read(packet, "TCP", lambda: _with_tcp(packet, layer, length))
    if ip.protocol == _UDP:
        return _read(packet, "UDP", lambda: _with_udp(packet, layer, length))
    if ip.protocol in _ICMP_ERRORS:
        return _read(packet, "ICMP", lambda: _with_icmp(packet, ip, layer.original[:length]))
    if ip.protocol in _TUNNELS:
        return _read(packet, "IP", lambda: _with_tunnelled(packet, layer))
    return packet if ip.protocol in _OTHER_PROTOCOLS else replace(packet, unread="IP")


def _with_tunnelled(packet: CapturedPacket, layer: Any) -> CapturedPacket:
    """What IP in IP and GRE (RFC 2784) carry; an address of the outer header is not an address of the inner packet."""
    inner = layer.payload if isinstance(layer, GRE) else layer
    if isinstance(inner, Ether) and packet.ip is not None:
        return _with_network(replace(packet, ip=None, tunnel=(*packet.tunnel, packet.ip)), inner)
    if isinstance(inner, IP | IPv6):
        return _with_ip(packet, inner)
    is_keepalive = isinstance(layer, GRE) and not layer.proto
    return packet if is_keepalive else replace(packet, unread="IP")


def _with_tcp(packet: CapturedPacket, tcp: Any, length: int) -> CapturedPacket:
    """Source: RFC 9293, section 3.1."""
    header_bytes = 4 * int(_expected(TCP, tcp).dataofs)
    is_sound = _TCP_HEADER_BYTES <= header_bytes <= length
    payload_bytes = length - header_bytes if is_sound else 0
    payload = bytes(tcp.payload)[: min(payload_bytes, KEPT_PAYLOAD_BYTES)]
    numbers = (int(tcp.seq), int(tcp.ack), int(tcp.window))
    header = Tcp(int(tcp.sport), int(tcp.dport), _tcpdump_flags(int(tcp.flags)), *numbers, payload, payload_bytes)
    packet = replace(packet, tcp=header)
    return _with_dns(packet, tcp.payload, payload_bytes) if is_sound else replace(packet, unread="TCP")


def _tcpdump_flags(bits: int) -> str:
    """The flags in tcpdump's letters; Source: tcpdump(8), "TCP Packets": S, F, P, R, U, W, E, `.` for ACK."""
    letters = ((1, "F"), (2, "S"), (4, "R"), (8, "P"), (16, "."), (32, "U"), (64, "E"), (128, "W"))
    return "".join(letter for bit, letter in letters if bits & bit)


def _with_udp(packet: CapturedPacket, udp: Any, length: int) -> CapturedPacket:
    """Source: RFC 768. A first fragment has less than its UDP header announces."""
    payload_bytes = int(_expected(UDP, udp).len) - _UDP_HEADER_BYTES
    packet = replace(packet, udp=Udp(int(udp.sport), int(udp.dport), max(0, payload_bytes)))
    is_sound = payload_bytes >= 0 and (payload_bytes + _UDP_HEADER_BYTES <= length or _is_fragment(packet))
    if not is_sound:
        return replace(packet, unread="UDP")
    if payload_bytes and OPENVPN_PORT in (packet.ports or ()):
        return _read(packet, "OpenVPN", lambda: replace(packet, openvpn=_openvpn(bytes(udp.payload))))
    return _with_dns(packet, udp.payload, payload_bytes)


def _openvpn(message: bytes) -> OpenVpn:
    opcode = message[0] >> 3
    if opcode not in _OPENVPN_OPCODES:
        raise ValueError("an opcode that OpenVPN does not have")
    if opcode not in _OPENVPN_DATA:
        return OpenVpn(is_data=False)
    (number,) = struct.unpack_from(">I", message, _OPENVPN_DATA[opcode])
    return OpenVpn(is_data=True, number=number)


def _is_fragment(packet: CapturedPacket) -> bool:
    return packet.ip is not None and packet.ip.is_fragment


def _with_dns(packet: CapturedPacket, message: Any, length: int) -> CapturedPacket:
    """The packet with the DNS message that its ports announce."""
    if not length or _DNS_PORT not in (packet.ports or ()):
        return packet
    return _read(packet, "DNS", lambda: replace(packet, dns=_dns(message)))


def _dns(message: Any) -> Dns:
    """Source: RFC 1035, section 4.1; a message may have no question, and then says so. The root's name is one zero."""
    question = message.qd[0] if _expected(DNS, message).qd else None
    qname = question.qname.decode(errors="replace").rstrip(".") if question is not None else ""
    if message.qdcount and not qname and message.original[_DNS_HEADER_BYTES:][:1] != b"\0":
        raise ValueError("no name where one is announced")
    qtype = int(question.qtype) if question is not None else 0
    records = message.an or ()
    addresses = tuple(str(record.rdata) for record in records if record.type in _ADDRESS_RECORDS)
    return Dns(int(message.id), bool(message.qr), int(message.rcode), qname, qtype, addresses)


def _with_icmp(packet: CapturedPacket, ip: Ip, message: bytes) -> CapturedPacket:
    """Source: RFC 792 and RFC 4443: eight bytes, then, in an error, the packet that it is about."""
    kind, code, _, one, other = struct.unpack_from(">BBHHH", message)
    if kind in (ECHO_REQUEST[ip.protocol], ECHO_REPLY[ip.protocol]):
        return replace(packet, icmp=Icmp(kind, code, one, other))
    is_too_big = (ip.protocol, kind, code) == (_ICMP, 3, 4) or (ip.protocol, kind) == (ICMPV6, 2)
    is_of_neighbours = ip.protocol == ICMPV6 and kind in (NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT)
    if is_of_neighbours:
        _require_sound_options(message[24:])
    target = socket.inet_ntop(socket.AF_INET6, message[8:24]) if is_of_neighbours else ""
    icmp = Icmp(kind, code, next_hop_mtu=other if is_too_big else 0, target=target)
    packet = replace(packet, icmp=icmp)
    if kind not in _ICMP_ERRORS[ip.protocol]:
        return packet
    return _read(packet, "ICMP", lambda: replace(packet, icmp=_with_quoted(icmp, message[8:], ip.version)))


def _require_sound_options(options: bytes) -> None:
    """Those of a neighbour's message, which nobody hears if one has no length. Source: RFC 4861, sections 4.6 and 7.1.

    Raises:
        ValueError, IndexError: when one has none, or is longer than the message.
    """
    while options:
        length = 8 * options[1]
        if not 0 < length <= len(options):
            raise ValueError("an option without a length, or with too much of it")
        options = options[length:]


def _with_quoted(icmp: Icmp, quote: bytes, version: int) -> Icmp:
    """An ICMP error with the flow of the packet that it quotes, and which of that flow it is; none without ports.

    Not by scapy: RFC 792 asks for 64 bits of what follows the IP header, too short for scapy's TCP, enough for ports.

    Raises:
        ValueError, IndexError, struct.error: when the quote is too short for what it announces.
    """
    if quote[0] >> 4 != version:
        raise ValueError("quotes another version of IP")
    if version == 4:
        protocol, ends, transport = quote[9], (quote[12:16], quote[16:20]), quote[4 * (quote[0] & 0x0F) :]
        family = socket.AF_INET
    else:
        protocol, ends, transport = quote[6], (quote[8:24], quote[24:40]), quote[_IPV6_HEADER_BYTES:]
        family = socket.AF_INET6
    source, destination = (socket.inet_ntop(family, end) for end in ends)
    if protocol in (_TCP, _UDP):
        source_port, destination_port = struct.unpack_from(">HH", transport)
        flow = Flow.between(protocol, (source, source_port), (destination, destination_port))
        number = struct.unpack_from(">I", transport, 4)[0] if protocol == _TCP else None
        return replace(icmp, quoted=flow, quoted_number=number)
    if protocol in _ICMP_ERRORS and transport[0] in (ECHO_REQUEST[protocol], ECHO_REPLY[protocol]):
        identifier, number = struct.unpack_from(">HH", transport, 4)
        flow = Flow.between(protocol, (source, identifier), (destination, identifier))
        return replace(icmp, quoted=flow, quoted_number=number)
    return icmp
