"""A flow table with connection tracking, as small as the policies' tests need it, and as picky as Open vSwitch.

It refuses what the switch refuses (a match without its prerequisites, tracking of what is not IP), and two entries
of one priority that would do different things with one packet, of which the switch would take either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from whodunet.openflow.policy import (
    CT_ESTABLISHED,
    CT_INVALID,
    CT_NEW,
    CT_RELATED,
    CT_TRACKED,
    FlowEntry,
    GotoTable,
    Match,
    Output,
    OxmValue,
    Track,
)

TCP, UDP, ICMP, ICMPV6, FRAGMENT = 6, 17, 1, 58, 44
SYN, RST, ACK = 0x02, 0x04, 0x10
ECHO_REQUEST, ECHO_REQUEST_V6 = 8, 128
ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, SOLICITATION, ADVERTISEMENT, REDIRECT = 133, 134, 135, 136, 137

_IPV4, _IPV6, _ARP = 0x0800, 0x86DD, 0x0806
_BOTH = (_IPV4, _IPV6)
# What a match has to ask for before it may ask for a field: one of these EtherTypes, this protocol.
_PREREQUISITES: Mapping[str, tuple[tuple[int, ...], int | None]] = {
    "ipv4_src": ((_IPV4,), None),
    "ipv4_dst": ((_IPV4,), None),
    "ipv6_src": ((_IPV6,), None),
    "ipv6_dst": ((_IPV6,), None),
    "ip_proto": (_BOTH, None),
    "ip_frag": (_BOTH, None),
    "nw_ttl": (_BOTH, None),
    "arp_spa": ((_ARP,), None),
    "tcp_dst": (_BOTH, TCP),
    "tcp_flags_nxm": (_BOTH, TCP),
    "udp_dst": (_BOTH, UDP),
    "icmpv4_type": ((_IPV4,), ICMP),
    "icmpv4_code": ((_IPV4,), ICMP),
    "icmpv6_type": ((_IPV6,), ICMPV6),
    "icmpv6_code": ((_IPV6,), ICMPV6),
    "nd_target": ((_IPV6,), ICMPV6),
}
_WITHOUT_PREREQUISITES = frozenset({"in_port", "eth_type", "ct_state"})
# The ICMP messages that begin or continue a connection. Source: Open vSwitch 3.1, lib/conntrack.c, extract_l4_icmp(6)
_TRACKED_ICMP = {ICMP: frozenset({0, 8, 13, 14, 15, 16}), ICMPV6: frozenset({128, 129})}

Fields = Mapping[str, int | str]
Connection = tuple[int, int, frozenset[tuple[str, int]]]  # zone, protocol, the two ends


@dataclass(frozen=True)
class Packet:
    """What a switch sees of a packet; `about` is the packet that an ICMP error quotes."""

    fields: Fields
    source: tuple[str, int] = ("", 0)
    destination: tuple[str, int] = ("", 0)
    protocol: int = 0  # which tracking knows of later fragments, too, and the switch does not
    about: Packet | None = None
    valid: bool = True

    def reply(self, **fields: int) -> Packet:
        """The packet that goes the other way in the same connection."""
        version = ip_address(self.source[0]).version
        ends = {f"ipv{version}_src": self.destination[0], f"ipv{version}_dst": self.source[0]}
        turned = {**self.fields, **ends, **fields}
        for key in ("tcp_dst", "udp_dst"):
            if key in turned:
                turned[key] = self.source[1]
        return replace(self, fields=turned, source=self.destination, destination=self.source)

    def later_fragment(self) -> Packet:
        """A fragment of the packet that is not the first one, and so has no ports, and of IPv6 no protocol."""
        fields = {key: value for key, value in self.fields.items() if not key.startswith(("tcp_", "udp_", "icmp"))}
        protocol = FRAGMENT if fields["eth_type"] == _IPV6 else self.protocol
        return replace(self, fields=fields | {"ip_frag": 3, "ip_proto": protocol})


def tcp(source: str, destination: str, port: int, flags: int = SYN, source_port: int = 40000) -> Packet:
    """A TCP segment."""
    fields = {"tcp_dst": port, "tcp_flags_nxm": flags}
    return _ip((source, source_port), (destination, port), TCP, fields)


def udp(source: str, destination: str, port: int, source_port: int = 40000) -> Packet:
    """A UDP datagram."""
    return _ip((source, source_port), (destination, port), UDP, {"udp_dst": port})


def icmp(source: str, destination: str, icmp_type: int, code: int = 0, about: Packet | None = None) -> Packet:
    """An ICMP or ICMPv6 message, an error if it is about a packet."""
    version = ip_address(source).version
    fields = {f"icmpv{version}_type": icmp_type, f"icmpv{version}_code": code}
    packet = _ip((source, 0), (destination, 0), ICMP if version == 4 else ICMPV6, fields)
    return replace(packet, about=about)


def ping(source: str, destination: str) -> Packet:
    """An echo request of either family."""
    return icmp(source, destination, ECHO_REQUEST if ip_address(source).version == 4 else ECHO_REQUEST_V6)


def arp(sender: str) -> Packet:
    """An ARP packet that says that `sender` is here."""
    return Packet({"eth_type": _ARP, "arp_spa": sender})


def neighbour_discovery(icmpv6_type: int, source: str, target: str | None = None, hop_limit: int = 255) -> Packet:
    """A message of neighbour discovery, to all nodes; about a target, where its kind has one."""
    packet = icmp(source, "ff02::1", icmpv6_type)
    about = {} if target is None else {"nd_target": target}
    return replace(packet, fields={**packet.fields, **about, "nw_ttl": hop_limit})


def _ip(source: tuple[str, int], destination: tuple[str, int], protocol: int, fields: Fields) -> Packet:
    version = ip_address(source[0]).version
    ends = {f"ipv{version}_src": source[0], f"ipv{version}_dst": destination[0]}
    common = {"eth_type": _IPV4 if version == 4 else _IPV6, "ip_proto": protocol, "ip_frag": 0, "nw_ttl": 64}
    return Packet({**common, **ends, **fields}, source, destination, protocol)


@dataclass
class FlowTable:
    """The flow entries of a switch, and the connections that outlive them."""

    entries: tuple[FlowEntry, ...]
    connections: dict[Connection, tuple[str, int]] = field(default_factory=dict)  # the end that began
    replied: set[Connection] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.replace(self.entries)

    def replace(self, entries: Iterable[FlowEntry]) -> None:
        """Puts other entries in; the connections stay."""
        self.entries = tuple(entries)
        for entry in self.entries:
            _refuse_what_a_switch_refuses(entry)

    def send(self, packet: Packet, in_port: int = 1) -> tuple[int, ...]:
        """The ports that the packet goes out of, none if it is dropped."""
        start = replace(packet, fields={**packet.fields, "in_port": in_port, "ct_state": 0})
        ports = dict.fromkeys(self._from_table(0, start))
        return tuple(port for port in ports if port != in_port)

    def _from_table(self, table: int, packet: Packet) -> Iterator[int]:
        entry = self._matching(table, packet)
        for action in entry.actions if entry else ():
            if isinstance(action, Output):
                yield action.port
            elif isinstance(action, GotoTable):
                yield from self._from_table(action.table, packet)
            else:
                yield from self._track(action, packet)

    def _matching(self, table: int, packet: Packet) -> FlowEntry | None:
        found = [entry for entry in self.entries if entry.table == table and _matches(entry.match, packet.fields)]
        best = [entry for entry in found if entry.priority == max(other.priority for other in found)]
        assert all(entry.actions == best[0].actions for entry in best), f"the switch may take any of {best}"
        return best[0] if best else None

    def _track(self, action: Track, packet: Packet) -> Iterator[int]:
        connection = _connection(action.zone, packet)
        state = CT_TRACKED | self._state(connection, packet)
        if action.commit:
            self.connections.setdefault(connection, packet.source)
        if action.table is not None:
            yield from self._from_table(action.table, replace(packet, fields={**packet.fields, "ct_state": state}))

    def _state(self, connection: Connection, packet: Packet) -> int:
        if packet.about is not None:
            return CT_RELATED if _connection(connection[0], packet.about) in self.connections else CT_INVALID
        if not packet.valid or not _is_tracked(packet):
            return CT_INVALID
        if self.connections.get(connection, packet.source) != packet.source:
            self.replied.add(connection)
        return CT_ESTABLISHED if connection in self.replied else CT_NEW


def _connection(zone: int, packet: Packet) -> Connection:
    return zone, packet.protocol, frozenset((packet.source, packet.destination))


def _is_tracked(packet: Packet) -> bool:
    kinds = _TRACKED_ICMP.get(packet.protocol)
    kind = packet.fields.get("icmpv4_type", packet.fields.get("icmpv6_type"))
    return kinds is None or kind is None or kind in kinds


def _refuse_what_a_switch_refuses(entry: FlowEntry) -> None:
    for key in entry.match.keys() - _WITHOUT_PREREQUISITES:
        ethertypes, protocol = _PREREQUISITES[key]
        assert entry.match.get("eth_type") in ethertypes, f"{key} needs another eth_type: {entry}"
        assert protocol in (None, entry.match.get("ip_proto")), f"{key} needs ip_proto={protocol}: {entry}"
    if any(isinstance(action, Track) for action in entry.actions):
        assert entry.match.get("eth_type") in _BOTH, f"only IP can be tracked: {entry}"


def _matches(match: Match, fields: Fields) -> bool:
    return all(key in fields and _field_matches(wanted, fields[key]) for key, wanted in match.items())


def _field_matches(wanted: OxmValue, value: int | str) -> bool:
    content, mask = wanted if isinstance(wanted, tuple) else (wanted, None)
    if mask is None:
        return _number(content) == _number(value)
    assert _number(content) & ~_number(mask) == 0, f"{wanted} has bits outside its mask"
    return _number(value) & _number(mask) == _number(content)


def _number(value: int | str) -> int:
    return int(ip_address(value)) if isinstance(value, str) else value
