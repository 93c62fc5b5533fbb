"""Flow entries as a switch reports them, in the same terms as policies state them, so that the two can be compared.

Source: ovs-ofctl(8), `dump-flows`; ovs-fields(7) for names and notations; ovs-actions(7).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Final

from whodunet.openflow import wire
from whodunet.openflow.policy import CONTROLLER, NORMAL, Action, FlowEntry, GotoTable, Match, Output, Track

Masked = tuple[int, int]  # value and mask
_EXACT: Final = -1  # the mask of all bits

_IPV4: Final = {"eth_type": wire.ETHERTYPE_IPV4}
_IPV6: Final = {"eth_type": wire.ETHERTYPE_IPV6}
_PROTOCOLS: Final[Mapping[str, Mapping[str, int]]] = {  # the words that stand for several fields
    "arp": {"eth_type": wire.ETHERTYPE_ARP},
    "ip": _IPV4,
    "icmp": _IPV4 | {"ip_proto": wire.ICMP},
    "igmp": _IPV4 | {"ip_proto": 2},
    "tcp": _IPV4 | {"ip_proto": wire.TCP},
    "udp": _IPV4 | {"ip_proto": wire.UDP},
    "sctp": _IPV4 | {"ip_proto": 132},
    "ipv6": _IPV6,
    "icmp6": _IPV6 | {"ip_proto": wire.ICMPV6},
    "tcp6": _IPV6 | {"ip_proto": wire.TCP},
    "udp6": _IPV6 | {"ip_proto": wire.UDP},
    "sctp6": _IPV6 | {"ip_proto": 132},
}
_FIELDS: Final = {  # Open vSwitch's names, and OpenFlow's
    "nw_src": "ipv4_src",
    "nw_dst": "ipv4_dst",
    "nw_proto": "ip_proto",
    "nw_frag": "ip_frag",
    "tcp_flags": "tcp_flags_nxm",
    "dl_type": "eth_type",
}
_FIELDS_OF: Final[Mapping[int, Mapping[str, str]]] = {  # the same, of those that a protocol has
    wire.TCP: {"tp_dst": "tcp_dst"},
    wire.UDP: {"tp_dst": "udp_dst"},
    wire.ICMP: {"icmp_type": "icmpv4_type", "icmp_code": "icmpv4_code"},
    wire.ICMPV6: {"icmp_type": "icmpv6_type", "icmp_code": "icmpv6_code"},
}
_NEED_PROTOCOL: Final = frozenset(name for names in _FIELDS_OF.values() for name in names)
_IPV4_ADDRESSES: Final = ("ipv4_src", "ipv4_dst", "arp_spa", "arp_tpa")
_IPV6_ADDRESSES: Final = ("ipv6_src", "ipv6_dst", "nd_target")
_WIDTHS: Final = {  # in bits, of the fields that a switch shows without a mask when it has all of them
    **dict.fromkeys(_IPV4_ADDRESSES, 32),
    **dict.fromkeys(_IPV6_ADDRESSES, 128),
    **dict.fromkeys(("tcp_dst", "udp_dst"), 16),
}
_FLAGS: Final = {  # bits by their names in "+new-inv+trk"
    "ct_state": {"new": 1, "est": 2, "rel": 4, "rpl": 8, "inv": 16, "trk": 32, "snat": 64, "dnat": 128},
    "tcp_flags_nxm": {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ece": 64, "cwr": 128, "ns": 256},
}
_FRAGMENTS: Final = {"no": (0, 3), "yes": (1, 1), "first": (1, 3), "later": (2, 2), "not_later": (0, 2)}
_RESERVED: Final = {"NORMAL": NORMAL, "CONTROLLER": CONTROLLER}


@dataclass(frozen=True)
class TableEntry:
    """One flow entry of a switch."""

    table: int
    priority: int
    match: frozenset[tuple[str, Masked]]  # by OpenFlow's names
    actions: tuple[Action, ...]
    text: str = field(default="", compare=False)  # as the switch reports it, without cookie and counters

    def field(self, name: str) -> Masked | None:
        """What it asks of a field; None when it does not ask."""
        return dict(self.match).get(name)


def stated(entries: Iterable[FlowEntry]) -> frozenset[TableEntry]:
    """The entries that a policy states, as a switch will have them."""
    return frozenset(
        TableEntry(each.table, each.priority, _stated_match(each.match), tuple(each.actions)) for each in entries
    )


def _stated_match(match: Match) -> frozenset[tuple[str, Masked]]:
    fields = {}
    for name, value in match.items():
        number, mask = value if isinstance(value, tuple) else (value, _EXACT)
        fields[name] = _masked(name, _number(number), _number(mask))
    return frozenset(fields.items())


def _number(value: int | str) -> int:
    return int(ip_address(value)) if isinstance(value, str) else value


def _masked(name: str, value: int, mask: int) -> Masked:
    """With one mask for "all bits", however wide the field is."""
    return value, _EXACT if mask == (1 << _WIDTHS.get(name, 64)) - 1 else mask


def reported(dump: str, ports: Mapping[str, int]) -> frozenset[TableEntry]:
    """The entries that a switch reports: the output of `ovs-ofctl --names dump-flows`.

    Args:
        ports: OpenFlow port number of each interface of the switch, by interface name.

    Raises:
        ValueError: at what it does not know, with the line.
    """
    return frozenset(_entry(line.strip(), ports) for line in dump.splitlines() if "actions=" in line)


def _entry(line: str, ports: Mapping[str, int]) -> TableEntry:
    left, _, right = line.partition(" actions=")
    named = dict(_split(left.replace(" ", "")))
    for counter in ("cookie", "duration", "n_packets", "n_bytes", "idle_age", "hard_age"):
        named.pop(counter, None)
    try:
        table, priority = int(named.pop("table", "0")), int(named.pop("priority", "32768"))
        match = frozenset(_match(named, ports).items())
        actions = tuple(
            _action(text, ports) for text in re.findall(r"(?:[^,(]|\([^()]*(?:\([^()]*\)[^()]*)*\))+", right)
        )
    except (KeyError, ValueError) as error:
        raise ValueError(f"flow entry not understood ({error}): {line}") from error
    text = re.sub(r"\b(?:cookie|duration|n_packets|n_bytes|idle_age|hard_age)=[^, ]*, ", "", line)
    return TableEntry(table, priority, match, tuple(filter(None, actions)), text)


def _split(text: str) -> Iterator[tuple[str, str]]:
    for part in filter(None, text.split(",")):
        key, _, value = part.partition("=")
        yield key, value


def _match(named: Mapping[str, str], ports: Mapping[str, int]) -> dict[str, Masked]:
    words = {field: number for word in named.keys() & _PROTOCOLS.keys() for field, number in _PROTOCOLS[word].items()}
    names = {**_FIELDS, **_FIELDS_OF.get(words.get("ip_proto", 0), {})}
    found: dict[str, Masked] = {field: (number, _EXACT) for field, number in words.items()}
    for key, value in named.items():
        if key in _NEED_PROTOCOL and key not in names:
            raise ValueError(f"{key} of no protocol")
        if key not in _PROTOCOLS:
            name = names.get(key, key)
            found[name] = _value(name, value, ports)
    return found


def _value(name: str, value: str, ports: Mapping[str, int]) -> Masked:
    if name in _FLAGS and value[:1] in ("+", "-"):
        bits = [(sign, _FLAGS[name][flag]) for sign, flag in re.findall(r"([+-])([a-z]+)", value)]
        return sum(bit for sign, bit in bits if sign == "+"), sum(bit for _, bit in bits)
    if name == "ip_frag":
        return _FRAGMENTS[value]
    if name in (*_IPV4_ADDRESSES, *_IPV6_ADDRESSES):
        network = ip_network(value)
        return _masked(name, int(network.network_address), int(network.netmask))
    if name == "in_port":
        return _port(value, ports), _EXACT
    number, _, mask = value.partition("/")
    return int(number, 0), int(mask, 0) if mask else _EXACT


def _port(text: str, ports: Mapping[str, int]) -> int:
    name = text.strip('"')
    return int(name) if name.isdigit() else ports[name]


def _action(text: str, ports: Mapping[str, int]) -> Action | None:
    """One action; None for "drop", which is to have none."""
    name, _, argument = text.partition(":")
    if text == "drop":
        return None
    if name in _RESERVED:
        return Output(_RESERVED[name])
    if name == "output":
        return Output(_port(argument, ports))
    if name == "goto_table":
        return GotoTable(int(argument))
    tracking = re.fullmatch(r"ct\((.*)\)", text)
    if tracking is None:
        raise ValueError(text)
    settings = dict(_split(re.sub(r"exec\(.*\)", "", tracking[1])))
    mark = re.search(r"(?:set_field|load):(0x[0-9a-f]+|\d+)->(?:ct_mark|NXM_NX_CT_MARK\[\])", tracking[1])
    return Track(
        zone=int(settings.get("zone", "0"), 0) & 0xFF,  # the rest tells the switches apart
        commit="commit" in settings,
        table=int(settings["table"]) if "table" in settings else None,
        mark=int(mark[1], 0) if mark else None,
    )
