"""A stateful firewall on the way out: the first rule that matches a new connection decides on it.

    controller: egress_firewall
    addresses: [10.8.0.1, "fd00:8::1"]   # sources of the firewall's own ICMP and ICMPv6 errors, needed for `reject`
    ttl: 64                              # TTL and hop limit of what it answers, in its own name or another's
    default: allow                       # or drop
    asymmetric: drop                     # or bypass: answers pass whose questions went another way
    rules:
      - {source: 10.8.0.0/24, destination: any, protocol: tcp, port: 22, action: reset}
      - {protocol: tcp, port: [80, "8000-8080"], action: allow}
      - {destination: "2001:db8::/32", action: reject, with: host-unreachable}
      - {protocol: tcp, ttl: "21-255", action: reset}                  # only what comes with these TTLs (hop limits)
      - {protocol: tcp, flags: [syn, ece, cwr], action: drop}          # only what has all of these flags
      - {protocol: tcp, action: reset, reset: {ttl: copied, acknowledges: nothing}}
      - {protocol: tcp, action: reset, reset: {packet: passes, toward: both}}
      - {protocol: tcp, port: 22, payload: "SSH-", action: reset}      # only data that contains this
      - {protocol: tcp, tls_name: www.example.com, action: drop}       # only what opens TLS for this name

`reset` says how a RST is forged: its `ttl` is own (the firewall's, above), copied (that of the packet) or a number; it
`acknowledges` the packet, or nothing that was sent, so that nobody has to believe it. Where the `packet` is not dropped
but passes, the firewall only watches, and resets besides; then also `toward: both`, each end in the other's name.

A rule about `payload` or `tls_name` is about the data of connections that other rules, or the default, have allowed.
The controller reads it, and lets pass what does not contain the text.

`any` is everywhere in both families, 0.0.0.0/0 all of IPv4 and ::/0 all of IPv6. A rule that names a network is about
that network's family, and `icmp` about the ICMP of its rule's families; `icmpv6` is IPv6's alone. One address may be
written as `address: 10.8.0.1`.

The packets of a connection that was allowed once, its replies, and the ICMP errors about it pass. So a change of
the rules is for new connections; those that are open stay open. ARP and its counterpart in IPv6, neighbour and router
discovery, always pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final, NamedTuple, Self

from whodunet.openflow import wire
from whodunet.openflow.policy import (
    ALL_PORTS,
    CONTROLLER,
    CT_ESTABLISHED,
    CT_INVALID,
    CT_NEW,
    CT_RELATED,
    CT_TRACKED,
    IP_VERSIONS,
    IPV4,
    IPV6,
    NEIGHBOUR_DISCOVERY,
    NORMAL,
    Action,
    ConfigReader,
    FlowEntry,
    GotoTable,
    IPNetwork,
    IPVersion,
    Match,
    Output,
    PacketOut,
    PortRange,
    Track,
    masked_ports,
    neighbour_discovery,
    version_of,
    within,
)
from whodunet.openflow.wire import IcmpError, IPAddress


class Rejection(NamedTuple):
    """The error of each family that a name stands for; None where the family has none."""

    ipv4: IcmpError | None
    ipv6: IcmpError | None


# Source: RFC 7915, section 4.2, for what one family's errors are in the other.
REJECTIONS: Final[Mapping[str, Rejection]] = {
    "net-unreachable": Rejection(wire.NET_UNREACHABLE, wire.NO_ROUTE_V6),
    "host-unreachable": Rejection(wire.HOST_UNREACHABLE, wire.ADDRESS_UNREACHABLE_V6),
    "protocol-unreachable": Rejection(wire.PROTOCOL_UNREACHABLE, None),
    "port-unreachable": Rejection(wire.PORT_UNREACHABLE, wire.PORT_UNREACHABLE_V6),
    "net-prohibited": Rejection(wire.NET_PROHIBITED, wire.ADMIN_PROHIBITED_V6),
    "host-prohibited": Rejection(wire.HOST_PROHIBITED, wire.ADMIN_PROHIBITED_V6),
    "admin-prohibited": Rejection(wire.ADMIN_PROHIBITED, wire.ADMIN_PROHIBITED_V6),
    "policy-fail": Rejection(None, wire.POLICY_FAIL_V6),
    "reject-route": Rejection(None, wire.REJECT_ROUTE_V6),
}
PROTOCOLS: Final = ("tcp", "udp", "icmp", "icmpv6", "any")

_HIGHEST_TTL: Final = 255
_ZONE = 1
_STATE, _RULES = 1, 2  # tables behind table 0, which only sorts out what can be tracked
_FIRST_PRIORITY = 0xFF00
_NEW = (CT_TRACKED | CT_NEW, CT_TRACKED | CT_NEW | CT_INVALID)
_ALLOW: tuple[Action, ...] = (Track(_ZONE, commit=True), Output(NORMAL))
_WATCH: tuple[Action, ...] = (*_ALLOW, Output(CONTROLLER))
_ASK: tuple[Action, ...] = (Output(CONTROLLER),)


_PSH: Final = 0x08  # with the last segment of what a program has written: RFC 9293, section 3.9.1.2
# Source: RFC 9293, section 3.1; RFC 3168, section 6.1, for the last two
FLAGS: Final[Mapping[str, int]] = {
    "fin": wire.FIN,
    "syn": wire.SYN,
    "rst": wire.RST,
    "psh": _PSH,
    "ack": wire.ACK,
    "urg": 0x20,
    "ece": 0x40,
    "cwr": 0x80,
}


@dataclass(frozen=True)
class Reset:
    """How a rule forges a RST, and what becomes of the packet that it answers."""

    ttl: int | None = None  # None: the firewall's own
    copies_ttl: bool = False
    is_acceptable: bool = True
    packet_passes: bool = False
    is_toward_both: bool = False


@dataclass(frozen=True)
class Rule:
    """One line of the policy; no network means anywhere, no ports, TTLs or flags mean any."""

    source: IPNetwork | None
    destination: IPNetwork | None
    protocol: str
    ports: tuple[PortRange, ...]
    action: str
    rejection: str
    ttls: tuple[int, ...] = ()
    flags: int = 0  # all of which a segment has
    reset: Reset = Reset()
    payload: bytes = b""  # what its data contains
    payload_begins: bytes = b""

    @property
    def is_about_data(self) -> bool:
        """Whether the rule reads what connections carry, and not how they begin."""
        return bool(self.payload)

    def forbids(self, data: bytes) -> bool:
        """Whether the data of a segment is what the rule is about."""
        return data.startswith(self.payload_begins) and self.payload in data

    def versions(self) -> Iterator[IPVersion]:
        """The versions of IP that it is about."""
        for version in IP_VERSIONS:
            named = [version_of(network) for network in (self.source, self.destination) if network]
            if all(each == version for each in named) and (self.protocol != "icmpv6" or version == IPV6):
                yield version

    def protocol_number(self, version: IPVersion) -> int | None:
        """The protocol's number in a version of IP; None for any."""
        numbers = {"tcp": wire.TCP, "udp": wire.UDP, "icmp": version.icmp, "icmpv6": wire.ICMPV6}
        return numbers.get(self.protocol)

    def matches(self, version: IPVersion) -> Iterator[Match]:
        """The matches that together cover the rule, of the first or only fragment where ports are named."""
        protocol = self.protocol_number(version)
        first: Match = self._between(version) if protocol is None else {**self._between(version), "ip_proto": protocol}
        if self.flags:
            first = {**first, "tcp_flags_nxm": (self.flags, self.flags)}
        # Open vSwitch matches a TTL without a mask alone. Source: ovs-fields(7), "TTL/Hop Limit Field"
        ttls: list[Match] = [{"nw_ttl": ttl} for ttl in self.ttls] or [{}]
        for (value, mask), ttl in product(masked_ports(self.ports or [ALL_PORTS]), ttls):
            yield {**first, **ttl, **({f"{self.protocol}_dst": (value, mask)} if mask else {})}

    def later_fragments(self, version: IPVersion) -> Match:
        """The match of the fragments behind the first one, as far as a switch can tell whose they are."""
        return {**self._between(version), **version.later_fragments(self.protocol_number(version))}

    def _between(self, version: IPVersion) -> Match:
        source, destination = within(version.source, self.source), within(version.destination, self.destination)
        return {**version.match, **source, **destination}

    def covers(self, packet: wire.IPPacket) -> bool:
        """Whether the rule is about this packet, as its matches would say.

        Raises:
            CannotRead: when its transport header cannot be read.
        """
        version, port = version_of(packet.source), _destination_port(packet)
        return (
            version in self.versions()
            and (self.source is None or packet.source in self.source)
            and (self.destination is None or packet.destination in self.destination)
            and self.protocol_number(version) in (None, packet.protocol)
            and (not self.ports or (port is not None and any(first <= port <= last for first, last in self.ports)))
            and (not self.ttls or packet.ttl in self.ttls)
            and (not self.flags or wire.parse_tcp(packet.payload).flags & self.flags == self.flags)
        )

    def error(self, version: IPVersion) -> IcmpError | None:
        """The error of its rejection in a version of IP."""
        rejection = REJECTIONS[self.rejection]
        return rejection.ipv4 if version == IPV4 else rejection.ipv6


@dataclass(frozen=True)
class EgressFirewall:
    """The policy of a firewall that forwards like a learning switch what it allows.

    Allowed traffic never reaches the controller. What does is the first packet of a connection that is reset or
    rejected, and the answer leaves where the packet came in.
    """

    addresses: tuple[IPAddress, ...]
    ttl: int
    default: str
    rules: tuple[Rule, ...]
    bypasses_asymmetric: bool = False

    @classmethod
    def from_config(cls, config: Mapping[str, object], ports: Mapping[str, int], place: str) -> Self:
        """Reads the configuration shown at the top of this file."""
        reader = ConfigReader(place)
        reader.mapping(config, "", ("controller", "address", "addresses", "ttl", "default", "asymmetric", "rules"))
        addresses = _read_addresses(reader, config)
        ttl = reader.number(config.get("ttl", wire.DEFAULT_TTL), "ttl", 255, first=1)
        default = reader.choice(config.get("default", "allow"), "default", ("allow", "drop"))
        asymmetric = reader.choice(config.get("asymmetric", "drop"), "asymmetric", ("drop", "bypass"))
        lines = reader.sequence(config.get("rules", []), "rules")
        rules = tuple(_read_rule(reader, line, f"rules[{index}]") for index, line in enumerate(lines))
        _refuse_errors_from_nowhere(reader, addresses, rules)
        reader.finish()
        return cls(addresses, ttl or wire.DEFAULT_TTL, default or "allow", rules, asymmetric == "bypass")

    def flow_entries(self) -> tuple[FlowEntry, ...]:
        """Sorts out what can be tracked, lets known connections pass, and asks the rules about new ones."""
        passing: tuple[Action, ...] = (Output(NORMAL),)
        default = _ALLOW if self.default == "allow" else ()
        return (
            FlowEntry(2, {"eth_type": wire.ETHERTYPE_ARP}, passing),
            # Tracking calls neighbour discovery invalid. Source: seen on Open vSwitch 3.1
            *(FlowEntry(2, neighbour_discovery(kind), passing) for kind in NEIGHBOUR_DISCOVERY),
            *(FlowEntry(1, version.match, (Track(_ZONE, table=_STATE),)) for version in IP_VERSIONS),
            FlowEntry(0),
            FlowEntry(3, {"ct_state": (CT_INVALID, CT_INVALID)}, passing if self.bypasses_asymmetric else (), _STATE),
            FlowEntry(2, {"ct_state": (CT_ESTABLISHED, CT_ESTABLISHED)}, passing, _STATE),
            FlowEntry(2, {"ct_state": (CT_RELATED, CT_RELATED)}, passing, _STATE),
            FlowEntry(1, {"ct_state": _NEW}, (GotoTable(_RULES),), _STATE),
            FlowEntry(0, {}, (), _STATE),
            *(entry for index, rule in enumerate(self.rules) for entry in _entries(rule, _FIRST_PRIORITY - index)),
            *(FlowEntry(0, version.match, default, _RULES) for version in IP_VERSIONS),
        )

    def answer(self, frame: bytes, in_port: int) -> tuple[PacketOut, ...]:
        """The RST or ICMP error that the first rule about the frame demands, sent back where the frame came from."""
        try:
            packet = wire.parse_ip(wire.parse_ethernet(frame))
            data = wire.parse_tcp(packet.payload).payload if packet.protocol == wire.TCP else b""
            readers = [rule for rule in self.rules if data and rule.is_about_data and rule.covers(packet)]
            rule = next((rule for rule in readers if rule.forbids(data)), None)
            if readers and rule is None:
                return () if readers[0].reset.packet_passes else (PacketOut(frame, NORMAL),)
            others = (rule for rule in self.rules if not rule.is_about_data and rule.covers(packet))
            rule = rule or next(others, None)
        except wire.CannotRead:
            return ()
        if rule and rule.action == "reset":
            return tuple(self._resets(frame, rule.reset, packet.ttl, in_port))
        reply = None
        if rule and rule.action == "reject":
            version = version_of(packet.source)
            address, error = _of_version(self.addresses, version), rule.error(version)
            reply = wire.forge_icmp_error(frame, error, address, self.ttl) if address and error else None
        return (PacketOut(reply, in_port),) if reply else ()

    def _resets(self, frame: bytes, reset: Reset, packet_ttl: int, in_port: int) -> Iterator[PacketOut]:
        """The RST back to where the frame came from, and the one to where it goes."""
        ttl = packet_ttl if reset.copies_ttl else reset.ttl or self.ttl
        if back := wire.forge_reset(frame, ttl, is_acceptable=reset.is_acceptable):
            yield PacketOut(back, in_port)
        if reset.is_toward_both and (onwards := wire.forge_reset_onwards(frame, ttl)):
            yield PacketOut(onwards, NORMAL)


def _of_version(addresses: tuple[IPAddress, ...], version: IPVersion) -> IPAddress | None:
    return next((address for address in addresses if version_of(address) == version), None)


def _destination_port(packet: wire.IPPacket) -> int | None:
    if packet.fragment_offset_bytes:
        return None
    if packet.protocol == wire.TCP:
        return wire.parse_tcp(packet.payload).destination_port
    if packet.protocol == wire.UDP:
        # Not parse_udp: the length of a datagram in fragments goes beyond the first one.
        return int.from_bytes(packet.payload[2:4], "big") if len(packet.payload) >= 8 else None
    return None


def _entries(rule: Rule, priority: int) -> Iterator[FlowEntry]:
    for version in rule.versions():
        for match in rule.matches(version):
            if rule.is_about_data:
                established: Match = {"ct_state": (CT_ESTABLISHED, CT_ESTABLISHED), "tcp_flags_nxm": (_PSH, _PSH)}
                read: tuple[Action, ...] = (Output(NORMAL), *_ASK) if rule.reset.packet_passes else _ASK
                yield FlowEntry(priority, {**match, **established}, read, _STATE)
            elif rule.action == "reset":
                # A RST is never answered, or two firewalls face to face would keep each other busy.
                answered, unanswered = (_WATCH, _ALLOW) if rule.reset.packet_passes else (_ASK, ())
                without_rst, with_rst = (rule.flags, rule.flags | wire.RST), (rule.flags | wire.RST,) * 2
                yield FlowEntry(priority, {**match, "tcp_flags_nxm": without_rst}, answered, _RULES)
                yield FlowEntry(priority, {**match, "tcp_flags_nxm": with_rst}, unanswered, _RULES)
            else:
                yield FlowEntry(priority, match, _actions(rule.action), _RULES)
        if rule.action == "allow" and (rule.ports or (version == IPV6 and rule.protocol != "any")):
            # A later fragment has no ports, and of IPv6 no protocol. Where its first fragment may pass so may it, and
            # where that one may not (any other action), the receiver has nothing to put it together with. It is
            # committed too, because tracking holds a packet's fragments until it has all of them.
            # Source: RFC 1858, section 2.
            yield FlowEntry(priority, rule.later_fragments(version), _ALLOW, _RULES)


def _actions(action: str) -> tuple[Action, ...]:
    return {"allow": _ALLOW, "drop": (), "reject": _ASK}[action]


def _read_addresses(reader: ConfigReader, config: Mapping[str, object]) -> tuple[IPAddress, ...]:
    if "address" in config:
        if "addresses" in config:
            reader.refuse("address", "`address` and `addresses` are the same", "keep one of them")
        listed = [(config["address"], "address")]
    else:
        written = reader.sequence(config.get("addresses", []), "addresses")
        listed = [(value, f"addresses[{index}]") for index, value in enumerate(written)]
    addresses: list[IPAddress] = []
    for value, path in listed:
        address = reader.address(value, path)
        if address and address.version in [other.version for other in addresses]:
            reader.refuse(path, f"{address} is a second one of IPv{address.version}", "keep one of each family")
        elif address:
            addresses.append(address)
    return tuple(addresses)


def _refuse_errors_from_nowhere(
    reader: ConfigReader, addresses: tuple[IPAddress, ...], rules: tuple[Rule, ...]
) -> None:
    if reader.problems:  # what else is wrong may be the reason
        return
    for version in IP_VERSIONS:
        rejects = any(rule.action == "reject" and version in rule.versions() for rule in rules)
        if rejects and _of_version(addresses, version) is None:
            wrong = f"none of IPv{version.number}, but its ICMP errors have to come from somewhere"
            other = "::/0" if version == IPV4 else "0.0.0.0/0"
            reader.refuse("addresses", wrong, f"add the gateway's, or reject from {other} only")


_RULE_KEYS: Final = (
    "source",
    "destination",
    "protocol",
    "port",
    "ttl",
    "flags",
    "payload",
    "tls_name",
    "action",
    "with",
    "reset",
)
_TLS_HANDSHAKE: Final = b"\x16\x03"  # Source: RFC 8446, section 5.1


def _read_rule(reader: ConfigReader, line: object, path: str) -> Rule:
    written = reader.mapping(line, path, _RULE_KEYS)
    protocol = reader.choice(written.get("protocol", "any"), f"{path}.protocol", PROTOCOLS) or "tcp"
    action = reader.choice(written.get("action"), f"{path}.action", ("allow", "drop", "reset", "reject")) or "drop"
    rejection = reader.choice(written.get("with", "admin-prohibited"), f"{path}.with", REJECTIONS)
    if action == "reset" and protocol != "tcp":
        reader.refuse(f"{path}.action", "only TCP knows a reset", "add `protocol: tcp`, or use `action: reject`")
    if "with" in written and action != "reject":
        reader.refuse(f"{path}.with", f"{action} has no answer to choose", "take it out, or use `action: reject`")
    if "reset" in written and action != "reset":
        reader.refuse(f"{path}.reset", f"{action} forges no RST", "take it out, or use `action: reset`")
    payload, payload_begins = _read_payload(reader, written, protocol, action, path)
    rule = Rule(
        _read_network(reader, written.get("source", "any"), f"{path}.source"),
        _read_network(reader, written.get("destination", "any"), f"{path}.destination"),
        protocol,
        _read_ports(reader, written.get("port", "any"), protocol, f"{path}.port"),
        action,
        rejection or "admin-prohibited",
        _read_ttls(reader, written.get("ttl", "any"), f"{path}.ttl"),
        _read_flags(reader, written.get("flags", []), protocol, f"{path}.flags"),
        _read_reset(reader, written.get("reset", {}), f"{path}.reset"),
        payload,
        payload_begins,
    )
    _refuse_what_no_family_has(reader, rule, path)
    return rule


def _refuse_what_no_family_has(reader: ConfigReader, rule: Rule, path: str) -> None:
    versions = list(rule.versions())
    if rule.source and rule.destination and rule.source.version != rule.destination.version:
        wrong = f"{rule.destination} is IPv{rule.destination.version}, and the source IPv{rule.source.version}"
        reader.refuse(f"{path}.destination", wrong, "write two networks of one family")
    elif not versions:
        reader.refuse(f"{path}.protocol", "icmpv6 is IPv6's, and the rule is about IPv4", "write icmp")
    elif rule.action == "reject" and (without := [each for each in versions if rule.error(each) is None]):
        names = [name for name, each in REJECTIONS.items() if each.ipv4 and each.ipv6]
        wrong = f"IPv{without[0].number} has no {rule.rejection}"
        other = "::/0" if without[0] == IPV4 else "0.0.0.0/0"
        reader.refuse(f"{path}.with", wrong, f"write one of {', '.join(names)}, or reject from {other} only")


def _read_network(reader: ConfigReader, value: object, path: str) -> IPNetwork | None:
    return None if value == "any" else reader.network(value, path)


def _read_ports(reader: ConfigReader, value: object, protocol: str, path: str) -> tuple[PortRange, ...]:
    if value == "any":
        return ()
    if protocol not in ("tcp", "udp"):
        reader.refuse(path, f"{protocol} has no ports", "add `protocol: tcp` or `protocol: udp`, or take the port out")
    return reader.ports(value, path)


def _read_ttls(reader: ConfigReader, value: object, path: str) -> tuple[int, ...]:
    ranges = () if value == "any" else reader.ports(value, path)
    if any(last > _HIGHEST_TTL for _, last in ranges):
        reader.refuse(path, f"{value!r} is more than {_HIGHEST_TTL}", 'write a TTL, or a range as "21-255"')
        return ()
    return tuple(sorted({ttl for first, last in ranges for ttl in range(first, last + 1)}))


def _read_flags(reader: ConfigReader, value: object, protocol: str, path: str) -> int:
    names = [reader.choice(name, f"{path}[{index}]", FLAGS) for index, name in enumerate(reader.sequence(value, path))]
    if names and protocol != "tcp":
        reader.refuse(path, f"{protocol} has no flags", "add `protocol: tcp`, or take the flags out")
    return sum({FLAGS[name] for name in names if name})


def _read_payload(
    reader: ConfigReader, written: Mapping[str, object], protocol: str, action: str, path: str
) -> tuple[bytes, bytes]:
    """What data contains, and what it begins with."""
    keys = [key for key in ("payload", "tls_name") if key in written]
    for key in keys:
        value, place = written[key], f"{path}.{key}"
        if not isinstance(value, str) or not value or not value.isascii():
            reader.refuse(place, f"{value!r} is not a text of ASCII", 'write what the data contains, e.g. "SSH-"')
        elif protocol != "tcp" or "flags" in written or action == "allow":
            wrong = "a rule that reads data is about TCP, not about flags, and allows nothing"
            reader.refuse(place, wrong, "use `protocol: tcp`, no flags, and drop, reset or reject")
        elif len(keys) == 2:
            reader.refuse(place, "`payload` and `tls_name` in one rule", "write two rules")
        else:
            return value.encode(), _TLS_HANDSHAKE if key == "tls_name" else b""
    return b"", b""


def _read_reset(reader: ConfigReader, value: object, path: str) -> Reset:
    written = reader.mapping(value, path, ("ttl", "acknowledges", "packet", "toward"))
    ttl = written.get("ttl", "own")
    is_named = ttl in ("own", "copied")
    number = None if is_named else reader.number(ttl, f"{path}.ttl", _HIGHEST_TTL, first=1)
    acknowledges = reader.choice(written.get("acknowledges", "packet"), f"{path}.acknowledges", ("packet", "nothing"))
    packet = reader.choice(written.get("packet", "dropped"), f"{path}.packet", ("dropped", "passes"))
    toward = reader.choice(written.get("toward", "sender"), f"{path}.toward", ("sender", "both"))
    if toward == "both" and packet == "dropped":
        wrong = "both, and the other end has never heard of a packet that is dropped"
        reader.refuse(f"{path}.toward", wrong, "add `packet: passes`, or write sender")
    return Reset(number, ttl == "copied", acknowledges == "packet", packet == "passes", toward == "both")


POLICY = EgressFirewall
