"""What the faults have in common that replace a security group's rules of one direction."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import ClassVar, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, Settings, list_in, mapping_in
from whodunet.evidence.topology import Topology
from whodunet.faults.policy_fault import Key, PolicyFault
from whodunet.openflow.flow_table import TableEntry
from whodunet.openflow.policy import Output, Track, meant


class SecurityGroupRules(PolicyFault):
    """A group's rules are others than the service needs; those who are behind its interfaces are restricted so."""

    controller: ClassVar[str] = "security_group"
    direction: ClassVar[Literal["inbound", "outbound"]]

    switch: str = Field(description="switch whose controller is security_group")
    group: str

    @property
    @abstractmethod
    def rules(self) -> tuple[Settings, ...]:
        """Those that it has instead."""

    def facts(self, topology: Topology) -> dict[str, str]:
        """Which group, what it protects (the role of the hosts behind its interfaces), and whom its rules let through.

        `rules` says of what the topology's own rules let through besides: other-sources may come for it, members of an
        other-group, or ipv4-only; other-services are all that is let through; or none.
        """
        protects = ", ".join(self._roles_behind(self.group, topology))
        policy, role = topology.policies[self.switch], topology.nodes[self.switch].role
        group = mapping_in(mapping_in(policy, "groups"), self.group)
        whom = self._lets_through(list_in(group, self.direction) if self.direction in group else [])
        return {"kind": self.kind, "role": role, "group": self.group, "protects": protects, "rules": whom}

    def _lets_through(self, stated: Sequence[object]) -> str:
        if not self.rules:
            return "none"
        missing = [rule for rule in stated if isinstance(rule, Mapping) and rule not in self.rules]
        pairs = [(rule, other) for rule in missing for other in self.rules if _serves(other, rule)]
        instead = [(self._network(rule), self._network(other)) for rule, other in pairs]
        if not instead:
            return "other-services"
        if all(network is None for _, network in instead):
            return "other-group"
        of_ipv6 = all(isinstance(lost, IPv6Network) for lost, _ in instead)
        return "ipv4-only" if of_ipv6 and all(isinstance(left, IPv4Network) for _, left in instead) else "other-sources"

    def _network(self, rule: Settings) -> IPv4Network | IPv6Network | None:
        """The network that a rule names; None where it names a group."""
        try:
            return ip_network(str(rule.get("source" if self.direction == "inbound" else "destination")))
        except ValueError:
            return None

    def _roles_behind(self, group: str, topology: Topology) -> list[str]:
        """The parts that the hosts play whose interfaces are in a group."""
        behind = (topology.interfaces[topology.peer_of(name)].node for name in self._interfaces(group, topology))
        return sorted({topology.nodes[node].role for node in behind})

    def _interfaces(self, group: str, topology: Topology) -> list[str]:
        interfaces = topology.policies[self.switch].get("interfaces", {})
        return [name for name, each in interfaces.items() if group in each.get("groups", ())]

    def policy_misfits(self, policy: Settings, topology: Topology) -> Iterator[Misfit]:
        """A group that there is not, that protects nothing, or that has these rules already, beside bad rules."""
        groups = mapping_in(policy, "groups")
        if self.group not in groups:
            yield Misfit(
                ("group",), f"is {self.group}, which is not a group of {self.switch}", meant(self.group, groups)
            )
        elif not self._interfaces(self.group, topology):
            yield Misfit(("group",), f"is {self.group}, in which no interface is", "name another, or add an interface")
        elif self.changed(policy) == policy:
            wrong, fix = "is what the group has anyway", "write rules that differ, or take the fault out"
            yield Misfit((self.direction,), wrong, fix)
        else:
            yield from super().policy_misfits(policy, topology)

    def key_of(self, place: str) -> Key:
        """A key of one of the rules: "groups.web.inbound[0].source" is inbound, 0, source."""
        _, _, rule = place.partition(f"groups.{self.group}.{self.direction}[")
        number, _, key = rule.partition("].")
        return (self.direction, int(number), key) if number.isdigit() else (self.direction,)

    def changed(self, policy: Settings) -> dict[str, object]:
        """The policy with the other rules."""
        return self._with(policy, [dict(rule) for rule in self.rules])

    def _with(self, policy: Settings, rules: Sequence[object] | None) -> dict[str, object]:
        """The policy with these rules; None: the group states none for this direction."""
        groups = mapping_in(policy, "groups")
        others = {key: each for key, each in mapping_in(groups, self.group).items() if key != self.direction}
        groups[self.group] = others if rules is None else {**others, self.direction: list(rules)}
        return {**policy, "groups": groups}

    def shown(self, entries: frozenset[TableEntry], policy: Settings) -> str:
        """The entries that let new connections in to the group's addresses, or out from them."""
        interfaces = mapping_in(policy, "interfaces")
        own = [each for name in interfaces if self.group in list_in(each := mapping_in(interfaces, name), "groups")]
        addresses = [str(address) for each in own for address in list_in(each, "addresses")]
        numbers = {int(ip_address(address)) for address in addresses}
        end = "dst" if self.direction == "inbound" else "src"
        let_through = [
            entry.text
            for entry in entries
            if (entry.field(f"ipv4_{end}") or entry.field(f"ipv6_{end}") or (None, 0))[0] in numbers
            and any(isinstance(action, Track) and action.commit for action in entry.actions)
            and any(isinstance(action, Output) for action in entry.actions)
        ]
        if let_through:
            return "\n".join(sorted(let_through))
        way = "in to" if self.direction == "inbound" else "out from"
        return (
            f"none of {len(entries)} flow entries of {self.switch} lets a new connection {way} {', '.join(addresses)}"
        )

    def inject(self, network: Network) -> Settings:
        """Replaces the rules."""
        policy = network.policy(self.switch)
        network.set_policy(self.switch, self.changed(policy))
        group = mapping_in(mapping_in(policy, "groups"), self.group)
        return {self.direction: list_in(group, self.direction)} if self.direction in group else {}

    def remove(self, network: Network, before: Settings) -> None:
        """Puts the former rules back."""
        former = list_in(before, self.direction) if self.direction in before else None
        network.set_policy(self.switch, self._with(network.policy(self.switch), former))


def _serves(rule: Settings, other: Settings) -> bool:
    """Whether a rule is about all packets that another one is about, but for the addresses at their other end."""
    if rule.get("protocol") in (None, "all"):
        return True
    ports = rule.get("port", rule.get("ports"))
    same_ports = ports is None or ports == other.get("port", other.get("ports"))
    return rule.get("protocol") == other.get("protocol") and same_ports
