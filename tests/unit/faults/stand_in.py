"""A network that answers what a test tells it to, for faults to be put into."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Network
from typing import Any, Final

from whodunet import catalogue
from whodunet.cases.fault import Completed
from whodunet.evidence.topology import Topology
from whodunet.loading.library import Library
from whodunet.openflow.policy import CONTROLLER, NORMAL, FlowEntry, GotoTable, Output, Track

TOPOLOGY: Final = Library().topology("session_manager")
_CT: Final = {1: "new", 2: "est", 4: "rel", 16: "inv", 32: "trk"}


class StandIn:
    """A lab as its faults see it. Its switches do as their policies say; its nodes say what `says` tells them to."""

    def __init__(self, topology: Topology = TOPOLOGY, says: Mapping[str, str | Completed] | None = None) -> None:
        self.topology = topology
        self.policies = {switch: json.loads(json.dumps(policy)) for switch, policy in topology.policies.items()}
        self.tables: dict[str, str] = {}  # what a switch has instead of what its policy says
        self.says = dict(says or {})  # by the beginning of a command
        self.settings = {host: dict(there) for host, there in topology.services.items()}
        self.bound: list[tuple[str, str, str]] = []  # node, source and target
        self.stopped: set[tuple[str, str]] = set()
        self.nft: dict[str, list[Any]] = {}
        self.kernel: Callable[[Any], Any] = lambda rule: rule  # what the kernel makes of a rule

    def execute(self, node: str, command: str, stdin: str = "") -> Completed:
        if command == "nft -j -f -":
            objects = [each["add"] for each in json.loads(stdin)["nftables"]]
            self.nft[objects[0]["table"]["name"]] = objects
            return Completed(0, "", "")
        if found := re.match(r"nft -j list table inet (\w+)", command):
            return self._listed(found[1])
        if found := re.match(r"nft delete table inet (\w+)", command):
            del self.nft[found[1]]
            return Completed(0, "", "")
        said = next((said for start, said in self.says.items() if command.startswith(start)), "")
        return Completed(0, said, "") if isinstance(said, str) else said

    def _listed(self, table: str) -> Completed:
        if table not in self.nft:
            return Completed(1, "", "No such file or directory")
        return Completed(0, json.dumps({"nftables": [{"metainfo": {}}, *map(self.kernel, self.nft[table])]}), "")

    def bind(self, node: str, source: str, target: str) -> None:
        self.bound.append((node, source, target))

    def unbind(self, node: str, target: str) -> None:
        last = next(each for each in reversed(self.bound) if (each[0], each[2]) == (node, target))
        self.bound.remove(last)

    def policy(self, switch: str) -> dict[str, Any]:
        return dict(self.policies[switch])

    def set_policy(self, switch: str, config: Mapping[str, Any]) -> None:
        self.policies[switch] = dict(config)

    def flow_entries(self, switch: str) -> str:
        return self.tables.get(switch) or self.carried_out(switch)

    def carried_out(self, switch: str) -> str:
        """The flow entries of the switch's policy, as Open vSwitch reports them."""
        policy = catalogue.given().read_policy(self.policies[switch], self.topology, switch)
        ports = {int(name.rpartition("eth")[2]): name for name in self.topology.interfaces if name.startswith(switch)}
        return dumped(policy.flow_entries(), ports)

    def start_service(self, node: str, service: str) -> None:
        self.stopped.discard((node, service))

    def stop_service(self, node: str, service: str) -> None:
        self.stopped.add((node, service))

    def add_service(self, node: str, service: str, settings: Mapping[str, Any]) -> None: ...

    def remove_service(self, node: str, service: str) -> None: ...

    def service_is_running(self, node: str, service: str) -> bool:
        return (node, service) not in self.stopped

    def service_settings(self, node: str, service: str) -> dict[str, Any]:
        return dict(self.settings[node][service])

    def configure_service(self, node: str, service: str, settings: Mapping[str, Any]) -> None:
        self.settings[node][service] = settings

    def replace_service(self, node: str, service: str, command: str) -> None: ...


def dumped(entries: Iterable[FlowEntry], ports: Mapping[int, str]) -> str:
    """Flow entries as `ovs-ofctl --names dump-flows` writes them."""
    return "".join(f"cookie=0x1, {_line(entry, ports)}\n" for entry in entries)


def _line(entry: FlowEntry, ports: Mapping[int, str]) -> str:
    match = dict(entry.match)
    words = [_protocol(match.pop("eth_type", None), match.pop("ip_proto", None))]
    words += [_field(name, value, ports) for name, value in match.items()]
    where = [f"table={entry.table}"] if entry.table else []
    actions = ",".join(_action(action, ports) for action in entry.actions) or "drop"
    return f"{', '.join([*where, ','.join(filter(None, [f'priority={entry.priority}', *words]))])} actions={actions}"


def _protocol(ethertype: int | None, protocol: int | None) -> str:
    names = {6: "tcp", 17: "udp", 1: "icmp", None: "ip"}
    return {None: "", 0x0806: "arp"}.get(ethertype) if ethertype != 0x0800 else names[protocol]  # type: ignore[return-value]


def _field(name: str, value: Any, ports: Mapping[int, str]) -> str:
    if name == "ct_state":
        number, mask = value
        flags = "".join(f"{'+' if number & bit else '-'}{flag}" for bit, flag in _CT.items() if mask & bit)
        return f"ct_state={flags}"
    if name == "tcp_flags_nxm":
        return f"tcp_flags={'+' if value[0] else '-'}rst"
    if name == "ip_frag":
        return "nw_frag=later"
    if name == "in_port":
        return f'in_port="{ports[value]}"'
    if name in ("tcp_dst", "udp_dst"):
        return f"tp_dst={value[0]}" if value[1] == 0xFFFF else f"tp_dst={value[0]:#x}/{value[1]:#x}"
    names = {"ipv4_src": "nw_src", "ipv4_dst": "nw_dst", "icmpv4_type": "icmp_type", "icmpv4_code": "icmp_code"}
    shown = str(IPv4Network("/".join(value))).removesuffix("/32") if isinstance(value, tuple) else value
    return f"{names.get(name, name)}={shown}"


def _action(action: Any, ports: Mapping[int, str]) -> str:
    if isinstance(action, GotoTable):
        return f"goto_table:{action.table}"
    if isinstance(action, Track):
        parts = ["commit"] if action.commit else []
        parts += [f"table={action.table}"] if action.table is not None else []
        return f"ct({','.join([*parts, f'zone={0x100 | action.zone}'])})"
    assert isinstance(action, Output)
    return {NORMAL: "NORMAL", CONTROLLER: "CONTROLLER:65535"}.get(action.port) or f'output:"{ports[action.port]}"'
