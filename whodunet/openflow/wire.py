"""Reads and writes the few headers that a middlebox needs in order to answer in somebody else's name.

Reading is strict: a frame whose lengths do not fit together is malformed, and nothing is read past its end.
Checksums are not verified, because a host that leaves them to its network card sends them unfinished.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_ARP = 0x0806
ETHERTYPE_VLAN = 0x8100
ETHERTYPE_SERVICE_VLAN = 0x88A8

ICMP = 1
TCP = 6
UDP = 17

FIN = 0x01
SYN = 0x02
RST = 0x04
ACK = 0x10

UNREACHABLE = 3  # ICMP type and its codes. Source: RFC 792; RFC 1812, section 5.2.7.1
NET_UNREACHABLE = 0
HOST_UNREACHABLE = 1
PROTOCOL_UNREACHABLE = 2
PORT_UNREACHABLE = 3
NET_PROHIBITED = 9
HOST_PROHIBITED = 10
ADMIN_PROHIBITED = 13

_ICMP_ERRORS = frozenset({3, 4, 5, 11, 12})  # Source: RFC 1122, section 3.2.2
_ICMP_ERROR_BYTES = 576  # an ICMP error quotes no more than fits. Source: RFC 1812, section 4.3.2.3
_INTERNETWORK_CONTROL = 0xC0  # precedence of ICMP errors. Source: RFC 1812, section 4.3.2.5
_OWN_TTL = 64  # Source: IANA, "IP Time to Live Parameter"
_DONT_FRAGMENT = 0x4000
_MORE_FRAGMENTS = 0x2000
_OFFSET = 0x1FFF

_NOT_ONE_HOST = tuple(IPv4Network(text) for text in ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4"))


class MalformedPacket(Exception):
    """The bytes are not the header that they claim to be; the message says which length or field is wrong."""


@dataclass(frozen=True)
class Ethernet:
    """One Ethernet frame; `tags` are its 802.1Q tags as they stood on the wire, empty for an untagged frame."""

    destination: bytes
    source: bytes
    tags: bytes
    ethertype: int
    payload: bytes


@dataclass(frozen=True)
class IPv4:
    """One IPv4 packet without the padding that Ethernet may have added behind it."""

    source: IPv4Address
    destination: IPv4Address
    protocol: int
    ttl: int
    identification: int
    dont_fragment: bool
    more_fragments: bool
    fragment_offset_bytes: int
    options: bytes
    payload: bytes
    wire: bytes  # header and payload, as ICMP errors quote them

    @property
    def fragment(self) -> bool:
        """Whether this is a part of a packet only, the first part included."""
        return self.more_fragments or self.fragment_offset_bytes > 0


@dataclass(frozen=True)
class Tcp:
    """One TCP segment."""

    source_port: int
    destination_port: int
    sequence: int
    acknowledgment: int
    flags: int
    window_bytes: int
    options: bytes
    payload: bytes

    @property
    def sequence_length(self) -> int:
        """Sequence numbers that the segment takes up: its bytes, and one each for SYN and FIN.

        Source: RFC 9293, section 3.4 (SEG.LEN).
        """
        return len(self.payload) + bool(self.flags & SYN) + bool(self.flags & FIN)


@dataclass(frozen=True)
class Icmp:
    """One ICMP message; `rest` is what follows the checksum."""

    type: int
    code: int
    rest: bytes

    @property
    def error(self) -> bool:
        """Whether the message reports an error, to which nobody may answer with another one."""
        return self.type in _ICMP_ERRORS


def parse_ethernet(frame: bytes) -> Ethernet:
    """Reads a frame as it comes off an interface, without its check sequence.

    Raises:
        MalformedPacket: if the frame ends within its header or its tags.
    """
    end = 12
    while _unsigned16(frame, end) in (ETHERTYPE_VLAN, ETHERTYPE_SERVICE_VLAN):
        end += 4
    return Ethernet(frame[:6], frame[6:12], frame[12:end], _unsigned16(frame, end), frame[end + 2 :])


def parse_ipv4(packet: bytes) -> IPv4:
    """Reads an IPv4 packet that may be followed by padding.

    Raises:
        MalformedPacket: if a length is wrong or the version is another one.

    Source: RFC 791, section 3.1.
    """
    _require(len(packet) >= 20, "an IPv4 header has at least 20 bytes")
    first, _, total_bytes, identification, fragment, ttl, protocol, _, source, destination = struct.unpack_from(
        "!BBHHHBBHII", packet
    )
    header_bytes = (first & 0x0F) * 4
    _require(first >> 4 == 4, "the IP version is not 4")
    _require(20 <= header_bytes <= total_bytes <= len(packet), "the lengths of the IPv4 header do not fit the packet")
    return IPv4(
        IPv4Address(source),
        IPv4Address(destination),
        protocol,
        ttl,
        identification,
        bool(fragment & _DONT_FRAGMENT),
        bool(fragment & _MORE_FRAGMENTS),
        (fragment & _OFFSET) * 8,
        packet[20:header_bytes],
        packet[header_bytes:total_bytes],
        packet[:total_bytes],
    )


def parse_tcp(segment: bytes) -> Tcp:
    """Reads a TCP segment that fills all of `segment`.

    Raises:
        MalformedPacket: if the header does not fit.

    Source: RFC 9293, section 3.1.
    """
    _require(len(segment) >= 20, "a TCP header has at least 20 bytes")
    source, destination, sequence, acknowledgment, offset, flags, window = struct.unpack_from("!HHIIBBH", segment)
    header_bytes = (offset >> 4) * 4
    _require(20 <= header_bytes <= len(segment), "the TCP data offset does not fit the segment")
    options, payload = segment[20:header_bytes], segment[header_bytes:]
    return Tcp(source, destination, sequence, acknowledgment, flags, window, options, payload)


def parse_icmp(message: bytes) -> Icmp:
    """Reads an ICMP message.

    Raises:
        MalformedPacket: if it has less than 8 bytes.

    Source: RFC 792.
    """
    _require(len(message) >= 8, "an ICMP header has 8 bytes")
    return Icmp(message[0], message[1], message[4:])


def internet_checksum(content: bytes) -> int:
    """The 16-bit one's complement of the one's complement sum; 0 over content that holds a correct checksum.

    Source: RFC 1071.
    """
    padded = content + b"\0" * (len(content) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def forge_reset(frame: bytes) -> bytes | None:
    """The frame that ends the TCP connection of `frame` in its destination's name.

    Returns:
        None where nobody may be answered: a RST, a fragment (its segment's length is unknown), a broadcast or
        multicast, and whatever is not TCP over IPv4 or is malformed.

    Source: RFC 9293, section 3.10.7.1.
    """
    try:
        ethernet = parse_ethernet(frame)
        packet = _answerable(ethernet)
        if packet is None or packet.protocol != TCP or packet.fragment:
            return None
        segment = parse_tcp(packet.payload)
    except MalformedPacket:
        return None
    if segment.flags & RST:
        return None
    return _reply(ethernet, _ipv4(packet.destination, packet.source, TCP, _reset(packet, segment)))


def forge_icmp_error(frame: bytes, icmp_type: int, code: int, source: IPv4Address) -> bytes | None:
    """The frame with which the router `source` reports to the sender of `frame` that it was not delivered.

    Returns:
        None where nobody may be answered: an ICMP error, a fragment other than the first, a broadcast or
        multicast, and whatever is not IPv4 or is malformed.

    Source: RFC 1122, section 3.2.2; RFC 1812, section 4.3.2.
    """
    try:
        ethernet = parse_ethernet(frame)
        packet = _answerable(ethernet)
        if packet is None or packet.fragment_offset_bytes or _reports_error(packet):
            return None
    except MalformedPacket:
        return None
    message = _icmp_error(icmp_type, code, packet)
    return _reply(ethernet, _ipv4(source, packet.source, ICMP, message, _INTERNETWORK_CONTROL))


def _unsigned16(content: bytes, at: int) -> int:
    _require(len(content) >= at + 2, "the frame ends within its Ethernet header")
    return int.from_bytes(content[at : at + 2], "big")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise MalformedPacket(otherwise)


def _answerable(ethernet: Ethernet) -> IPv4 | None:
    """The frame's IPv4 packet if one host sent it to one host.

    Source: RFC 1122, sections 3.2.2 (ICMP errors) and 4.2.3.10 (TCP).
    """
    group_bit = (ethernet.destination[0] | ethernet.source[0]) & 1
    if group_bit or ethernet.ethertype != ETHERTYPE_IPV4:
        return None
    packet = parse_ipv4(ethernet.payload)
    return packet if _one_host(packet.source) and _one_host(packet.destination) else None


def _one_host(address: IPv4Address) -> bool:
    return not any(address in network for network in _NOT_ONE_HOST)


def _reports_error(packet: IPv4) -> bool:
    return packet.protocol == ICMP and parse_icmp(packet.payload).error


def _reset(packet: IPv4, segment: Tcp) -> bytes:
    """The RST that the sender of `segment` believes, because its numbers prove that the segment was seen."""
    if segment.flags & ACK:
        sequence, acknowledgment, flags = segment.acknowledgment, 0, RST
    else:
        sequence, acknowledgment, flags = 0, (segment.sequence + segment.sequence_length) & 0xFFFFFFFF, RST | ACK
    ports = (segment.destination_port, segment.source_port)
    header = struct.pack("!HHIIBBHHH", *ports, sequence, acknowledgment, 5 << 4, flags, 0, 0, 0)
    pseudo_header = packet.destination.packed + packet.source.packed + struct.pack("!HH", TCP, len(header))
    return _with_checksum(header, 16, internet_checksum(pseudo_header + header))


def _icmp_error(icmp_type: int, code: int, packet: IPv4) -> bytes:
    message = struct.pack("!BBHI", icmp_type, code, 0, 0) + packet.wire[: _ICMP_ERROR_BYTES - 28]
    return _with_checksum(message, 2, internet_checksum(message))


def _ipv4(source: IPv4Address, destination: IPv4Address, protocol: int, payload: bytes, tos: int = 0) -> bytes:
    """A packet that cannot be fragmented, so that its identification may be 0. Source: RFC 6864, section 4.1."""
    fields = (0x45, tos, 20 + len(payload), 0, _DONT_FRAGMENT, _OWN_TTL, protocol, 0, source.packed, destination.packed)
    header = struct.pack("!BBHHHBBH4s4s", *fields)
    return _with_checksum(header, 10, internet_checksum(header)) + payload


def _with_checksum(content: bytes, at: int, checksum: int) -> bytes:
    return content[:at] + checksum.to_bytes(2, "big") + content[at + 2 :]


def _reply(ethernet: Ethernet, packet: bytes) -> bytes:
    header = ethernet.source + ethernet.destination + ethernet.tags + ETHERTYPE_IPV4.to_bytes(2, "big")
    return header + packet
