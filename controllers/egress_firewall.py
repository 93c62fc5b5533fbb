"""A stateful firewall on the way out: the first rule that matches a new connection decides on it.

    controller: egress_firewall
    address: 10.8.0.1             # source of the firewall's own ICMP errors, needed for `reject`
    default: allow                # or drop
    rules:
      - {source: 10.8.0.0/24, destination: any, protocol: tcp, port: 22, action: reset}
      - {protocol: tcp, port: [80, "8000-8080"], action: allow}
      - {destination: 192.0.2.0/24, action: reject, with: host-prohibited}

The packets of a connection that was allowed once, its replies, and the ICMP errors about it pass. So a change of
the rules is for new connections; those that are open stay open. IPv6 is dropped: it would be a way past every rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Self

from whodunet.openflow import wire
from whodunet.openflow.policy import (
    ALL_PORTS,
    CONTROLLER,
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
)

ANYWHERE = IPv4Network("0.0.0.0/0")
PROTOCOLS = {"tcp": wire.TCP, "udp": wire.UDP, "icmp": wire.ICMP, "any": None}
REJECTIONS = {
    "net-unreachable": wire.NET_UNREACHABLE,
    "host-unreachable": wire.HOST_UNREACHABLE,
    "protocol-unreachable": wire.PROTOCOL_UNREACHABLE,
    "port-unreachable": wire.PORT_UNREACHABLE,
    "net-prohibited": wire.NET_PROHIBITED,
    "host-prohibited": wire.HOST_PROHIBITED,
    "admin-prohibited": wire.ADMIN_PROHIBITED,
}

_ZONE = 1
_STATE, _RULES = 1, 2  # tables behind table 0, which only sorts out what can be tracked
_FIRST_PRIORITY = 0xFF00
_NEW = (CT_TRACKED | CT_NEW, CT_TRACKED | CT_NEW | CT_INVALID)
_ALLOW: tuple[Action, ...] = (Track(_ZONE, commit=True), Output(NORMAL))
_RST_SET, _RST_CLEAR = (wire.RST, wire.RST), (0, wire.RST)


@dataclass(frozen=True)
class Rule:
    """One line of the policy; no ports means any."""

    source: IPv4Network
    destination: IPv4Network
    protocol: str
    ports: tuple[PortRange, ...]
    action: str
    rejection: str

    def matches(self) -> Iterator[dict[str, Any]]:
        """The matches that together cover the rule, of the first or only fragment where ports are named."""
        for value, mask in masked_ports(self.ports or [ALL_PORTS]):
            yield self.addresses() | ({f"{self.protocol}_dst": (value, mask)} if mask else {})

    def addresses(self) -> dict[str, Any]:
        """The match without the ports."""
        match: dict[str, Any] = {"eth_type": wire.ETHERTYPE_IPV4}
        for field, network in (("ipv4_src", self.source), ("ipv4_dst", self.destination)):
            if network.prefixlen:
                match[field] = (str(network.network_address), str(network.netmask))
        number = PROTOCOLS[self.protocol]
        return match if number is None else match | {"ip_proto": number}

    def covers(self, packet: wire.IPv4, port: int | None) -> bool:
        """Whether the rule is about this packet, as its matches would say."""
        return (
            packet.source in self.source
            and packet.destination in self.destination
            and PROTOCOLS[self.protocol] in (None, packet.protocol)
            and (not self.ports or (port is not None and any(first <= port <= last for first, last in self.ports)))
        )


@dataclass(frozen=True)
class EgressFirewall:
    """The policy of a firewall that forwards like a learning switch what it allows.

    Allowed traffic never reaches the controller. What does is the first packet of a connection that is reset or
    rejected, and the answer leaves where the packet came in.
    """

    address: IPv4Address | None
    default: str
    rules: tuple[Rule, ...]

    @classmethod
    def from_config(cls, config: Mapping[str, Any], ports: Mapping[str, int], place: str) -> Self:
        """Reads the configuration shown at the top of this file."""
        reading = Reading(place)
        reading.mapping(config, "", ("controller", "address", "default", "rules"))
        address = reading.address(config["address"], "address") if "address" in config else None
        default = reading.choice(config.get("default", "allow"), "default", ("allow", "drop"))
        lines = reading.sequence(config.get("rules", []), "rules")
        rules = [_read_rule(reading, line, f"rules[{index}]") for index, line in enumerate(lines)]
        if "address" not in config and any(rule.action == "reject" for rule in rules):
            reading.refuse(
                "address", "missing, but ICMP errors have to come from somewhere", "add the gateway's address"
            )
        reading.finish()
        return cls(address, default or "allow", tuple(rules))

    def flow_entries(self) -> tuple[FlowEntry, ...]:
        """Sorts out what can be tracked, lets known connections pass, and asks the rules about new ones."""
        tracked = {"eth_type": wire.ETHERTYPE_IPV4}
        return (
            FlowEntry(2, {"eth_type": wire.ETHERTYPE_ARP}, (Output(NORMAL),)),
            FlowEntry(1, tracked, (Track(_ZONE, table=_STATE),)),
            FlowEntry(0),
            FlowEntry(3, {"ct_state": (CT_INVALID, CT_INVALID)}, (), _STATE),
            FlowEntry(2, {"ct_state": (CT_ESTABLISHED, CT_ESTABLISHED)}, (Output(NORMAL),), _STATE),
            FlowEntry(2, {"ct_state": (CT_RELATED, CT_RELATED)}, (Output(NORMAL),), _STATE),
            FlowEntry(1, {"ct_state": _NEW}, (GotoTable(_RULES),), _STATE),
            FlowEntry(0, {}, (), _STATE),
            *(flow for index, rule in enumerate(self.rules) for flow in _flows(rule, _FIRST_PRIORITY - index)),
            FlowEntry(0, tracked, _ALLOW if self.default == "allow" else (), _RULES),
        )

    def answer(self, frame: bytes, in_port: int) -> tuple[PacketOut, ...]:
        """The RST or ICMP error that the first rule about the frame demands, sent back where the frame came from."""
        rule = self._rule_about(frame)
        reply = None
        if rule and rule.action == "reset":
            reply = wire.forge_reset(frame)
        elif rule and rule.action == "reject" and self.address:
            code = REJECTIONS[rule.rejection]
            reply = wire.forge_icmp_error(frame, wire.UNREACHABLE, code, self.address)
        return (PacketOut(reply, in_port),) if reply else ()

    def _rule_about(self, frame: bytes) -> Rule | None:
        try:
            packet = wire.parse_ipv4(wire.parse_ethernet(frame).payload)
            port = _destination_port(packet)
        except wire.MalformedPacket:
            return None
        return next((rule for rule in self.rules if rule.covers(packet, port)), None)


def _destination_port(packet: wire.IPv4) -> int | None:
    if packet.fragment_offset_bytes:
        return None
    if packet.protocol == wire.TCP:
        return wire.parse_tcp(packet.payload).destination_port
    if packet.protocol == wire.UDP:
        # Not parse_udp: the length of a datagram in fragments goes beyond the first one.
        return int.from_bytes(packet.payload[2:4], "big") if len(packet.payload) >= 8 else None
    return None


def _flows(rule: Rule, priority: int) -> Iterator[FlowEntry]:
    for match in rule.matches():
        if rule.action == "reset":
            # A RST is never answered, or two firewalls face to face would keep each other busy.
            yield FlowEntry(priority, match | {"tcp_flags_nxm": _RST_CLEAR}, (Output(CONTROLLER),), _RULES)
            yield FlowEntry(priority, match | {"tcp_flags_nxm": _RST_SET}, (), _RULES)
        else:
            yield FlowEntry(priority, match, _actions(rule.action), _RULES)
    if rule.ports and rule.action == "allow":
        # A later fragment has no ports. Where its first fragment may pass so may it, and where that one may not
        # (any other action), the receiver has nothing to put it together with. It is committed too, because
        # tracking holds a packet's fragments until it has all of them. Source: RFC 1858, section 2.
        yield FlowEntry(priority, rule.addresses() | {"ip_frag": LATER_FRAGMENT}, _ALLOW, _RULES)


def _actions(action: str) -> tuple[Action, ...]:
    return {"allow": _ALLOW, "drop": (), "reject": (Output(CONTROLLER),)}[action]


def _read_rule(reading: Reading, line: object, path: str) -> Rule:
    written = reading.mapping(line, path, ("source", "destination", "protocol", "port", "action", "with"))
    protocol = reading.choice(written.get("protocol", "any"), f"{path}.protocol", PROTOCOLS) or "tcp"
    action = reading.choice(written.get("action"), f"{path}.action", ("allow", "drop", "reset", "reject")) or "drop"
    rejection = reading.choice(written.get("with", "admin-prohibited"), f"{path}.with", REJECTIONS)
    if action == "reset" and protocol != "tcp":
        reading.refuse(f"{path}.action", "only TCP knows a reset", "add `protocol: tcp`, or use `action: reject`")
    if "with" in written and action != "reject":
        reading.refuse(f"{path}.with", f"{action} has no answer to choose", "take it out, or use `action: reject`")
    return Rule(
        _read_network(reading, written.get("source", "any"), f"{path}.source"),
        _read_network(reading, written.get("destination", "any"), f"{path}.destination"),
        protocol,
        _read_ports(reading, written.get("port", "any"), protocol, f"{path}.port"),
        action,
        rejection or "admin-prohibited",
    )


def _read_network(reading: Reading, value: object, path: str) -> IPv4Network:
    return ANYWHERE if value == "any" else reading.network(value, path) or ANYWHERE


def _read_ports(reading: Reading, value: object, protocol: str, path: str) -> tuple[PortRange, ...]:
    if value == "any":
        return ()
    if protocol not in ("tcp", "udp"):
        reading.refuse(path, f"{protocol} has no ports", "add `protocol: tcp` or `protocol: udp`, or take the port out")
    return reading.ports(value, path)


POLICY = EgressFirewall
