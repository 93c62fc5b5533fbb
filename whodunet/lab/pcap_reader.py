"""Reads a capture: the blocks of a pcapng file, and scapy's dissection of each frame.

The only module of the program that imports scapy.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scapy.layers.dns import DNS
from scapy.layers.inet import ICMP, IP, TCP, UDP, ICMPerror, IPerror, TCPerror, UDPerror
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from whodunet.core.errors import InvalidInput, Problem
from whodunet.core.packets import Arp, CapturedPacket, Direction, Dns, Flow, Icmp, Ip, Tcp, Udp

# Source: draft-ietf-opsawg-pcapng, sections 4.1 to 4.6 (block types), 4.2 (if_name 2, if_tsresol 9), 4.3 (epb_flags 2)
SECTION_HEADER, INTERFACE, ENHANCED_PACKET, STATISTICS = 0x0A0D0D0A, 1, 6, 5
BYTE_ORDER_MAGIC = b"\x1a\x2b\x3c\x4d"
IF_NAME, IF_TSRESOL, EPB_FLAGS, ISB_IFDROP, ISB_OSDROP = 2, 9, 2, 5, 7
KEPT_PAYLOAD_BYTES = 64
ECHO_TYPES = (0, 8)


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


def read_capture(path: Path) -> list[CapturedPacket]:
    """All packets of a pcapng file, in its order; a last block that is still being written is left out.

    Raises:
        InvalidInput: when the file cannot be read or is no pcapng.
    """
    capture = _content(path)
    ports: list[Port] = []
    packets: list[CapturedPacket] = []
    dissected: dict[bytes, CapturedPacket] = {}
    for block in _blocks(capture):
        if block.type == SECTION_HEADER:
            ports = []
        elif block.type == INTERFACE:
            ports.append(_port(block, len(ports)))
        elif block.type == ENHANCED_PACKET:
            packets.extend(_packet(block, ports, dissected))
    return packets


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        raise InvalidInput(Problem(str(path), problem, "give the capture.pcapng of a run folder")) from error
    if len(content) < 12 or content[:4] != struct.pack(">I", SECTION_HEADER):
        begins = content[:4].hex(" ") or "nothing"
        wrong = f"is no pcapng file: it begins with {begins} instead of 0a 0d 0d 0a"
        raise InvalidInput(Problem(str(path), wrong, "convert it with `editcap -F pcapng`, or record it again"))
    return content


def _blocks(capture: bytes) -> Iterator[Block]:
    """The blocks that are there as a whole; ends at the first that is not."""
    place, order = 0, "<"
    while place + 12 <= len(capture):
        if capture[place : place + 4] == b"\x0a\x0d\x0d\x0a":
            order = ">" if capture[place + 8 : place + 12] == BYTE_ORDER_MAGIC else "<"
        kind, length = struct.unpack_from(order + "II", capture, place)
        if length < 12 or length % 4 or place + length > len(capture):
            return
        yield Block(kind, capture[place + 8 : place + length - 4], order)
        place += length


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
    options = dict(_options(block, 8))
    name = options.get(IF_NAME, f"interface {number}".encode()).decode(errors="replace")
    resolution = options.get(IF_TSRESOL, b"\x06")[
        0
    ]  # "If this option is not present, a resolution of 10^-6 is assumed"
    return Port(name, 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution)


def _packet(block: Block, ports: list[Port], dissected: dict[bytes, CapturedPacket]) -> Iterator[CapturedPacket]:
    """The packet of an enhanced packet block; none when the block contradicts itself or names no known interface."""
    if len(block.body) < 20:
        return
    number, high, low, captured, original = struct.unpack_from(block.order + "IIIII", block.body)
    if number >= len(ports) or 20 + captured > len(block.body):
        return
    frame = block.body[20 : 20 + captured]
    if frame not in dissected:  # both ends of a cable see the same bytes
        dissected[frame] = _dissected(frame, original)
    port = ports[number]
    time_ns = (high << 32 | low) * 1_000_000_000 // port.ticks_per_s
    yield replace(dissected[frame], point=port.name, time_ns=time_ns, direction=_direction(block, 20 + captured))


def _direction(block: Block, after_frame: int) -> Direction:
    flags = dict(_options(block, after_frame + -after_frame % 4)).get(EPB_FLAGS, b"")
    return "out" if _number(block, flags) & 0b11 == 0b10 else "in"


def _dissected(frame: bytes, length: int) -> CapturedPacket:
    """What the frame's headers say; headers that cannot be made sense of are left out, whatever scapy raises."""
    bare = CapturedPacket("", 0, "in", frame[6:12].hex(":"), frame[:6].hex(":"), length)
    try:
        return _with_headers(bare, Ether(frame))
    except Exception:
        return bare


def _with_headers(bare: CapturedPacket, ether: Packet) -> CapturedPacket:
    if ARP in ether:
        return replace(bare, arp=_arp(ether[ARP]))
    if IP not in ether:
        return bare
    ip = ether[IP]
    return replace(bare, ip=_ip(ip), tcp=_tcp(ip), udp=_udp(ip), icmp=_icmp(ip), dns=_dns(ip))


def _arp(arp: Any) -> Arp:
    return Arp(int(arp.op), str(arp.psrc), str(arp.hwsrc), str(arp.pdst))


def _ip(ip: Any) -> Ip:
    df = bool(int(ip.flags) & 0b010)
    return Ip(ip.src, ip.dst, int(ip.ttl), int(ip.id), int(ip.proto), int(ip.len), df, 8 * int(ip.frag))


def _tcp(ip: Any) -> Tcp | None:
    if TCP not in ip:
        return None
    tcp = ip[TCP]
    payload_bytes = max(
        0, int(ip.len) - 4 * int(ip.ihl) - 4 * int(tcp.dataofs)
    )  # Ethernet pads short frames: lengths decide
    payload = bytes(tcp.payload)[: min(payload_bytes, KEPT_PAYLOAD_BYTES)]
    flags = _tcpdump_flags(int(tcp.flags))
    return Tcp(
        int(tcp.sport), int(tcp.dport), flags, int(tcp.seq), int(tcp.ack), int(tcp.window), payload, payload_bytes
    )


def _tcpdump_flags(bits: int) -> str:
    """The flags in tcpdump's letters; Source: tcpdump(8), "TCP Packets": S, F, P, R, U, W, E, `.` for ACK."""
    letters = ((1, "F"), (2, "S"), (4, "R"), (8, "P"), (16, "."), (32, "U"), (64, "E"), (128, "W"))
    return "".join(letter for bit, letter in letters if bits & bit)


def _udp(ip: Any) -> Udp | None:
    if UDP not in ip:
        return None
    udp = ip[UDP]
    return Udp(int(udp.sport), int(udp.dport), max(0, int(udp.len or 8) - 8))


def _icmp(ip: Any) -> Icmp | None:
    if ICMP not in ip:
        return None
    icmp = ip[ICMP]
    if icmp.type in ECHO_TYPES:
        return Icmp(int(icmp.type), int(icmp.code), int(icmp.id or 0), int(icmp.seq or 0))
    mtu = int(icmp.nexthopmtu or 0) if (icmp.type, icmp.code) == (3, 4) else 0
    return Icmp(int(icmp.type), int(icmp.code), quoted=_quoted(icmp), next_hop_mtu=mtu)


def _quoted(icmp: Any) -> Flow | None:
    """The flow of the packet that an ICMP error quotes."""
    if IPerror not in icmp:
        return None
    ip = icmp[IPerror]
    ports = _quoted_ports(ip)
    return ports and Flow.between(int(ip.proto), (ip.src, ports[0]), (ip.dst, ports[1]))


def _quoted_ports(ip: Any) -> tuple[int, int] | None:
    for layer in (TCPerror, UDPerror):
        if layer in ip:
            return int(ip[layer].sport), int(ip[layer].dport)
    if ICMPerror in ip:
        return int(ip[ICMPerror].id or 0), int(ip[ICMPerror].id or 0)
    quote = bytes(ip.payload)  # RFC 792: at least 64 bits, which is too short for scapy's TCP, and enough for the ports
    return (int.from_bytes(quote[:2]), int.from_bytes(quote[2:4])) if len(quote) >= 4 else None


def _dns(ip: Any) -> Dns | None:
    if DNS not in ip:
        return None
    dns = ip[DNS]
    question = dns.qd[0] if dns.qd else None
    qname = question.qname.decode(errors="replace").rstrip(".") if question is not None else ""
    return Dns(int(dns.id), bool(dns.qr), int(dns.rcode), qname)
