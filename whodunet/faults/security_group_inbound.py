"""The inbound rules of a security group are others than the service needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import ClassVar, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, Settings, list_in, mapping_in
from whodunet.evidence.topology import Topology
from whodunet.faults.policy_fault import Key, PolicyFault
from whodunet.openflow.flow_table import TableEntry
from whodunet.openflow.policy import Output, Track, meant


class SecurityGroupInbound(PolicyFault):
    """A security group's inbound rules are replaced; an empty list lets nothing in."""

    controller: ClassVar[str] = "security_group"

    kind: Literal["security-group-inbound"] = "security-group-inbound"
    switch: str = Field(description="switch whose controller is security_group")
    group: str
    inbound: tuple[Settings, ...] = Field(description="the rules that it has instead")

    def facts(self, topology: Topology) -> dict[str, str]:
        """Which group, what it protects (the role of the hosts behind its interfaces), and whom its rules let in.

        `rules` says of what the topology's own rules let in besides: other-sources may come for it, members of an
        other-group, or ipv4-only; other-services are all that is let in; or none.
        """
        behind = (topology.interfaces[topology.peer_of(name)].node for name in self._interfaces(topology))
        protects = ", ".join(sorted({topology.nodes[node].role for node in behind}))
        policy, role = topology.policies[self.switch], topology.nodes[self.switch].role
        whom = self._lets_in(list_in(mapping_in(mapping_in(policy, "groups"), self.group), "inbound"))
        return {"kind": self.kind, "role": role, "group": self.group, "protects": protects, "rules": whom}

    def _lets_in(self, stated: Sequence[object]) -> str:
        if not self.inbound:
            return "none"
        missing = [rule for rule in stated if isinstance(rule, Mapping) and rule not in self.inbound]
        pairs = [(rule, other) for rule in missing for other in self.inbound if _serves(other, rule)]
        instead = [(_network(rule), _network(other)) for rule, other in pairs]
        if not instead:
            return "other-services"
        if all(network is None for _, network in instead):
            return "other-group"
        of_ipv6 = all(isinstance(lost, IPv6Network) for lost, _ in instead)
        return "ipv4-only" if of_ipv6 and all(isinstance(left, IPv4Network) for _, left in instead) else "other-sources"

    def _interfaces(self, topology: Topology) -> list[str]:
        interfaces = topology.policies[self.switch].get("interfaces", {})
        return [name for name, each in interfaces.items() if self.group in each.get("groups", ())]

    def policy_misfits(self, policy: Settings, topology: Topology) -> Iterator[Misfit]:
        """A group that there is not, that protects nothing, or that has these rules already, beside bad rules."""
        groups = mapping_in(policy, "groups")
        if self.group not in groups:
            yield Misfit(
                ("group",), f"is {self.group}, which is not a group of {self.switch}", meant(self.group, groups)
            )
        elif not self._interfaces(topology):
            yield Misfit(("group",), f"is {self.group}, in which no interface is", "name another, or add an interface")
        elif self.changed(policy) == policy:
            yield Misfit(("inbound",), "is what the group has anyway", "write rules that differ, or take the fault out")
        else:
            yield from super().policy_misfits(policy, topology)

    def key_of(self, place: str) -> Key:
        """A key of one of the rules: "groups.web.inbound[0].source" is inbound, 0, source."""
        _, _, rule = place.partition(f"groups.{self.group}.inbound[")
        number, _, key = rule.partition("].")
        return ("inbound", int(number), key) if number.isdigit() else ("inbound",)

    def changed(self, policy: Settings) -> dict[str, object]:
        """The policy with the other rules."""
        return self._with_inbound(policy, [dict(rule) for rule in self.inbound])

    def _with_inbound(self, policy: Settings, inbound: Sequence[object]) -> dict[str, object]:
        groups = mapping_in(policy, "groups")
        groups[self.group] = {**mapping_in(groups, self.group), "inbound": list(inbound)}
        return {**policy, "groups": groups}

    def shown(self, entries: frozenset[TableEntry], policy: Settings) -> str:
        """The entries that let new connections in to the group's addresses."""
        interfaces = mapping_in(policy, "interfaces")
        own = [each for name in interfaces if self.group in list_in(each := mapping_in(interfaces, name), "groups")]
        addresses = [str(address) for each in own for address in list_in(each, "addresses")]
        numbers = {int(ip_address(address)) for address in addresses}
        let_in = [
            entry.text
            for entry in entries
            if (entry.field("ipv4_dst") or entry.field("ipv6_dst") or (None, 0))[0] in numbers
            and any(isinstance(action, Track) and action.commit for action in entry.actions)
            and any(isinstance(action, Output) for action in entry.actions)
        ]
        if let_in:
            return "\n".join(sorted(let_in))
        return (
            f"none of {len(entries)} flow entries of {self.switch} lets a new connection in to {', '.join(addresses)}"
        )

    def inject(self, network: Network) -> Settings:
        """Replaces the rules."""
        policy = network.policy(self.switch)
        network.set_policy(self.switch, self.changed(policy))
        return {"inbound": list_in(mapping_in(mapping_in(policy, "groups"), self.group), "inbound")}

    def remove(self, network: Network, before: Settings) -> None:
        """Puts the former rules back."""
        network.set_policy(self.switch, self._with_inbound(network.policy(self.switch), list_in(before, "inbound")))


def _serves(rule: Settings, other: Settings) -> bool:
    """Whether a rule is about all packets that another one is about, but for where they come from."""
    if rule.get("protocol") in (None, "all"):
        return True
    ports = rule.get("port", rule.get("ports"))
    same_ports = ports is None or ports == other.get("port", other.get("ports"))
    return rule.get("protocol") == other.get("protocol") and same_ports


def _network(rule: Settings) -> IPv4Network | IPv6Network | None:
    """The network that a rule names; None where it names a group."""
    try:
        return ip_network(str(rule.get("source")))
    except ValueError:
        return None
