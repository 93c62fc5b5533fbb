"""A flow table with connection tracking, as small as the policies' tests need it, and as picky as Open vSwitch.

It refuses what the switch refuses (a match without its prerequisites, tracking of what is not IP), and two entries
of one priority that would do different things with one packet, of which the switch would take either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from typing import Any

from whodunet.openflow.policy import (
    CT_ESTABLISHED,
    CT_INVALID,
    CT_NEW,
    CT_RELATED,
    CT_TRACKED,
    FlowEntry,
    GotoTable,
    Output,
    Track,
)

TCP, UDP, ICMP = 6, 17, 1
SYN, RST, ACK = 0x02, 0x04, 0x10

_PREREQUISITES: Mapping[str, Mapping[str, int]] = {
    "ipv4_src": {"eth_type": 0x0800},
    "ipv4_dst": {"eth_type": 0x0800},
    "ip_proto": {"eth_type": 0x0800},
    "ip_frag": {"eth_type": 0x0800},
    "arp_spa": {"eth_type": 0x0806},
    "tcp_dst": {"eth_type": 0x0800, "ip_proto": TCP},
    "tcp_flags_nxm": {"eth_type": 0x0800, "ip_proto": TCP},
    "udp_dst": {"eth_type": 0x0800, "ip_proto": UDP},
    "icmpv4_type": {"eth_type": 0x0800, "ip_proto": ICMP},
    "icmpv4_code": {"eth_type": 0x0800, "ip_proto": ICMP},
    "in_port": {},
    "eth_type": {},
    "ct_state": {},
}

Connection = tuple[int, int, frozenset[tuple[str, int]]]  # zone, protocol, the two ends


@dataclass(frozen=True)
class Packet:
    """What a switch sees of a packet; `about` is the packet that an ICMP error quotes."""

    fields: Mapping[str, Any]
    source: tuple[str, int] = ("", 0)
    destination: tuple[str, int] = ("", 0)
    about: Packet | None = None
    valid: bool = True

    def reply(self, **fields: Any) -> Packet:
        """The packet that goes the other way in the same connection."""
        turned = {**self.fields, "ipv4_src": self.fields["ipv4_dst"], "ipv4_dst": self.fields["ipv4_src"], **fields}
        for key in ("tcp_dst", "udp_dst"):
            if key in turned:
                turned[key] = self.source[1]
        return replace(self, fields=turned, source=self.destination, destination=self.source)

    def later_fragment(self) -> Packet:
        """A fragment of the packet that is not the first one, and so has no ports."""
        fields = {key: value for key, value in self.fields.items() if not key.startswith(("tcp_", "udp_", "icmpv4_"))}
        return replace(self, fields=fields | {"ip_frag": 3})


def tcp(source: str, destination: str, port: int, flags: int = SYN, source_port: int = 40000) -> Packet:
    """A TCP segment."""
    fields = {"tcp_dst": port, "tcp_flags_nxm": flags}
    return _ipv4((source, source_port), (destination, port), TCP, fields)


def udp(source: str, destination: str, port: int, source_port: int = 40000) -> Packet:
    """A UDP datagram."""
    return _ipv4((source, source_port), (destination, port), UDP, {"udp_dst": port})


def icmp(source: str, destination: str, icmp_type: int, code: int = 0, about: Packet | None = None) -> Packet:
    """An ICMP message, an error if it is about a packet."""
    packet = _ipv4((source, 0), (destination, 0), ICMP, {"icmpv4_type": icmp_type, "icmpv4_code": code})
    return replace(packet, about=about)


def arp(sender: str) -> Packet:
    """An ARP packet that says that `sender` is here."""
    return Packet({"eth_type": 0x0806, "arp_spa": sender})


def ipv6() -> Packet:
    """Any IPv6 packet."""
    return Packet({"eth_type": 0x86DD})


def _ipv4(source: tuple[str, int], destination: tuple[str, int], protocol: int, fields: dict[str, Any]) -> Packet:
    common = {"eth_type": 0x0800, "ipv4_src": source[0], "ipv4_dst": destination[0], "ip_proto": protocol, "ip_frag": 0}
    return Packet(common | fields, source, destination)


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
        if not packet.valid:
            return CT_INVALID
        if self.connections.get(connection, packet.source) != packet.source:
            self.replied.add(connection)
        return CT_ESTABLISHED if connection in self.replied else CT_NEW


def _connection(zone: int, packet: Packet) -> Connection:
    return zone, packet.fields["ip_proto"], frozenset((packet.source, packet.destination))


def _refuse_what_a_switch_refuses(entry: FlowEntry) -> None:
    for key in entry.match:
        for needed, value in _PREREQUISITES[key].items():
            assert entry.match.get(needed) == value, f"{key} needs {needed}={value:#x}: {entry}"
    if any(isinstance(action, Track) for action in entry.actions):
        assert entry.match.get("eth_type") == 0x0800, f"only IP can be tracked: {entry}"


def _matches(match: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    return all(key in fields and _field_matches(wanted, fields[key]) for key, wanted in match.items())


def _field_matches(wanted: Any, value: Any) -> bool:
    content, mask = wanted if isinstance(wanted, tuple) else (wanted, None)
    if mask is None:
        return _number(content) == _number(value)
    assert _number(content) & ~_number(mask) == 0, f"{wanted} has bits outside its mask"
    return _number(value) & _number(mask) == _number(content)


def _number(value: int | str) -> int:
    return int(IPv4Address(value)) if isinstance(value, str) else value
