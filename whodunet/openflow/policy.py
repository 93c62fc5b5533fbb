"""The seam between what a middlebox decides and the framework that carries it out.

A policy is pure: it turns its configuration into flow entries, and the frames that those entries send to the
controller into frames to send back. Which OpenFlow library installs the one and sends the other is not its business.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, Literal, Protocol, Self

from whodunet.errors import InvalidInput, Problem
from whodunet.openflow import wire
from whodunet.openflow.wire import IPAddress


@dataclass(frozen=True)
class Output:
    """Sends the packet out of an OpenFlow port (a number, or one of the reserved names below)."""

    port: int


CONTROLLER = 0xFFFFFFFD  # reserved port numbers. Source: OpenFlow 1.3.5, section 7.2.1
NORMAL = 0xFFFFFFFA


@dataclass(frozen=True)
class Track:
    """Sends the packet through connection tracking. Source: ovs-actions(7), `ct`."""

    zone: int  # 0 to 255, counted by each policy for itself: no two switches share a zone
    commit: bool = False
    table: int | None = None  # where the packet goes on, None: nowhere (a fork for commit only)
    mark: int | None = None  # ct_mark to set while committing


@dataclass(frozen=True)
class GotoTable:
    """Continues with the entries of a later table."""

    table: int


CT_NEW = 0x01  # bits of ct_state. Source: ovs-fields(7), "Connection Tracking State"
CT_ESTABLISHED = 0x02
CT_RELATED = 0x04
CT_INVALID = 0x10
CT_TRACKED = 0x20

LATER_FRAGMENT = (2, 2)  # value and mask of `ip_frag`. Source: ovs-fields(7), "IPv4/v6 Fragment Bitmask"

Action = Output | Track | GotoTable

OxmValue = int | str | tuple[int, int] | tuple[str, str]
"""What a field has to be: a number, an address as text, or (value, mask) of either."""

Match = Mapping[str, OxmValue]
"""Values by OpenFlow's OXM field names: `eth_type`, `ipv4_src`, `ipv6_src`, `tcp_dst`, `ct_state` ..."""


@dataclass(frozen=True)
class FlowEntry:
    """One flow entry; no actions means drop."""

    priority: int
    match: Match = field(default_factory=dict)
    actions: tuple[Action, ...] = ()
    table: int = 0


@dataclass(frozen=True)
class IPVersion:
    """One version of IP, with OpenFlow's names for its fields."""

    number: Literal[4, 6]
    ethertype: int
    source: str
    destination: str
    icmp: int  # the number of its ICMP as a protocol
    icmp_type: str
    icmp_code: str

    @property
    def match(self) -> Match:
        """Its packets."""
        return {"eth_type": self.ethertype}

    def later_fragments(self, protocol: int | None = None) -> Match:
        """The fragments behind the first one of a packet, which have no ports; of a protocol where that can be told.

        Open vSwitch looks behind the fragment header of a first fragment alone; of others that is the protocol.
        Source: seen on Open vSwitch 3.1; its lib/flow.c, parse_ipv6_ext_hdrs.
        """
        known = wire.IPV6_FRAGMENT if self.number == 6 else protocol
        match: dict[str, OxmValue] = {**self.match, "ip_frag": LATER_FRAGMENT}
        return match if known is None else {**match, "ip_proto": known}


IPV4: Final = IPVersion(4, wire.ETHERTYPE_IPV4, "ipv4_src", "ipv4_dst", wire.ICMP, "icmpv4_type", "icmpv4_code")
IPV6: Final = IPVersion(6, wire.ETHERTYPE_IPV6, "ipv6_src", "ipv6_dst", wire.ICMPV6, "icmpv6_type", "icmpv6_code")
IP_VERSIONS: Final = (IPV4, IPV6)

IPNetwork = IPv4Network | IPv6Network


def version_of(what: IPAddress | IPNetwork) -> IPVersion:
    """The version of IP that an address or a network is of."""
    return IPV4 if what.version == 4 else IPV6


def within(field_name: str, network: IPNetwork | None) -> Match:
    """The match of an address field that is in a network; empty where that is no condition."""
    if network is None or network.prefixlen == 0:
        return {}
    return {field_name: (str(network.network_address), str(network.netmask))}


# What finds neighbours and routers: to IPv6 what ARP is to IPv4. Source: RFC 4861, section 4
ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT = 133, 134, 135, 136
NEIGHBOUR_DISCOVERY: Final = (
    ROUTER_SOLICITATION,
    ROUTER_ADVERTISEMENT,
    NEIGHBOUR_SOLICITATION,
    NEIGHBOUR_ADVERTISEMENT,
)


def neighbour_discovery(icmpv6_type: int) -> Match:
    """A message of neighbour discovery that no router has passed on. Source: RFC 4861, sections 6.1 and 7.1."""
    return {**IPV6.match, "ip_proto": wire.ICMPV6, "nw_ttl": 255, "icmpv6_type": icmpv6_type}


@dataclass(frozen=True)
class PacketOut:
    """A frame that the controller sends out of a port of the switch that asked."""

    frame: bytes
    port: int


class Policy(Protocol):
    """What one file of `controllers/` provides as `POLICY`."""

    @classmethod
    def from_config(cls, config: Mapping[str, object], ports: Mapping[str, int], place: str) -> Self:
        """Reads a configuration (plain YAML/JSON types).

        Args:
            config: the policy as a scenario, a topology or a person states it.
            ports: OpenFlow port number of each interface of the switch, by interface name.
            place: where the configuration stands, for error messages.

        Raises:
            InvalidInput: with every problem found, each naming its key below `place` and the fix.
        """
        ...

    def flow_entries(self) -> tuple[FlowEntry, ...]:
        """All flow entries of this policy; the switch holds these and no others."""
        ...

    def answer(self, frame: bytes, in_port: int) -> tuple[PacketOut, ...]:
        """What to send for a frame that a flow entry sent to the controller; nothing for one that it cannot read."""
        ...


PortRange = tuple[int, int]  # first and last port, both included
ALL_PORTS: PortRange = (0, 0xFFFF)


def masked_ports(ranges: Iterable[PortRange]) -> Iterator[tuple[int, int]]:
    """The fewest (value, mask) pairs that together match exactly the ports of `ranges`, in ascending order."""
    for first, last in _merged(ranges):
        start = first
        while start <= last:
            size = start & -start or 1 << 16  # the largest aligned block that may start here
            while start + size - 1 > last:
                size >>= 1
            yield start, 0x10000 - size
            start += size


def _merged(ranges: Iterable[PortRange]) -> list[PortRange]:
    merged: list[PortRange] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


@dataclass
class ConfigReader:
    """Collects what is wrong in a configuration while it is read, so that a person sees all of it at once.

    Each method takes a value and the path of its key, and gives what was meant, or None after noting a problem.
    """

    place: str
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, path: str, wrong: str, fix: str) -> None:
        """Notes a problem."""
        self.problems.append(Problem(f"{self.place}: {path}", wrong, fix))

    def finish(self) -> None:
        """Raises InvalidInput with the problems, if there are any."""
        if self.problems:
            raise InvalidInput(*self.problems)

    def mapping(self, value: object, path: str, known: Collection[str] | None = None) -> Mapping[str, object]:
        """A mapping with text keys, all of them `known`; empty after a problem with the value itself."""
        if not isinstance(value, Mapping):
            self.refuse(path, f"{value!r} is not a mapping", "write `key: value` pairs")
            return {}
        for key in value:
            if not isinstance(key, str) or (known is not None and key not in known):
                self.refuse(_join(path, key), f"unknown key {key!r}", meant(str(key), known or ()))
        return {key: content for key, content in value.items() if isinstance(key, str)}

    def sequence(self, value: object, path: str) -> list[object]:
        """A list; empty after a problem."""
        if isinstance(value, list):
            return value
        fix = f"write [{value}]" if isinstance(value, str | int) else "write a list, `[]` for an empty one"
        self.refuse(path, f"{value!r} is not a list", fix)
        return []

    def choice(self, value: object, path: str, choices: Collection[str]) -> str | None:
        """One of `choices`."""
        if isinstance(value, str) and value in choices:
            return value
        wrong = "missing" if value is None else f"{value!r} is not one of {', '.join(choices)}"
        self.refuse(path, wrong, meant(str(value), choices))
        return None

    def number(self, value: object, path: str, last: int, first: int = 0) -> int | None:
        """A number from `first` to `last`."""
        if isinstance(value, int) and not isinstance(value, bool) and first <= value <= last:
            return value
        is_quoted = isinstance(value, str) and value.isdecimal()
        fix = f"write {value} without quotes" if is_quoted else "write a number"
        self.refuse(path, f"{value!r} is not a number from {first} to {last}", fix)
        return None

    def address(self, value: object, path: str) -> IPAddress | None:
        """An IPv4 or IPv6 address."""
        try:
            if not isinstance(value, str) or "%" in value:  # the name of an interface of some machine
                raise ValueError
            return ip_address(value)
        except ValueError:
            self.refuse(path, f"{value!r} is not an IP address", "write one as 10.0.0.1 or fd00::1")
            return None

    def network(self, value: object, path: str) -> IPNetwork | None:
        """An IPv4 or IPv6 network in CIDR notation without host bits."""
        try:
            if not isinstance(value, str) or not re.fullmatch(r"[0-9A-Fa-f:.]+(/[0-9]+)?", value):
                raise ValueError
            network = ip_network(value, strict=False)
        except ValueError:
            self.refuse(path, f"{value!r} is not a network", "write one as 10.0.0.0/8 or fd00::/8")
            return None
        address = value.partition("/")[0]
        if "/" not in value:
            fix = f"write {value}/{network.max_prefixlen} for the one address"
            self.refuse(path, f"{value!r} has no prefix length", fix)
            return None
        if network.network_address != ip_address(address):
            fix = f"write {network}, or {address}/{network.max_prefixlen}"
            self.refuse(path, f"{value!r} has host bits set", fix)
            return None
        return network

    def ports(self, value: object, path: str) -> tuple[PortRange, ...]:
        """Ports written as a number, as "first-last", or as a list of these; empty after a problem."""
        if isinstance(value, list) and value:
            return tuple(ports for index, item in enumerate(value) for ports in self.ports(item, f"{path}[{index}]"))
        found = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", str(value)) if isinstance(value, str | int) else None
        if not found or int(found[2] or found[1]) > 0xFFFF:
            self.refuse(path, f"{value!r} is not a port", 'write a number from 0 to 65535, or a range as "8000-8080"')
            return ()
        first, last = int(found[1]), int(found[2] or found[1])
        if first > last:
            self.refuse(path, f"the range {value!r} ends before it starts", f'write "{last}-{first}"')
            return ()
        return ((first, last),)


def meant(written: str, choices: Collection[str]) -> str:
    """The fix for a word that is not one of `choices`: the one that looks like it, else all of them."""
    close = get_close_matches(written, choices, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"write one of {', '.join(choices)}" if choices else "take it out"


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)
