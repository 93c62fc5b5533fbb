"""A network that answers what a test tells it to, for faults to be put into."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.unit.openflow.ovs_ofctl import dumped
from whodunet import catalogue
from whodunet.cases.fault import Completed
from whodunet.evidence.topology import Topology
from whodunet.loading.library import Library

TOPOLOGY: Final = Library().topology("session_manager")


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
