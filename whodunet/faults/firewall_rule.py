"""A rule ahead of all others in an egress firewall's policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, Settings, list_in
from whodunet.cases.fields import CidrOrAny, Port
from whodunet.evidence.topology import Topology
from whodunet.faults.policy_fault import Key, PolicyFault
from whodunet.openflow.flow_table import TableEntry


class FirewallRule(PolicyFault):
    """The firewall drops, resets or rejects what the rule matches."""

    controller: ClassVar[str] = "egress_firewall"

    kind: Literal["firewall-rule"] = "firewall-rule"
    switch: str = Field(description="switch whose controller is egress_firewall")
    source: CidrOrAny = Field(default="any", description="CIDR, or any: both families")
    destination: CidrOrAny = Field(default="any", description="CIDR, or any: both families")
    protocol: Literal["tcp", "udp", "icmp", "icmpv6", "any"] = "any"
    port: Port | None = None
    action: Literal["drop", "reset", "reject"]
    reject_with: (
        Literal[
            "net-unreachable",
            "host-unreachable",
            "protocol-unreachable",
            "port-unreachable",
            "net-prohibited",
            "host-prohibited",
            "admin-prohibited",
            "policy-fail",
            "reject-route",
        ]
        | None
    ) = Field(
        default=None,
        description="ICMP error of a rejection; admin-prohibited if not given; the last two are IPv6's alone",
    )

    def facts(self, topology: Topology) -> dict[str, str]:
        """The action and, for a rejection, which ICMP message."""
        facts = {"kind": self.kind, "role": topology.nodes[self.switch].role, "action": self.action}
        return facts | ({"with": self.reject_with or "admin-prohibited"} if self.action == "reject" else {})

    def rule(self) -> Settings:
        """The rule as the policy writes it."""
        rule = {"source": self.source, "destination": self.destination, "protocol": self.protocol}
        optional = {"port": self.port, "with": self.reject_with}
        return rule | {key: value for key, value in optional.items() if value is not None} | {"action": self.action}

    def changed(self, policy: Settings) -> dict[str, object]:
        """The policy with the rule ahead of all others."""
        return {**policy, "rules": [self.rule(), *self._others(policy)]}

    def _others(self, policy: Settings) -> list[object]:
        return [each for each in list_in(policy, "rules") if each != self.rule()]

    def policy_misfits(self, policy: Settings, topology: Topology) -> Iterator[Misfit]:
        """A rule that the firewall has anyway, beside a bad one."""
        if _written(self.rule()) in map(_written, list_in(policy, "rules")):
            yield Misfit(
                ("switch",),
                f"is {self.switch}, which has this rule anyway",
                "write another, or take it out of the policy",
            )
        yield from super().policy_misfits(policy, topology)

    def key_of(self, place: str) -> Key:
        """A key of the rule."""
        key = place.removeprefix("rules[0].")
        return (
            ("reject_with" if key == "with" else key,) if key in (*FirewallRule.model_fields, "with") else ("switch",)
        )

    def shown(self, entries: frozenset[TableEntry], policy: Settings) -> str:
        """The entries of the first rule: those of the highest priority in the last table."""
        last = max(entries, key=lambda entry: (entry.table, entry.priority))
        of_rule = [each for each in entries if (each.table, each.priority) == (last.table, last.priority)]
        return "\n".join(sorted(entry.text for entry in of_rule))

    def inject(self, network: Network) -> Settings:
        """Puts the rule first."""
        network.set_policy(self.switch, self.changed(network.policy(self.switch)))
        return {}

    def remove(self, network: Network, before: Settings) -> None:
        """Takes the rule out, and leaves what else was changed meanwhile."""
        policy = network.policy(self.switch)
        network.set_policy(self.switch, {**policy, "rules": self._others(policy)})


def _written(rule: object) -> object:
    """A rule without what it need not say."""
    return {key: value for key, value in rule.items() if value != "any"} if isinstance(rule, Mapping) else rule
