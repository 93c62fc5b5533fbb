"""Security groups as a cloud has them: stateful, allow-only, checked at each elastic network interface.

    controller: security_group
    groups:
      web:
        inbound:
          - {protocol: tcp, port: 22, source: 10.8.0.0/24}
          - {protocol: tcp, ports: "8000-8080", source: clients}     # a group: the addresses of its interfaces
          - {protocol: icmp, icmp_type: 8, icmp_code: 0, source: 0.0.0.0/0}
        outbound: []                                                 # nothing; left out, it means everything
    interfaces:
      vpc-eth2: {addresses: [10.0.1.10], groups: [web]}

A packet between two interfaces has to pass the sender's outbound and the receiver's inbound rules. What no rule
allows is dropped silently. An interface sends from its own addresses only, in ARP too. Interfaces of the
switch that are not listed (the way to the router) are not restricted, and hear all that is for no listed address.

Connections are tracked for each interface, so replies, ICMP errors about them, and connections that were open before
the rules changed go on. Different from AWS: flows that its rules allow in full in both directions are tracked
here too, so they also outlive the change; the resolver is filtered like everybody else; IPv6 is dropped; and an ICMP
message that neither asks nor belongs to a tracked connection is invalid, whatever the rules say.

Source: Amazon EC2 User Guide, "Security groups" and "Security group connection tracking".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import chain, product
from typing import Any, Self

from whodunet.openflow import wire
from whodunet.openflow.policy import (
    ALL_PORTS,
    CT_ESTABLISHED,
    CT_INVALID,
    CT_NEW,
    CT_RELATED,
    CT_TRACKED,
    LATER_FRAGMENT,
    NORMAL,
    Action,
    FlowEntry,
    GotoTable,
    Output,
    PacketOut,
    PortRange,
    Reading,
    Track,
    masked_ports,
    meant,
)

PROTOCOLS = {"tcp": wire.TCP, "udp": wire.UDP, "icmp": wire.ICMP, "all": None}

_SENDER, _OUTBOUND, _RECEIVER, _INBOUND = range(4)  # the tables, in the order in which a packet goes through them
_DIRECTIONS = {"outbound": (_OUTBOUND, "ipv4_dst"), "inbound": (_INBOUND, "ipv4_src")}
_NEW = {"ct_state": (CT_TRACKED | CT_NEW, CT_TRACKED | CT_NEW | CT_INVALID)}
_PASSING = tuple({"ct_state": (state, state | CT_INVALID)} for state in (CT_ESTABLISHED, CT_RELATED))
_IPV4 = {"eth_type": wire.ETHERTYPE_IPV4}
_ARP = {"eth_type": wire.ETHERTYPE_ARP}
_KEYS = ("protocol", "port", "ports", "icmp_type", "icmp_code")


@dataclass(frozen=True)
class Rule:
    """One line of a group; `peer` is a network or the name of a group, no protocol means every one."""

    peer: IPv4Network | str
    protocol: int | None = None
    ports: tuple[PortRange, ...] = ()
    icmp_type: int | None = None
    icmp_code: int | None = None

    def matches(self) -> Iterator[dict[str, Any]]:
        """The matches on protocol, ports and ICMP fields that together cover the rule."""
        protocol = {} if self.protocol is None else {"ip_proto": self.protocol}
        icmp = {"icmpv4_type": self.icmp_type, "icmpv4_code": self.icmp_code}
        first = protocol | {key: value for key, value in icmp.items() if value is not None}
        for value, mask in masked_ports(self.ports or [ALL_PORTS]):
            yield first | ({self._port_field(): (value, mask)} if mask else {})
        if self.ports or self.icmp_type is not None:
            # A later fragment has none of these; it may pass where its first fragment may, which alone is of no use.
            yield protocol | {"ip_frag": LATER_FRAGMENT}

    def _port_field(self) -> str:
        return "tcp_dst" if self.protocol == wire.TCP else "udp_dst"


@dataclass(frozen=True)
class Group:
    """A named set of rules for each direction."""

    inbound: tuple[Rule, ...]
    outbound: tuple[Rule, ...]


@dataclass(frozen=True)
class Interface:
    """An elastic network interface, behind one port of the switch; the port's number is its tracking zone too."""

    port: int
    addresses: tuple[IPv4Address, ...]
    groups: tuple[str, ...]


_EVERYTHING = (Rule(IPv4Network("0.0.0.0/0")),)  # what a group allows outbound as long as nobody says otherwise


@dataclass(frozen=True)
class SecurityGroup:
    """The policy of a cloud's virtual switch; all of it is flow entries, nothing asks the controller."""

    groups: Mapping[str, Group]
    interfaces: tuple[Interface, ...]
    unrestricted_ports: tuple[int, ...]

    @classmethod
    def from_config(cls, config: Mapping[str, Any], ports: Mapping[str, int], place: str) -> Self:
        """Reads the configuration shown at the top of this file."""
        reading = Reading(place)
        reading.mapping(config, "", ("controller", "groups", "interfaces"))
        written = reading.mapping(config.get("groups", {}), "groups")
        groups = {name: _read_group(reading, group, f"groups.{name}", written) for name, group in written.items()}
        listed = reading.mapping(config.get("interfaces", {}), "interfaces")
        interfaces = tuple(
            _read_interface(reading, name, interface, ports, written) for name, interface in listed.items()
        )
        _refuse_shared_addresses(reading, interfaces)
        reading.finish()
        return cls(groups, interfaces, tuple(port for name, port in ports.items() if name not in listed))

    def flow_entries(self) -> tuple[FlowEntry, ...]:
        """The four checks on a packet's way: who sends it, may it leave, who receives it, may it enter."""
        entries = chain(
            self._sender(),
            chain.from_iterable(self._outbound(interface) for interface in self.interfaces),
            self._receiver(),
            chain.from_iterable(self._inbound(interface) for interface in self.interfaces),
        )
        # The union of groups says some things twice, which a flow table cannot hold.
        return tuple({(entry.table, *sorted(entry.match.items())): entry for entry in entries}.values())

    def answer(self, frame: bytes, in_port: int) -> tuple[PacketOut, ...]:
        """Nothing: a security group drops in silence."""
        return ()

    def _sender(self) -> Iterator[FlowEntry]:
        for interface in self.interfaces:
            own, track = {"in_port": interface.port}, (Track(interface.port, table=_OUTBOUND),)
            for address in map(str, interface.addresses):
                yield FlowEntry(3, own | _IPV4 | {"ipv4_src": address}, track)
                yield FlowEntry(3, own | _ARP | {"arp_spa": address}, (Output(NORMAL),))
            # The sender of an ARP probe has no address yet. Source: RFC 5227, section 1.1.
            yield FlowEntry(3, own | _ARP | {"arp_spa": str(IPv4Address(0))}, (Output(NORMAL),))
            yield FlowEntry(2, own)
        yield FlowEntry(1, _ARP, (Output(NORMAL),))
        yield FlowEntry(1, _IPV4, (GotoTable(_RECEIVER),))
        yield FlowEntry(0)

    def _outbound(self, interface: Interface) -> Iterator[FlowEntry]:
        return self._allow(interface, "outbound", {"in_port": interface.port}, GotoTable(_RECEIVER))

    def _receiver(self) -> Iterator[FlowEntry]:
        for interface, address in self._addresses():
            yield FlowEntry(1, _IPV4 | {"ipv4_dst": str(address)}, (Track(interface.port, table=_INBOUND),), _RECEIVER)
        # Not NORMAL: it floods frames for unlearned addresses, to the restricted interfaces as well.
        yield FlowEntry(0, {}, tuple(Output(port) for port in self.unrestricted_ports), _RECEIVER)

    def _inbound(self, interface: Interface) -> Iterator[FlowEntry]:
        for address in interface.addresses:
            yield from self._allow(interface, "inbound", {"ipv4_dst": str(address)}, Output(interface.port))

    def _allow(
        self, interface: Interface, direction: str, own: Mapping[str, Any], passing: Action
    ) -> Iterator[FlowEntry]:
        """Lets tracked connections pass, and starts to track new ones that a rule allows; the rest has no entry."""
        table, peer_field = _DIRECTIONS[direction]
        for state in _PASSING:
            yield FlowEntry(2, {**_IPV4, **own, **state}, (passing,), table)
        commit = (Track(interface.port, commit=True), passing)
        for rule in self._rules(interface, direction):
            for peer, match in product(self._peers(rule.peer, peer_field), rule.matches()):
                yield FlowEntry(1, {**_IPV4, **own, **_NEW, **peer, **match}, commit, table)

    def _rules(self, interface: Interface, direction: str) -> tuple[Rule, ...]:
        """The union of the interface's groups, each rule once."""
        each_group = (getattr(self.groups[name], direction) for name in interface.groups)
        return tuple(dict.fromkeys(chain.from_iterable(each_group)))

    def _peers(self, peer: IPv4Network | str, field: str) -> list[dict[str, Any]]:
        if isinstance(peer, str):
            return [{field: str(address)} for member, address in self._addresses() if peer in member.groups]
        return [{field: (str(peer.network_address), str(peer.netmask))} if peer.prefixlen else {}]

    def _addresses(self) -> Iterator[tuple[Interface, IPv4Address]]:
        return ((interface, address) for interface in self.interfaces for address in interface.addresses)


def _read_group(reading: Reading, group: object, path: str, names: Mapping[str, Any]) -> Group:
    written = reading.mapping(group, path, ("inbound", "outbound"))
    inbound = reading.sequence(written.get("inbound", []), f"{path}.inbound")
    rules = [_read_rule(reading, line, f"{path}.inbound[{i}]", "source", names) for i, line in enumerate(inbound)]
    if "outbound" not in written:
        return Group(tuple(rules), _EVERYTHING)
    outbound = reading.sequence(written["outbound"], f"{path}.outbound")
    leaving = [
        _read_rule(reading, line, f"{path}.outbound[{i}]", "destination", names) for i, line in enumerate(outbound)
    ]
    return Group(tuple(rules), tuple(leaving))


def _read_rule(reading: Reading, line: object, path: str, peer_key: str, names: Mapping[str, Any]) -> Rule:
    written = reading.mapping(line, path, (*_KEYS, peer_key))
    protocol = _read_protocol(reading, written.get("protocol"), f"{path}.protocol")
    return Rule(
        _read_peer(reading, written.get(peer_key), f"{path}.{peer_key}", names),
        protocol,
        _read_ports(reading, written, protocol, path),
        _read_icmp(reading, written, "icmp_type", protocol, path),
        _read_icmp(reading, written, "icmp_code", protocol, path),
    )


def _read_protocol(reading: Reading, value: object, path: str) -> int | None:
    if isinstance(value, int):
        return reading.number(value, path, 255)
    return PROTOCOLS[reading.choice(value, path, PROTOCOLS) or "all"]


def _read_peer(reading: Reading, value: object, path: str, names: Mapping[str, Any]) -> IPv4Network | str:
    if isinstance(value, str) and value in names:
        return value
    if isinstance(value, str) and not value[:1].isdigit():
        reading.refuse(path, f"there is no group {value!r}", meant(value, names) if names else "write a network")
        return value
    return reading.network(value, path) or IPv4Network("0.0.0.0/32")


def _read_ports(reading: Reading, written: Mapping[str, Any], protocol: int | None, path: str) -> tuple[PortRange, ...]:
    keys = [key for key in ("port", "ports") if key in written]
    if not keys:
        return ()
    if len(keys) == 2:
        reading.refuse(f"{path}.port", "`port` and `ports` are the same", "keep one of them")
    if protocol not in (wire.TCP, wire.UDP):
        reading.refuse(f"{path}.{keys[0]}", "only TCP and UDP have ports", "write `protocol: tcp` or take it out")
    return reading.ports(written[keys[0]], f"{path}.{keys[0]}")


def _read_icmp(reading: Reading, written: Mapping[str, Any], key: str, protocol: int | None, path: str) -> int | None:
    if key not in written:
        return None
    if protocol != wire.ICMP:
        reading.refuse(f"{path}.{key}", "only ICMP has types and codes", "write `protocol: icmp` or take it out")
    if key == "icmp_code" and "icmp_type" not in written:
        reading.refuse(f"{path}.{key}", "a code means nothing without its type", "add `icmp_type`")
    return reading.number(written[key], f"{path}.{key}", 255)


def _read_interface(
    reading: Reading, name: str, interface: object, ports: Mapping[str, int], groups: Mapping[str, Any]
) -> Interface:
    path = f"interfaces.{name}"
    if name not in ports:
        reading.refuse(path, f"the switch has no interface {name!r}", meant(name, ports))
    written = reading.mapping(interface, path, ("addresses", "groups"))
    listed = enumerate(reading.sequence(written.get("addresses", []), f"{path}.addresses"))
    addresses = [reading.address(value, f"{path}.addresses[{index}]") for index, value in listed]
    if not written.get("addresses"):
        reading.refuse(f"{path}.addresses", "missing, so the interface could not send anything", "add its address")
    named = enumerate(reading.sequence(written.get("groups", []), f"{path}.groups"))
    members = [reading.choice(value, f"{path}.groups[{index}]", groups) for index, value in named]
    if not written.get("groups"):
        reading.refuse(f"{path}.groups", "missing, but every interface is in a group", "add at least one")
    return Interface(
        ports.get(name, 0), tuple(filter(None, addresses)), tuple(group for group in members if group is not None)
    )


def _refuse_shared_addresses(reading: Reading, interfaces: tuple[Interface, ...]) -> None:
    addresses = [address for interface in interfaces for address in interface.addresses]
    for address in sorted({address for address in addresses if addresses.count(address) > 1}):
        reading.refuse("interfaces", f"{address} is listed more than once", "give every address to one interface")


POLICY = SecurityGroup
