"""Security groups as a cloud has them: stateful, allow-only, checked at each elastic network interface.

    controller: security_group
    groups:
      web:
        inbound:
          - {protocol: tcp, port: 22, source: 10.8.0.0/24}
          - {protocol: tcp, port: 22, source: "fd00:8::/64"}
          - {protocol: tcp, ports: "8000-8080", source: clients}     # a group: the addresses of its interfaces
          - {protocol: icmp, icmp_type: 8, icmp_code: 0, source: 0.0.0.0/0}
          - {protocol: icmpv6, source: "::/0"}
        outbound: []                                                 # nothing; left out, it means everything
    interfaces:
      vpc-eth2: {addresses: [10.0.1.10, "fd00:1::10"], groups: [web]}

As in AWS, 0.0.0.0/0 is all of IPv4 and ::/0 all of IPv6, and no word is both; `icmp` is IPv4's and `icmpv6` IPv6's.

A packet between two interfaces has to pass the sender's outbound and the receiver's inbound rules. What no rule
allows is dropped silently. An interface sends from its own addresses only, in ARP and in neighbour discovery too, and
never advertises a router. Its link-local address is fe80:: with the second half of its IPv6 address, where none is
listed. Interfaces of the switch that are not listed (the way to the router) are not restricted, and hear all that is
for no listed address.

Connections are tracked for each interface, so replies, ICMP errors about them ("packet too big" among them), and
connections that were open before the rules changed go on. Different from AWS: flows that its rules allow in full in
both directions are tracked here too, so they also outlive the change; the resolver is filtered like everybody else; and
an ICMP message that neither asks nor belongs to a tracked connection is invalid, whatever the rules say.

Source: Amazon EC2 User Guide, "Security groups" and "Security group connection tracking".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from itertools import chain, product
from typing import Final, Literal, Self

from whodunet.openflow import wire
from whodunet.openflow.policy import (
    ALL_PORTS,
    CT_ESTABLISHED,
    CT_INVALID,
    CT_NEW,
    CT_RELATED,
    CT_TRACKED,
    IP_VERSIONS,
    IPV4,
    IPV6,
    NEIGHBOUR_ADVERTISEMENT,
    NEIGHBOUR_DISCOVERY,
    NEIGHBOUR_SOLICITATION,
    NORMAL,
    ROUTER_SOLICITATION,
    Action,
    ConfigReader,
    FlowEntry,
    GotoTable,
    IPNetwork,
    IPVersion,
    Match,
    Output,
    OxmValue,
    PacketOut,
    PortRange,
    Track,
    masked_ports,
    meant,
    neighbour_discovery,
    version_of,
    within,
)
from whodunet.openflow.wire import IPAddress

PROTOCOLS: Final = {"tcp": wire.TCP, "udp": wire.UDP, "icmp": wire.ICMP, "icmpv6": wire.ICMPV6, "all": None}

_SENDER, _OUTBOUND, _RECEIVER, _INBOUND = range(4)  # the tables, in the order in which a packet goes through them
_NEW: Final[Match] = {"ct_state": (CT_TRACKED | CT_NEW, CT_TRACKED | CT_NEW | CT_INVALID)}
_PASSING: Final[tuple[Match, ...]] = tuple(
    {"ct_state": (state, state | CT_INVALID)} for state in (CT_ESTABLISHED, CT_RELATED)
)
_ARP: Final[Match] = {"eth_type": wire.ETHERTYPE_ARP}
_NO_ADDRESS: Final = {IPV4: "0.0.0.0", IPV6: "::"}  # of who asks whether an address is free
_Direction = Literal["inbound", "outbound"]
_KEYS = ("protocol", "port", "ports", "icmp_type", "icmp_code")


@dataclass(frozen=True)
class Rule:
    """One line of a group; `peer` is a network or the name of a group, no protocol means every one."""

    peer: IPNetwork | str
    protocol: int | None = None
    ports: tuple[PortRange, ...] = ()
    icmp_type: int | None = None
    icmp_code: int | None = None

    def is_about(self, version: IPVersion) -> bool:
        """Whether a packet of this version of IP can match it."""
        is_icmp = self.protocol in (wire.ICMP, wire.ICMPV6)
        of_peer = isinstance(self.peer, str) or version_of(self.peer) == version
        return of_peer and (not is_icmp or self.protocol == version.icmp)

    def matches(self, version: IPVersion) -> Iterator[Match]:
        """The matches on protocol, ports and ICMP fields that together cover the rule."""
        first: dict[str, OxmValue] = dict(version.match)
        numbers = {"ip_proto": self.protocol, version.icmp_type: self.icmp_type, version.icmp_code: self.icmp_code}
        first |= {field: number for field, number in numbers.items() if number is not None}
        for value, mask in masked_ports(self.ports or [ALL_PORTS]):
            yield {**first, self._port_field(): (value, mask)} if mask else first
        if self.ports or self.icmp_type is not None or (self.protocol is not None and version == IPV6):
            # A later fragment has no ports, no ICMP fields, and of IPv6 no protocol. It may pass where its first
            # fragment may, which alone is of no use.
            yield version.later_fragments(self.protocol)

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
    addresses: tuple[IPAddress, ...]
    groups: tuple[str, ...]

    def addresses_of(self, version: IPVersion) -> list[str]:
        """Its addresses of a version of IP."""
        return [str(address) for address in self.addresses if version_of(address) == version]


# What a group allows outbound as long as nobody says otherwise.
_EVERYTHING: Final = (Rule(IPv4Network("0.0.0.0/0")), Rule(IPv6Network("::/0")))


@dataclass(frozen=True)
class SecurityGroup:
    """The policy of a cloud's virtual switch; all of it is flow entries, nothing asks the controller."""

    groups: Mapping[str, Group]
    interfaces: tuple[Interface, ...]
    unrestricted_ports: tuple[int, ...]

    @classmethod
    def from_config(cls, config: Mapping[str, object], ports: Mapping[str, int], place: str) -> Self:
        """Reads the configuration shown at the top of this file."""
        reader = ConfigReader(place)
        reader.mapping(config, "", ("controller", "groups", "interfaces"))
        written = reader.mapping(config.get("groups", {}), "groups")
        groups = {name: _read_group(reader, group, f"groups.{name}", written) for name, group in written.items()}
        listed = reader.mapping(config.get("interfaces", {}), "interfaces")
        interfaces = tuple(
            _read_interface(reader, name, interface, ports, written) for name, interface in listed.items()
        )
        _refuse_shared_addresses(reader, interfaces)
        reader.finish()
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
        to_neighbours = (Output(NORMAL),)
        for interface in self.interfaces:
            own: Match = {"in_port": interface.port}
            for match in chain(_own_arp(interface), _own_neighbour_discovery(interface)):
                yield FlowEntry(5, {**own, **match}, to_neighbours)
            for version in IP_VERSIONS:
                for address in interface.addresses_of(version):
                    from_it = {**own, **version.match, version.source: address}
                    yield FlowEntry(4, from_it, (Track(interface.port, table=_OUTBOUND),))
            yield FlowEntry(3, own)
        for match in (_ARP, *map(neighbour_discovery, NEIGHBOUR_DISCOVERY)):
            yield FlowEntry(2, match, to_neighbours)
        for version in IP_VERSIONS:
            yield FlowEntry(1, version.match, (GotoTable(_RECEIVER),))
        yield FlowEntry(0)

    def _outbound(self, interface: Interface) -> Iterator[FlowEntry]:
        for version in IP_VERSIONS:
            if interface.addresses_of(version):
                yield from self._allow(
                    interface, "outbound", version, {"in_port": interface.port}, GotoTable(_RECEIVER)
                )

    def _receiver(self) -> Iterator[FlowEntry]:
        for interface in self.interfaces:
            for version in IP_VERSIONS:
                for address in interface.addresses_of(version):
                    to_it = {**version.match, version.destination: address}
                    yield FlowEntry(1, to_it, (Track(interface.port, table=_INBOUND),), _RECEIVER)
        # Not NORMAL: it floods frames for unlearned addresses, to the restricted interfaces as well.
        yield FlowEntry(0, {}, tuple(Output(port) for port in self.unrestricted_ports), _RECEIVER)

    def _inbound(self, interface: Interface) -> Iterator[FlowEntry]:
        on = Output(interface.port)
        for version in IP_VERSIONS:
            for address in interface.addresses_of(version):
                yield from self._allow(interface, "inbound", version, {version.destination: address}, on)

    def _allow(
        self, interface: Interface, direction: _Direction, version: IPVersion, own: Match, passing: Action
    ) -> Iterator[FlowEntry]:
        """Lets tracked connections pass, and starts to track new ones that a rule allows; the rest has no entry."""
        table, peer_field = (_OUTBOUND, version.destination) if direction == "outbound" else (_INBOUND, version.source)
        for state in _PASSING:
            yield FlowEntry(2, {**version.match, **own, **state}, (passing,), table)
        commit = (Track(interface.port, commit=True), passing)
        for rule in self._rules(interface, direction):
            if rule.is_about(version):
                for peer, match in product(self._peers(rule.peer, version, peer_field), rule.matches(version)):
                    yield FlowEntry(1, {**match, **own, **_NEW, **peer}, commit, table)

    def _rules(self, interface: Interface, direction: _Direction) -> tuple[Rule, ...]:
        """The union of the interface's groups, each rule once."""
        groups = [self.groups[name] for name in interface.groups]
        each_group = (group.inbound if direction == "inbound" else group.outbound for group in groups)
        return tuple(dict.fromkeys(chain.from_iterable(each_group)))

    def _peers(self, peer: IPNetwork | str, version: IPVersion, field: str) -> list[Match]:
        if not isinstance(peer, str):
            return [within(field, peer)]
        members = (interface for interface in self.interfaces if peer in interface.groups)
        return [{field: address} for member in members for address in member.addresses_of(version)]


def _own_arp(interface: Interface) -> Iterator[Match]:
    """ARP from its own addresses, or from none: the sender of a probe has none yet. Source: RFC 5227, section 1.1."""
    for address in (*interface.addresses_of(IPV4), _NO_ADDRESS[IPV4]):
        yield {**_ARP, "arp_spa": address}


def _own_neighbour_discovery(interface: Interface) -> Iterator[Match]:
    """Questions from its own addresses, or from none about its own, and answers about its own.

    Source: RFC 4861, sections 4.1, 4.3 and 4.4; RFC 4862, section 5.4.2.
    """
    addresses = interface.addresses_of(IPV6)
    if not addresses:
        return
    router_solicitation, solicitation, advertisement = map(
        neighbour_discovery, (ROUTER_SOLICITATION, NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT)
    )
    for source in (*addresses, _NO_ADDRESS[IPV6]):
        yield {**router_solicitation, "ipv6_src": source}
    for source in addresses:
        yield {**solicitation, "ipv6_src": source}
        yield {**solicitation, "ipv6_src": _NO_ADDRESS[IPV6], "nd_target": source}
    for source, target in product(addresses, addresses):
        yield {**advertisement, "ipv6_src": source, "nd_target": target}


def _read_group(reader: ConfigReader, group: object, path: str, names: Collection[str]) -> Group:
    written = reader.mapping(group, path, ("inbound", "outbound"))
    inbound = reader.sequence(written.get("inbound", []), f"{path}.inbound")
    rules = [_read_rule(reader, line, f"{path}.inbound[{i}]", "source", names) for i, line in enumerate(inbound)]
    if "outbound" not in written:
        return Group(tuple(rules), _EVERYTHING)
    outbound = reader.sequence(written["outbound"], f"{path}.outbound")
    leaving = [
        _read_rule(reader, line, f"{path}.outbound[{i}]", "destination", names) for i, line in enumerate(outbound)
    ]
    return Group(tuple(rules), tuple(leaving))


def _read_rule(reader: ConfigReader, line: object, path: str, peer_key: str, names: Collection[str]) -> Rule:
    written = reader.mapping(line, path, (*_KEYS, peer_key))
    protocol = _read_protocol(reader, written.get("protocol"), f"{path}.protocol")
    rule = Rule(
        _read_peer(reader, written.get(peer_key), f"{path}.{peer_key}", names),
        protocol,
        _read_ports(reader, written, protocol, path),
        _read_icmp(reader, written, "icmp_type", protocol, path),
        _read_icmp(reader, written, "icmp_code", protocol, path),
    )
    if not any(map(rule.is_about, IP_VERSIONS)):
        mine, other = ("icmp", "icmpv6") if protocol == wire.ICMP else ("icmpv6", "icmp")
        wrong = f"{mine} is IPv{4 if mine == 'icmp' else 6}'s, and {rule.peer} is not"
        reader.refuse(f"{path}.protocol", wrong, f"write {other}, or a network of the other family")
    return rule


def _read_protocol(reader: ConfigReader, value: object, path: str) -> int | None:
    if isinstance(value, int):
        return reader.number(value, path, 255)
    return PROTOCOLS[reader.choice(value, path, PROTOCOLS) or "all"]


def _read_peer(reader: ConfigReader, value: object, path: str, names: Collection[str]) -> IPNetwork | str:
    if isinstance(value, str) and value in names:
        return value
    if isinstance(value, str) and ":" not in value and not value[:1].isdigit():
        anywhere = "write 0.0.0.0/0, ::/0, or a rule for each"
        fix = anywhere if value in ("any", "all", "anywhere") or not names else meant(value, names)
        reader.refuse(path, f"there is no group {value!r}", fix)
        return value
    return reader.network(value, path) or ""


def _read_ports(
    reader: ConfigReader, written: Mapping[str, object], protocol: int | None, path: str
) -> tuple[PortRange, ...]:
    keys = [key for key in ("port", "ports") if key in written]
    if not keys:
        return ()
    if len(keys) == 2:
        reader.refuse(f"{path}.port", "`port` and `ports` are the same", "keep one of them")
    if protocol not in (wire.TCP, wire.UDP):
        reader.refuse(f"{path}.{keys[0]}", "only TCP and UDP have ports", "write `protocol: tcp` or take it out")
    return reader.ports(written[keys[0]], f"{path}.{keys[0]}")


def _read_icmp(
    reader: ConfigReader, written: Mapping[str, object], key: str, protocol: int | None, path: str
) -> int | None:
    if key not in written:
        return None
    if protocol not in (wire.ICMP, wire.ICMPV6):
        fix = "write `protocol: icmp` or `protocol: icmpv6`, or take it out"
        reader.refuse(f"{path}.{key}", "only ICMP has types and codes", fix)
    if key == "icmp_code" and "icmp_type" not in written:
        reader.refuse(f"{path}.{key}", "a code means nothing without its type", "add `icmp_type`")
    return reader.number(written[key], f"{path}.{key}", 255)


def _read_interface(
    reader: ConfigReader, name: str, interface: object, ports: Mapping[str, int], groups: Collection[str]
) -> Interface:
    path = f"interfaces.{name}"
    if name not in ports:
        reader.refuse(path, f"the switch has no interface {name!r}", meant(name, ports))
    written = reader.mapping(interface, path, ("addresses", "groups"))
    listed = enumerate(reader.sequence(written.get("addresses", []), f"{path}.addresses"))
    addresses = [reader.address(value, f"{path}.addresses[{index}]") for index, value in listed]
    own = tuple(address for address in addresses if address is not None)
    if not written.get("addresses"):
        reader.refuse(f"{path}.addresses", "missing, so the interface could not send anything", "add its address")
    named = enumerate(reader.sequence(written.get("groups", []), f"{path}.groups"))
    members = [reader.choice(value, f"{path}.groups[{index}]", groups) for index, value in named]
    if not written.get("groups"):
        reader.refuse(f"{path}.groups", "missing, but every interface is in a group", "add at least one")
    groups_of = tuple(group for group in members if group is not None)
    return Interface(ports.get(name, 0), (*own, *_link_local(own)), groups_of)


def _link_local(addresses: Collection[IPAddress]) -> Iterator[IPv6Address]:
    """The link-local address of an interface that has others of IPv6 alone: with the same interface identifier."""
    of_ipv6 = [address for address in addresses if isinstance(address, IPv6Address)]
    if of_ipv6 and not any(address.is_link_local for address in of_ipv6):
        yield IPv6Address(b"\xfe\x80".ljust(8, b"\0") + of_ipv6[0].packed[8:])


def _refuse_shared_addresses(reader: ConfigReader, interfaces: tuple[Interface, ...]) -> None:
    addresses = [address for interface in interfaces for address in interface.addresses]
    for address in sorted({str(address) for address in addresses if addresses.count(address) > 1}):
        reader.refuse("interfaces", f"{address} is that of several interfaces", "give every address to one of them")


POLICY = SecurityGroup
