"""One captured packet: what its headers say, and at which interface it was seen.

What kinds of packet it is, as scenarios name them, is told by `packet_kinds`, a file each protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from whodunet.evidence.packet_kinds import PacketKind, kinds, may_be

__all__ = [
    "ECHO_REPLY",
    "ECHO_REQUEST",
    "ICMPV6",
    "NEIGHBOUR_ADVERTISEMENT",
    "NEIGHBOUR_SOLICITATION",
    "OPENVPN_PORT",
    "SEQUENCE_SPACE",
    "Arp",
    "CapturedPacket",
    "Direction",
    "Dns",
    "Flow",
    "Icmp",
    "Ip",
    "Layer",
    "NeighbourMessage",
    "OpenVpn",
    "PacketKind",
    "Tcp",
    "Udp",
    "kinds",
    "may_be",
]

Direction = Literal["in", "out"]
Layer = Literal["Ethernet", "IP", "TCP", "UDP", "ICMP", "DNS", "ARP", "OpenVPN"]
SEQUENCE_SPACE = 2**32  # Source: RFC 9293, section 3.4
ICMPV6 = 58  # Source: RFC 8200, section 4
# Source: RFC 792 (0 and 8); RFC 4443, sections 4.1 and 4.2 (128 and 129)
ECHO_REQUEST, ECHO_REPLY = {1: 8, ICMPV6: 128}, {1: 0, ICMPV6: 129}
OPENVPN_PORT = 1194  # Source: service names and port numbers (IANA)
_UDP = 17
NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT = 135, 136  # of ICMPv6. Source: RFC 4861, sections 4.3 and 4.4


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
    def ttl_name(self) -> str:
        """What this version calls the number that each router lowers."""
        return "hop limit" if self.version == 6 else "TTL"

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
    quoted_number: int | None = None  # which of that flow: a TCP segment's sequence number, or an echo's
    next_hop_mtu: int = 0  # bytes; RFC 1191, section 4; RFC 4443, section 3.2
    target: str = ""  # of a neighbour solicitation or advertisement: whose link address is asked for or told


@dataclass(frozen=True)
class Arp:
    """ARP for IPv4 over Ethernet."""

    op: int  # 1 request, 2 reply
    sender: str
    sender_link: str
    target: str


@dataclass(frozen=True)
class NeighbourMessage:
    """What two neighbours say to each other about a link address: by ARP for IPv4, by NDP for IPv6."""

    is_request: bool
    sender: str  # who asks; of a reply, whose link address is told
    target: str  # whose link address is asked for; of a reply, who is told


@dataclass(frozen=True)
class Dns:
    """What a DNS message asks or answers."""

    id: int
    is_answer: bool
    rcode: int
    qname: str  # without the final dot
    qtype: int = 0  # of the record that is asked for: 1 for A, 28 for AAAA
    addresses: tuple[str, ...] = ()  # that the answer has for it


@dataclass(frozen=True)
class OpenVpn:
    """What can be read of a datagram of OpenVPN's without its keys."""

    is_data: bool  # True: it carries an encrypted packet, or a sign of life; False: it sets the tunnel up
    number: int | None = None  # of the packets of one direction; None for what is not data


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
    openvpn: OpenVpn | None = None
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
    def is_outer(self) -> bool:
        """True for a datagram of a VPN's, and for an ICMP error about one: what goes on inside is another matter."""
        return self.openvpn is not None or (
            self.icmp is not None
            and self.icmp.quoted is not None
            and self.icmp.quoted.protocol == _UDP
            and any(port == OPENVPN_PORT for _, port in self.icmp.quoted.ends)
        )

    @property
    def neighbour(self) -> NeighbourMessage | None:
        """What it says about a neighbour's link address; None for all that is not ARP or NDP's share in that.

        NDP asks a multicast address; who is meant is the target. Source: RFC 4861, sections 4.3, 4.4 and 7.2.
        """
        if self.arp is not None:
            return NeighbourMessage(self.arp.op == 1, self.arp.sender, self.arp.target)
        if self.icmp is None or not self.icmp.target or self.ip is None:
            return None
        if self.icmp.type == NEIGHBOUR_SOLICITATION:
            return NeighbourMessage(True, self.ip.source, self.icmp.target)
        return NeighbourMessage(False, self.icmp.target, self.ip.destination)

    @property
    def source(self) -> str | None:
        """The address that it says it comes from; None where it has none."""
        if self.ip is not None:
            return self.ip.source
        return self.arp.sender if self.arp is not None else None

    @property
    def destination(self) -> str | None:
        """The address of whom it is for, also where it goes to several; None where it has none."""
        if self.neighbour is not None:
            return self.neighbour.target
        return self.ip.destination if self.ip is not None else None

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
        return ip, self.tcp, self.udp, self.icmp, self.arp, self.dns, self.openvpn


_flow = lru_cache(maxsize=4096)(Flow.between)
