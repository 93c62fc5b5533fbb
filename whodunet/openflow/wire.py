"""Reads and writes the few headers that a middlebox needs in order to answer in somebody else's name.

Reading is strict: a frame whose lengths do not fit together cannot be read, and nothing is read past its end.
Checksums are not verified, because a host that leaves them to its network card sends them unfinished.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

IPAddress = IPv4Address | IPv6Address

ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_ARP = 0x0806
ETHERTYPE_VLAN = 0x8100
ETHERTYPE_IPV6 = 0x86DD
ETHERTYPE_SERVICE_VLAN = 0x88A8

ICMP = 1
TCP = 6
UDP = 17
IPV6_FRAGMENT = 44
ICMPV6 = 58

FIN = 0x01
SYN = 0x02
RST = 0x04
ACK = 0x10

_FAR_OFF: Final = 1 << 30  # more than the largest window. Source: RFC 7323, section 2.3
DEFAULT_TTL: Final = 64  # Source: IANA, "IP Time to Live Parameter"

_HOP_BY_HOP, _ROUTING, _AUTHENTICATION, _DESTINATION_OPTIONS = 0, 43, 51, 60
# Those that Open vSwitch looks behind, so that both mean the same by a packet's protocol. RFC 8200, 4; RFC 4302, 2.
_EXTENSION_HEADERS: Final = frozenset({_HOP_BY_HOP, _ROUTING, IPV6_FRAGMENT, _AUTHENTICATION, _DESTINATION_OPTIONS})
_DONT_FRAGMENT = 0x4000  # IPv4's flags and offset, and IPv6's
_MORE_FRAGMENTS = 0x2000
_OFFSET = 0x1FFF
_MORE_FRAGMENTS_V6 = 0x0001
_OFFSET_V6 = 0xFFF8

_ICMP_ERRORS: Final = frozenset({3, 4, 5, 11, 12})  # Source: RFC 1122, section 3.2.2
_ICMP_ERROR_BYTES: Final = 576  # an ICMP error quotes no more than fits. Source: RFC 1812, section 4.3.2.3
_INTERNETWORK_CONTROL: Final = 0xC0  # precedence of ICMP errors. Source: RFC 1812, section 4.3.2.5
_ICMPV6_PACKET_TOO_BIG: Final = 2
_ICMPV6_FIRST_QUERY: Final = 128  # what has a lower number is an error. Source: RFC 4443, section 2.1
_ICMPV6_REDIRECT: Final = 137  # is not answered with an error either. Source: RFC 4443, section 2.4 (e.2)
_ICMPV6_ERROR_BYTES: Final = 1280  # the least MTU of IPv6, for the same. Source: RFC 4443, section 2.4 (c)

_NOT_ONE_HOST: Final[tuple[IPv4Network | IPv6Network, ...]] = (
    *(IPv4Network(text) for text in ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4")),
    *(IPv6Network(text) for text in ("::/128", "::1/128", "ff00::/8")),
)


@dataclass(frozen=True)
class IcmpError:
    """What an ICMP or ICMPv6 error says about the packet that it quotes."""

    type: int
    code: int
    parameter: int = 0  # the 32 bits behind the checksum, which few errors use


# Source: RFC 792; RFC 1812, section 5.2.7.1
NET_UNREACHABLE: Final = IcmpError(3, 0)
HOST_UNREACHABLE: Final = IcmpError(3, 1)
PROTOCOL_UNREACHABLE: Final = IcmpError(3, 2)
PORT_UNREACHABLE: Final = IcmpError(3, 3)
NET_PROHIBITED: Final = IcmpError(3, 9)
HOST_PROHIBITED: Final = IcmpError(3, 10)
ADMIN_PROHIBITED: Final = IcmpError(3, 13)

# Source: RFC 4443, section 3.1
NO_ROUTE_V6: Final = IcmpError(1, 0)
ADMIN_PROHIBITED_V6: Final = IcmpError(1, 1)
ADDRESS_UNREACHABLE_V6: Final = IcmpError(1, 3)
PORT_UNREACHABLE_V6: Final = IcmpError(1, 4)
POLICY_FAIL_V6: Final = IcmpError(1, 5)
REJECT_ROUTE_V6: Final = IcmpError(1, 6)


def packet_too_big_v6(mtu_bytes: int) -> IcmpError:
    """What says how many bytes the next link takes. Source: RFC 4443, section 3.2."""
    return IcmpError(_ICMPV6_PACKET_TOO_BIG, 0, mtu_bytes)


class CannotRead(Exception):
    """The bytes are not the header that was asked for; the message says which length or field is wrong."""


@dataclass(frozen=True)
class Ethernet:
    """One Ethernet frame; `tags` are its 802.1Q tags as they stood on the wire, empty for an untagged frame."""

    destination: bytes
    source: bytes
    tags: bytes
    ethertype: int
    payload: bytes


@dataclass(frozen=True)
class IPPacket:
    """One IPv4 or IPv6 packet without the padding that Ethernet may have added behind it."""

    source: IPAddress
    destination: IPAddress
    protocol: (
        int  # of the payload, behind IPv6's extension headers; of a later fragment the next header, whatever it is
    )
    ttl: int  # IPv6: hop limit
    identification: int  # IPv6: 0 without a fragment header
    more_fragments: bool
    fragment_offset_bytes: int
    segments_left: int  # how many stations a routing header still leads to; IPv4: 0
    payload: bytes
    wire: bytes  # headers and payload, as ICMP errors quote them

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
    """One ICMP or ICMPv6 message; `rest` is what follows the checksum."""

    type: int
    code: int
    rest: bytes


def parse_ethernet(frame: bytes) -> Ethernet:
    """Reads a frame as it comes off an interface, without its check sequence.

    Raises:
        CannotRead: if the frame ends within its header or its tags.
    """
    end = 12
    while _unsigned16(frame, end) in (ETHERTYPE_VLAN, ETHERTYPE_SERVICE_VLAN):
        end += 4
    return Ethernet(frame[:6], frame[6:12], frame[12:end], _unsigned16(frame, end), frame[end + 2 :])


def parse_ip(frame: Ethernet) -> IPPacket:
    """Reads the IPv4 or IPv6 packet of a frame.

    Raises:
        CannotRead: if it is neither, or if a length is wrong.
    """
    _require(frame.ethertype in (ETHERTYPE_IPV4, ETHERTYPE_IPV6), "the frame carries neither IPv4 nor IPv6")
    return parse_ipv4(frame.payload) if frame.ethertype == ETHERTYPE_IPV4 else parse_ipv6(frame.payload)


def parse_ipv4(packet: bytes) -> IPPacket:
    """Reads an IPv4 packet that may be followed by padding.

    Raises:
        CannotRead: if a length is wrong or the version is another one.

    Source: RFC 791, section 3.1.
    """
    _require(len(packet) >= 20, "an IPv4 header has at least 20 bytes")
    first, _, total_bytes, identification, fragment, ttl, protocol, _, source, destination = struct.unpack_from(
        "!BBHHHBBHII", packet
    )
    header_bytes = (first & 0x0F) * 4
    _require(first >> 4 == 4, "the IP version is not 4")
    _require(20 <= header_bytes <= total_bytes <= len(packet), "the lengths of the IPv4 header do not fit the packet")
    return IPPacket(
        IPv4Address(source),
        IPv4Address(destination),
        protocol,
        ttl,
        identification,
        more_fragments=bool(fragment & _MORE_FRAGMENTS),
        fragment_offset_bytes=(fragment & _OFFSET) * 8,
        segments_left=0,
        payload=packet[header_bytes:total_bytes],
        wire=packet[:total_bytes],
    )


def parse_ipv6(packet: bytes) -> IPPacket:
    """Reads an IPv6 packet that may be followed by padding, with its extension headers.

    Raises:
        CannotRead: if a length is wrong or the version is another one.

    Source: RFC 8200, sections 3 and 4; RFC 4302, section 2.2 (the length of an authentication header).
    """
    _require(len(packet) >= 40, "an IPv6 header has 40 bytes")
    first, payload_bytes, protocol, hop_limit = struct.unpack_from("!IHBB", packet)
    _require(first >> 28 == 6, "the IP version is not 6")
    _require(40 + payload_bytes <= len(packet), "the length of the IPv6 header does not fit the packet")
    wire, at = packet[: 40 + payload_bytes], 40
    fragment = identification = segments_left = 0
    while protocol in _EXTENSION_HEADERS and not fragment & _OFFSET_V6:
        _require(at + 8 <= len(wire), "an extension header has at least 8 bytes")
        kind, protocol, length = protocol, wire[at], wire[at + 1]
        if kind == IPV6_FRAGMENT:
            fragment, identification = struct.unpack_from("!HI", wire, at + 2)
            at += 8
        else:
            segments_left = wire[at + 3] if kind == _ROUTING else segments_left
            at += (length + 2) * 4 if kind == _AUTHENTICATION else (length + 1) * 8
        _require(at <= len(wire), "an extension header is longer than the packet")
    return IPPacket(
        IPv6Address(packet[8:24]),
        IPv6Address(packet[24:40]),
        protocol,
        hop_limit,
        identification,
        more_fragments=bool(fragment & _MORE_FRAGMENTS_V6),
        fragment_offset_bytes=fragment & _OFFSET_V6,
        segments_left=segments_left,
        payload=wire[at:],
        wire=wire,
    )


def parse_tcp(segment: bytes) -> Tcp:
    """Reads a TCP segment that fills all of `segment`.

    Raises:
        CannotRead: if the header does not fit.

    Source: RFC 9293, section 3.1.
    """
    _require(len(segment) >= 20, "a TCP header has at least 20 bytes")
    source, destination, sequence, acknowledgment, offset, flags, window = struct.unpack_from("!HHIIBBH", segment)
    header_bytes = (offset >> 4) * 4
    _require(20 <= header_bytes <= len(segment), "the TCP data offset does not fit the segment")
    options, payload = segment[20:header_bytes], segment[header_bytes:]
    return Tcp(source, destination, sequence, acknowledgment, flags, window, options, payload)


def parse_icmp(message: bytes) -> Icmp:
    """Reads an ICMP or ICMPv6 message.

    Raises:
        CannotRead: if it has less than 8 bytes.

    Source: RFC 792; RFC 4443, section 2.1.
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


def forge_reset(frame: bytes, ttl: int = DEFAULT_TTL, *, is_acceptable: bool = True) -> bytes | None:
    """The frame that ends the TCP connection of `frame` in its destination's name.

    Args:
        ttl: TTL or hop limit that it is sent with.
        is_acceptable: False for numbers that do not fit, so that the receiver has to ignore it.

    Returns:
        None where nobody may be answered: a RST, a fragment (its segment's length is unknown), a broadcast or
        multicast, a packet whose routing header says that its destination is another one, and whatever is not TCP
        or cannot be read.

    Source: RFC 9293, section 3.10.7.1.
    """
    if (found := _segment_to_reset(frame)) is None:
        return None
    ethernet, packet, segment = found
    reset = _reset(packet, segment, 0 if is_acceptable else _FAR_OFF)
    return _reply(ethernet, _ip_packet(packet.destination, packet.source, TCP, reset, ttl))


def forge_reset_onwards(frame: bytes, ttl: int = DEFAULT_TTL) -> bytes | None:
    """The frame that ends the TCP connection of `frame` at its destination, in its sender's name.

    The destination has to have the frame by then: the RST is the next that it expects.

    Args:
        ttl: TTL or hop limit that it is sent with.

    Returns:
        None where `forge_reset` has none.

    Source: RFC 9293, section 3.10.7.4; RFC 5961, section 3.2.
    """
    if (found := _segment_to_reset(frame)) is None:
        return None
    ethernet, packet, segment = found
    ports, following = (segment.source_port, segment.destination_port), segment.sequence + segment.sequence_length
    reset = _bare_segment(packet.source, packet.destination, ports, (following & 0xFFFFFFFF, 0), RST)
    header = ethernet.destination + ethernet.source + ethernet.tags + ethernet.ethertype.to_bytes(2, "big")
    return header + _ip_packet(packet.source, packet.destination, TCP, reset, ttl)


def forge_icmp_error(frame: bytes, error: IcmpError, source: IPAddress, ttl: int = DEFAULT_TTL) -> bytes | None:
    """The frame with which the router `source` reports to the sender of `frame` that it was not delivered.

    Args:
        error: one of ICMP or of ICMPv6, as the packet is IPv4 or IPv6.
        source: an address of the same family.
        ttl: TTL or hop limit that it is sent with.

    Returns:
        None where nobody may be answered: an ICMP error, a fragment other than the first, a broadcast or
        multicast, and whatever is of the other family or cannot be read. A "packet too big" could answer a
        multicast; here its source would be the group's Ethernet address.

    Source: RFC 1122, section 3.2.2; RFC 1812, section 4.3.2; RFC 4443, section 2.4 (e).
    """
    try:
        ethernet = parse_ethernet(frame)
        packet = parse_ip(ethernet)
        if packet.source.version != source.version or not _is_unicast(ethernet, packet):
            return None
        if packet.fragment_offset_bytes or _is_never_answered(packet):
            return None
    except CannotRead:
        return None
    protocol, traffic_class = (ICMP, _INTERNETWORK_CONTROL) if source.version == 4 else (ICMPV6, 0)
    message = _icmp_error(error, source, packet)
    return _reply(ethernet, _ip_packet(source, packet.source, protocol, message, ttl, traffic_class))


def _unsigned16(content: bytes, at: int) -> int:
    _require(len(content) >= at + 2, "the frame ends within its Ethernet header")
    return int.from_bytes(content[at : at + 2], "big")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise CannotRead(otherwise)


def _is_unicast(ethernet: Ethernet, packet: IPPacket) -> bool:
    """Whether one host sent it to one host.

    Source: RFC 1122, sections 3.2.2 (ICMP errors) and 4.2.3.10 (TCP); RFC 4443, section 2.4 (e.3 to e.6).
    """
    group_bit = (ethernet.destination[0] | ethernet.source[0]) & 1
    ends = (packet.source, packet.destination)
    return not group_bit and not any(address in network for address in ends for network in _NOT_ONE_HOST)


def _is_never_answered(packet: IPPacket) -> bool:
    """Whether it is an error itself, which an error must not answer."""
    if packet.protocol == ICMP and packet.source.version == 4:
        return parse_icmp(packet.payload).type in _ICMP_ERRORS
    if packet.protocol == ICMPV6 and packet.source.version == 6:
        kind = parse_icmp(packet.payload).type
        return kind < _ICMPV6_FIRST_QUERY or kind == _ICMPV6_REDIRECT
    return False


def _segment_to_reset(frame: bytes) -> tuple[Ethernet, IPPacket, Tcp] | None:
    """What is in a frame whose connection may be reset; None as `forge_reset` says."""
    try:
        ethernet = parse_ethernet(frame)
        packet = parse_ip(ethernet)
        if packet.protocol != TCP or packet.fragment or packet.segments_left or not _is_unicast(ethernet, packet):
            return None
        segment = parse_tcp(packet.payload)
    except CannotRead:
        return None
    return None if segment.flags & RST else (ethernet, packet, segment)


def _reset(packet: IPPacket, segment: Tcp, off_by: int) -> bytes:
    """The RST that the sender of `segment` believes, because its numbers prove that the segment was seen."""
    if segment.flags & ACK:
        numbers, flags = ((segment.acknowledgment + off_by) & 0xFFFFFFFF, 0), RST
    else:
        acknowledged = segment.sequence + segment.sequence_length + off_by
        numbers, flags = (0, acknowledged & 0xFFFFFFFF), RST | ACK
    ports = (segment.destination_port, segment.source_port)
    return _bare_segment(packet.destination, packet.source, ports, numbers, flags)


def _bare_segment(
    source: IPAddress, destination: IPAddress, ports: tuple[int, int], numbers: tuple[int, int], flags: int
) -> bytes:
    """A TCP header without options and payload; `numbers` are its sequence and acknowledgement numbers."""
    header = struct.pack("!HHIIBBHHH", *ports, *numbers, 5 << 4, flags, 0, 0, 0)
    pseudo = pseudo_header(source, destination, TCP, len(header))
    return _with_checksum(header, 16, internet_checksum(pseudo + header))


def _icmp_error(error: IcmpError, source: IPAddress, packet: IPPacket) -> bytes:
    message = struct.pack("!BBHI", error.type, error.code, 0, error.parameter)
    if source.version == 4:
        message += packet.wire[: _ICMP_ERROR_BYTES - 20 - len(message)]
        return _with_checksum(message, 2, internet_checksum(message))
    message += packet.wire[: _ICMPV6_ERROR_BYTES - 40 - len(message)]
    pseudo = pseudo_header(source, packet.source, ICMPV6, len(message))
    return _with_checksum(message, 2, internet_checksum(pseudo + message))


def pseudo_header(source: IPAddress, destination: IPAddress, protocol: int, length_bytes: int) -> bytes:
    """What a checksum covers beside the segment or message itself. Source: RFC 9293, section 3.1; RFC 8200, 8.1."""
    addresses = source.packed + destination.packed
    if source.version == 4:
        return addresses + struct.pack("!HH", protocol, length_bytes)
    return addresses + struct.pack("!II", length_bytes, protocol)


def _ip_packet(
    source: IPAddress, destination: IPAddress, protocol: int, payload: bytes, ttl: int, traffic_class: int = 0
) -> bytes:
    """A packet without options; of IPv4 one that cannot be fragmented, so that its identification may be 0.

    Source: RFC 6864, section 4.1; RFC 8200, section 3.
    """
    if source.version == 6:
        first = 6 << 28 | traffic_class << 20
        return struct.pack("!IHBB", first, len(payload), protocol, ttl) + source.packed + destination.packed + payload
    fields = (0x45, traffic_class, 20 + len(payload), 0, _DONT_FRAGMENT, ttl, protocol, 0)
    header = struct.pack("!BBHHHBBH", *fields) + source.packed + destination.packed
    return _with_checksum(header, 10, internet_checksum(header)) + payload


def _with_checksum(content: bytes, at: int, checksum: int) -> bytes:
    return content[:at] + checksum.to_bytes(2, "big") + content[at + 2 :]


def _reply(ethernet: Ethernet, packet: bytes) -> bytes:
    header = ethernet.source + ethernet.destination + ethernet.tags + ethernet.ethertype.to_bytes(2, "big")
    return header + packet
