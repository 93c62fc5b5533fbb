"""What an egress firewall does with connections that no rule allows, and with answers to what it has not seen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from whodunet.cases.fault import Misfit, Network, Settings, mapping_in
from whodunet.cases.fields import refused
from whodunet.evidence.topology import Topology
from whodunet.faults.policy_fault import Key, PolicyFault
from whodunet.openflow.flow_table import TableEntry


def _allowing(rules: tuple[Settings, ...]) -> tuple[Settings, ...]:
    other = next((rule for rule in rules if rule.get("action", "allow") != "allow"), None)
    if other is not None:
        wrong = f"has a rule whose action is {other['action']}, which would be a cause of its own"
        raise refused(wrong, "state that rule as a fault of the kind firewall-rule; here those that allow")
    return rules


class FirewallPolicy(PolicyFault):
    """The firewall drops what no rule allows, and has other such rules; or it drops answers to what it has not seen."""

    controller: ClassVar[str] = "egress_firewall"

    kind: Literal["firewall-policy"] = "firewall-policy"
    switch: str = Field(description="switch whose controller is egress_firewall")
    default: Literal["allow", "drop"]
    asymmetric: Literal["drop", "bypass"] | None = Field(
        default=None, description="what becomes of answers whose questions went another way; as before, if not given"
    )
    rules: Annotated[tuple[Settings, ...], AfterValidator(_allowing)] = Field(
        default=(), description="all rules that it has, as its policy writes them: those that allow"
    )

    def facts(self, topology: Topology) -> dict[str, str]:
        """The default, of which family there are rules (ipv4, ipv6, both, none), `asymmetric`, and `action`.

        `action` is what becomes of a connection that no rule is about.
        """
        families = sorted({family for rule in self.rules for family in _families(rule)})
        allows = "both" if len(families) > 1 else next(iter(families), "none")
        role = topology.nodes[self.switch].role
        facts = {"kind": self.kind, "role": role, "default": self.default, "action": self.default, "allows": allows}
        return facts | {"asymmetric": self.asymmetric or "as before"}

    def policy_misfits(self, policy: Settings, topology: Topology) -> Iterator[Misfit]:
        """One that refuses nobody, beside bad rules."""
        if self.default == "allow" and self.asymmetric != "drop":
            wrong = "is allow, with which nothing is refused"
            yield Misfit(("default",), wrong, "use drop, or `asymmetric: drop`, or for one rule the kind firewall-rule")
        else:
            yield from super().policy_misfits(policy, topology)

    def changed(self, policy: Settings) -> dict[str, object]:
        """The policy with the other default and rules."""
        changed = {**policy, "default": self.default, "rules": [dict(rule) for rule in self.rules]}
        return changed | ({"asymmetric": self.asymmetric} if self.asymmetric else {})

    def key_of(self, place: str) -> Key:
        """A key of one of the rules: "rules[0].source" is rules, 0, source."""
        found = re.match(r"rules\[(\d+)\]\.?(\w*)", place)
        if found is None:
            return ("default",)
        return ("rules", int(found[1]), *filter(None, [found[2]]))

    def shown(self, entries: frozenset[TableEntry], policy: Settings) -> str:
        """The entries behind the first table, by which connections are decided."""
        return "\n".join(sorted(entry.text for entry in entries if entry.table))

    def inject(self, network: Network) -> Settings:
        """Changes the policy, and remembers the one that it had."""
        policy = network.policy(self.switch)
        network.set_policy(self.switch, self.changed(policy))
        return {"policy": policy}

    def remove(self, network: Network, before: Settings) -> None:
        """Gives the switch its policy back."""
        network.set_policy(self.switch, mapping_in(before, "policy"))


def _families(rule: Settings) -> Iterable[str]:
    """The families that a rule is about: those of the networks that it names, else both."""

    def named() -> Iterator[str]:
        for key in ("source", "destination"):
            network = rule.get(key, "any")
            if isinstance(network, str) and network != "any":
                yield f"ipv{ip_network(network).version}"

    return set(named()) or {"ipv4", "ipv6"}
