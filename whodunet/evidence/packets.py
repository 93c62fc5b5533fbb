"""One captured packet: what its headers say, at which interface it was seen, and what kinds of packet it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Direction = Literal["in", "out"]
Layer = Literal["Ethernet", "IP", "TCP", "UDP", "ICMP", "DNS", "ARP"]
PacketKind = Literal[
    "SYN",
    "SYN-ACK",
    "RST",
    "FIN",
    "data",
    "SSH banner",
    "ICMP echo request",
    "ICMP echo reply",
    "ICMP time exceeded",
    "ICMP unreachable",
    "ICMP admin prohibited",
    "ICMP port unreachable",
    "ICMP fragmentation needed",
    "ARP request",
    "ARP reply",
    "DNS query",
    "DNS answer",
    "DNS name error",
]

SEQUENCE_SPACE = 2**32  # Source: RFC 9293, section 3.4
ICMPV6 = 58  # Source: RFC 8200, section 4
# Source: RFC 792 (0 and 8); RFC 4443, sections 4.1 and 4.2 (128 and 129)
ECHO_REQUEST, ECHO_REPLY = {1: 8, ICMPV6: 128}, {1: 0, ICMPV6: 129}


@dataclass(frozen=True)
class Ip:
    """IPv4 header, or what of it IPv6 has as well."""

    source: str
    destination: str
    ttl: int  # IPv6: hop limit
    id: int  # IPv6: of the fragment, else 0
    protocol: int  # IPv6: of what follows the extension headers
    length: int  # bytes, header included
    df: bool = False
    fragment_offset: int = 0  # bytes
    more_fragments: bool = False
    version: Literal[4, 6] = 4

    @property
    def is_fragment(self) -> bool:
        """True for a part of a packet; only the first part, at offset 0, has the transport header."""
        return self.more_fragments or self.fragment_offset > 0


@dataclass(frozen=True)
class Tcp:
    """TCP header and the beginning of what it carries."""

    source_port: int
    destination_port: int
    flags: str  # in tcpdump's letters and order: "S", "S.", "R.", "P.", "F."
    seq: int
    ack: int
    window: int
    payload: bytes = b""  # the first bytes only
    payload_bytes: int = 0  # all of it

    @property
    def end(self) -> int:
        """The sequence number after it, with which it is acknowledged: SYN and FIN count as one byte each."""
        return (self.seq + self.payload_bytes + ("S" in self.flags) + ("F" in self.flags)) % SEQUENCE_SPACE


@dataclass(frozen=True)
class Udp:
    """UDP header."""

    source_port: int
    destination_port: int
    payload_bytes: int = 0


@dataclass(frozen=True)
class Flow:
    """The two ends of a conversation, whichever of them speaks."""

    protocol: int
    ends: tuple[tuple[str, int], tuple[str, int]]  # sorted; an ICMP echo has its identifier as both ports

    @classmethod
    def between(cls, protocol: int, one: tuple[str, int], other: tuple[str, int]) -> Flow:
        """The flow between two (address, port)."""
        return cls(protocol, (one, other) if one <= other else (other, one))


@dataclass(frozen=True)
class Icmp:
    """ICMP header; for an error, the flow of the packet that it is about."""

    type: int
    code: int
    identifier: int = 0
    sequence: int = 0
    quoted: Flow | None = None
    next_hop_mtu: int = 0  # bytes; RFC 1191, section 4


@dataclass(frozen=True)
class Arp:
    """ARP for IPv4 over Ethernet."""

    op: int  # 1 request, 2 reply
    sender: str
    sender_link: str
    target: str


@dataclass(frozen=True)
class Dns:
    """What a DNS message asks or answers."""

    id: int
    is_answer: bool
    rcode: int
    qname: str  # without the final dot


@dataclass(frozen=True)
class CapturedPacket:
    """One packet as one capture point saw it: every header that could be understood, from the outside in."""

    point: str  # the interface
    time_ns: int  # since the epoch, the kernel's CLOCK_REALTIME
    direction: Direction  # as seen from that interface's node
    link_source: str
    link_destination: str
    length: int  # bytes of the frame
    ip: Ip | None = None
    tcp: Tcp | None = None
    udp: Udp | None = None
    icmp: Icmp | None = None
    arp: Arp | None = None
    dns: Dns | None = None
    tunnel: tuple[Ip, ...] = ()  # headers around `ip`, the outermost first: IP in IP, GRE
    unread: Layer | None = None  # where understanding ended: that header makes no sense, or is none that is known

    @property
    def ports(self) -> tuple[int, int] | None:
        """Source and destination port, an ICMP echo's identifier as both; None where there are no ports."""
        transport = self.tcp or self.udp
        if transport is not None:
            return transport.source_port, transport.destination_port
        if self.is_echo and self.icmp is not None:
            return self.icmp.identifier, self.icmp.identifier
        return None

    @property
    def is_echo(self) -> bool:
        """True for a ping and its answer."""
        if self.icmp is None or self.ip is None:
            return False
        return self.icmp.type in (ECHO_REQUEST.get(self.ip.protocol), ECHO_REPLY.get(self.ip.protocol))

    @property
    def flow(self) -> Flow | None:
        """The conversation that it is part of; None for ARP, ICMP errors, later fragments, and unread ports."""
        if self.ip is None or self.ports is None:
            return None
        return _flow(self.ip.protocol, (self.ip.source, self.ports[0]), (self.ip.destination, self.ports[1]))

    @property
    def identity(self) -> tuple[object, ...]:
        """What stays the same from hop to hop, so that the packet can be told again: all but link addresses and TTL.

        A tunnel around it, which begins and ends on its way, does not count either.
        """
        ip = self.ip and (self.ip.source, self.ip.destination, self.ip.id, self.ip.fragment_offset, self.ip.length)
        return ip, self.tcp, self.udp, self.icmp, self.arp, self.dns


_flow = lru_cache(maxsize=4096)(Flow.between)

# Source: RFC 792 (types), RFC 1122 section 3.2.2.1 (codes 9 and 10) and RFC 1812 section 5.2.7.1 (code 13): the three
# that say "administratively prohibited"; nftables' net-prohibited, host-prohibited and admin-prohibited.
ADMIN_PROHIBITED = frozenset({9, 10, 13})
ICMP_KINDS: dict[int, PacketKind] = {
    0: "ICMP echo reply",
    3: "ICMP unreachable",
    8: "ICMP echo request",
    11: "ICMP time exceeded",
}
# Source: RFC 4443, sections 3 and 4; ICMPv6's "packet too big" is what ICMP calls "fragmentation needed"
ICMPV6_KINDS: dict[int, set[PacketKind]] = {
    1: {"ICMP unreachable"},
    2: {"ICMP fragmentation needed"},
    3: {"ICMP time exceeded"},
    128: {"ICMP echo request"},
    129: {"ICMP echo reply"},
}
ICMPV6_PORT_UNREACHABLE, ICMPV6_PROHIBITED = (1, 4), {(1, 1), (1, 5), (1, 6)}
NAME_ERROR = 3  # Source: RFC 1035, section 4.1.1, RCODE


def kinds(packet: CapturedPacket) -> frozenset[PacketKind]:
    """Every kind that the packet is: a RST|ACK is "RST", an answer that the name does not exist is two kinds."""
    found: set[PacketKind] = set()
    if packet.tcp is not None:
        found |= _tcp_kinds(packet.tcp)
    if packet.icmp is not None:
        is_ipv6 = packet.ip is not None and packet.ip.version == 6
        found |= _icmpv6_kinds(packet.icmp) if is_ipv6 else _icmp_kinds(packet.icmp)
    if packet.arp is not None and packet.arp.op in (1, 2):
        found.add("ARP request" if packet.arp.op == 1 else "ARP reply")
    if packet.dns is not None:
        found |= _dns_kinds(packet.dns)
    return frozenset(found)


def _tcp_kinds(tcp: Tcp) -> set[PacketKind]:
    found: set[PacketKind] = set()
    if "S" in tcp.flags:
        found.add("SYN-ACK" if "." in tcp.flags else "SYN")
    if "R" in tcp.flags:
        found.add("RST")
    if "F" in tcp.flags:
        found.add("FIN")
    if tcp.payload_bytes > 0:
        found.add("data")
    if tcp.payload.startswith(b"SSH-"):  # RFC 4253, section 4.2
        found.add("SSH banner")
    return found


def _icmp_kinds(icmp: Icmp) -> set[PacketKind]:
    found: set[PacketKind] = {ICMP_KINDS[icmp.type]} if icmp.type in ICMP_KINDS else set()
    if icmp.type == 3 and icmp.code in ADMIN_PROHIBITED:
        found.add("ICMP admin prohibited")
    if (icmp.type, icmp.code) == (3, 3):
        found.add("ICMP port unreachable")
    if (icmp.type, icmp.code) == (3, 4):
        found.add("ICMP fragmentation needed")
    return found


def _icmpv6_kinds(icmp: Icmp) -> set[PacketKind]:
    found = set(ICMPV6_KINDS.get(icmp.type, set()))
    if (icmp.type, icmp.code) in ICMPV6_PROHIBITED:
        found.add("ICMP admin prohibited")
    if (icmp.type, icmp.code) == ICMPV6_PORT_UNREACHABLE:
        found.add("ICMP port unreachable")
    return found


def _dns_kinds(dns: Dns) -> set[PacketKind]:
    if not dns.is_answer:
        return {"DNS query"}
    return {"DNS answer", "DNS name error"} if dns.rcode == NAME_ERROR else {"DNS answer"}


_LAYERS_OF: dict[str, frozenset[Layer]] = {
    "ICMP": frozenset({"Ethernet", "IP", "ICMP"}),
    "ARP": frozenset({"Ethernet", "ARP"}),
    "DNS": frozenset({"Ethernet", "IP", "TCP", "UDP", "DNS"}),
}
_TCP_LAYERS: frozenset[Layer] = frozenset({"Ethernet", "IP", "TCP"})


def may_be(packet: CapturedPacket, kind: PacketKind) -> bool:
    """True when what was not understood of the packet may hide one of that kind."""
    return packet.unread in _LAYERS_OF.get(kind.split()[0], _TCP_LAYERS)
