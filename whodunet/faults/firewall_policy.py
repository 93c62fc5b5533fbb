"""What an egress firewall does with connections that no rule is about, and the rules that it has instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from typing import ClassVar, Literal

from pydantic import Field

from whodunet.cases.fault import Network, Settings, list_in
from whodunet.evidence.topology import Topology
from whodunet.faults.policy_fault import Key, PolicyFault
from whodunet.openflow.flow_table import TableEntry


class FirewallPolicy(PolicyFault):
    """The firewall has another default, and other rules."""

    controller: ClassVar[str] = "egress_firewall"

    kind: Literal["firewall-policy"] = "firewall-policy"
    switch: str = Field(description="switch whose controller is egress_firewall")
    default: Literal["allow", "drop"]
    rules: tuple[Settings, ...] = Field(default=(), description="all rules that it has, as its policy writes them")

    def facts(self, topology: Topology) -> dict[str, str]:
        """The default, and of which family there are rules that allow: ipv4, ipv6, both or none."""
        allowing = [rule for rule in self.rules if rule.get("action") == "allow"]
        families = sorted({family for rule in allowing for family in _families(rule)})
        allows = "both" if len(families) > 1 else next(iter(families), "none")
        role = topology.nodes[self.switch].role
        return {"kind": self.kind, "role": role, "default": self.default, "allows": allows}

    def changed(self, policy: Settings) -> dict[str, object]:
        """The policy with the other default and rules."""
        return {**policy, "default": self.default, "rules": [dict(rule) for rule in self.rules]}

    def key_of(self, place: str) -> Key:
        """A key of one of the rules: "rules[0].source" is rules, 0, source."""
        found = re.match(r"rules\[(\d+)\]\.?(\w*)", place)
        if found is None:
            return ("default",)
        return ("rules", int(found[1]), *filter(None, [found[2]]))

    def shown(self, entries: frozenset[TableEntry], policy: Settings) -> str:
        """The entries of the last table, by which new connections are decided."""
        last = max(entry.table for entry in entries)
        return "\n".join(sorted(entry.text for entry in entries if entry.table == last))

    def inject(self, network: Network) -> Settings:
        """Changes the policy, and remembers the default and the rules that it had."""
        policy = network.policy(self.switch)
        network.set_policy(self.switch, self.changed(policy))
        return {"default": policy.get("default", "allow"), "rules": list_in(policy, "rules")}

    def remove(self, network: Network, before: Settings) -> None:
        """Gives the policy its default and its rules back."""
        network.set_policy(self.switch, {**network.policy(self.switch), **before})


def _families(rule: Settings) -> Iterable[str]:
    """The families that a rule is about: those of the networks that it names, else both."""

    def named() -> Iterator[str]:
        for key in ("source", "destination"):
            network = rule.get(key, "any")
            if isinstance(network, str) and network != "any":
                yield f"ipv{ip_network(network).version}"

    return set(named()) or {"ipv4", "ipv6"}
