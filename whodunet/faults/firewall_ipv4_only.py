"""A firewall whose rules were written for IPv4 alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import ClassVar, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, Settings, list_in
from whodunet.evidence.topology import Topology
from whodunet.faults.policy_fault import Key, PolicyFault
from whodunet.openflow.flow_table import TableEntry


class FirewallIpv4Only(PolicyFault):
    """All rules that name networks of IPv6 are missing: what is IPv6 meets the default."""

    controller: ClassVar[str] = "egress_firewall"

    kind: Literal["firewall-ipv4-only"] = "firewall-ipv4-only"
    switch: str = Field(description="switch whose controller is egress_firewall")

    def facts(self, topology: Topology) -> dict[str, str]:
        """What the default does (allow, drop)."""
        default = str(topology.policies[self.switch].get("default", "allow"))
        return {"kind": self.kind, "role": topology.nodes[self.switch].role, "default": default}

    def policy_misfits(self, policy: Settings, topology: Topology) -> Iterator[Misfit]:
        """A firewall that has no such rules anyway."""
        if self.changed(policy) == policy:
            wrong = f"is {self.switch}, which has no rule that names a network of IPv6"
            yield Misfit(("switch",), wrong, f"write such rules in setup.policies.{self.switch}")
        else:
            yield from super().policy_misfits(policy, topology)

    def key_of(self, place: str) -> Key:
        """The switch, for nothing else of it is in the policy."""
        return ("switch",)

    def changed(self, policy: Settings) -> dict[str, object]:
        """The policy without the rules of IPv6."""
        return {**policy, "rules": [rule for rule in list_in(policy, "rules") if not _is_of_ipv6(rule)]}

    def shown(self, entries: frozenset[TableEntry], policy: Settings) -> str:
        """The entries of the last table: the rules that are left, and the default below them."""
        last = max(entry.table for entry in entries)
        return "\n".join(sorted(entry.text for entry in entries if entry.table == last))

    def inject(self, network: Network) -> Settings:
        """Takes the rules out."""
        policy = network.policy(self.switch)
        network.set_policy(self.switch, self.changed(policy))
        return {"rules": list_in(policy, "rules")}

    def remove(self, network: Network, before: Settings) -> None:
        """Puts all the rules back, in their order."""
        network.set_policy(self.switch, {**network.policy(self.switch), "rules": list_in(before, "rules")})


def _is_of_ipv6(rule: object) -> bool:
    named = [rule.get("source"), rule.get("destination")] if isinstance(rule, Mapping) else []
    return any(ip_network(str(each)).version == 6 for each in named if each not in (None, "any"))
