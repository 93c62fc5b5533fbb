"""Flow entries in the words of Open vSwitch, for what reads its reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Final

from whodunet.openflow.policy import CONTROLLER, NORMAL, Action, FlowEntry, GotoTable, Output, OxmValue, Track

_WORDS: Final[Mapping[tuple[OxmValue | None, OxmValue | None], str]] = {
    (None, None): "",
    (0x0806, None): "arp",
    (0x0800, None): "ip",
    (0x0800, 1): "icmp",
    (0x0800, 6): "tcp",
    (0x0800, 17): "udp",
    (0x86DD, None): "ipv6",
    (0x86DD, 58): "icmp6",
    (0x86DD, 6): "tcp6",
    (0x86DD, 17): "udp6",
    (0x86DD, 44): "ipv6,nw_proto=44",
}
_NAMES: Final = {
    "ipv4_src": "nw_src",
    "ipv4_dst": "nw_dst",
    "icmpv4_type": "icmp_type",
    "icmpv4_code": "icmp_code",
    "icmpv6_type": "icmp_type",
    "icmpv6_code": "icmp_code",
    "tcp_dst": "tp_dst",
    "udp_dst": "tp_dst",
    "tcp_flags_nxm": "tcp_flags",
}
_FLAGS: Final = {
    "ct_state": {1: "new", 2: "est", 4: "rel", 16: "inv", 32: "trk"},
    "tcp_flags": {1: "fin", 2: "syn", 4: "rst", 8: "psh", 16: "ack", 32: "urg", 64: "ece", 128: "cwr"},
}


def dumped(entries: Iterable[FlowEntry], ports: Mapping[int, str]) -> str:
    """Flow entries as `ovs-ofctl --names dump-flows` writes them; `ports` has each port's interface."""
    return "".join(f"cookie=0x1, {_line(entry, ports)}\n" for entry in entries)


def _line(entry: FlowEntry, ports: Mapping[int, str]) -> str:
    match = dict(entry.match)
    words = [f"priority={entry.priority}", _WORDS[match.pop("eth_type", None), match.pop("ip_proto", None)]]
    words += [_field(_NAMES.get(name, name), value, ports) for name, value in match.items()]
    where = [f"table={entry.table}"] if entry.table else []
    actions = ",".join(_action(action, ports) for action in entry.actions) or "drop"
    return f"{', '.join([*where, ','.join(filter(None, words))])} actions={actions}"


def _field(name: str, value: OxmValue, ports: Mapping[int, str]) -> str:
    if name == "ip_frag":
        return "nw_frag=later"
    if name == "in_port" and isinstance(value, int):
        return f'in_port="{ports[value]}"'
    if not isinstance(value, tuple):
        return f"{name}={value}"
    content, mask = value
    if isinstance(content, str) or isinstance(mask, str):
        bits = ip_address(mask)
        length = int(bits).bit_count()
        return f"{name}={content}" if length == bits.max_prefixlen else f"{name}={content}/{length}"
    if name in _FLAGS:
        asked = (("+" if content & bit else "-", flag) for bit, flag in _FLAGS[name].items() if mask & bit)
        return f"{name}={''.join(sign + flag for sign, flag in asked)}"
    return f"{name}={content}" if mask == 0xFFFF else f"{name}={content:#x}/{mask:#x}"


def _action(action: Action, ports: Mapping[int, str]) -> str:
    if isinstance(action, GotoTable):
        return f"goto_table:{action.table}"
    if isinstance(action, Track):
        parts = ["commit"] if action.commit else []
        parts += [f"table={action.table}"] if action.table is not None else []
        return f"ct({','.join([*parts, f'zone={0x100 | action.zone}'])})"
    assert isinstance(action, Output)
    return {NORMAL: "NORMAL", CONTROLLER: "CONTROLLER:65535"}.get(action.port) or f'output:"{ports[action.port]}"'
