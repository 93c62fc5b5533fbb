"""The inbound rules of a security group are others than the service needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from whodunet.cases.fault import Settings, list_in, mapping_in
from whodunet.evidence.topology import Topology
from whodunet.faults.security_group_rules import SecurityGroupRules


class SecurityGroupInbound(SecurityGroupRules):
    """A security group's inbound rules are replaced; an empty list lets nothing in."""

    direction: ClassVar[Literal["inbound", "outbound"]] = "inbound"

    kind: Literal["security-group-inbound"] = "security-group-inbound"
    inbound: tuple[Settings, ...] = Field(description="the rules that it has instead")

    def facts(self, topology: Topology) -> dict[str, str]:
        """Beside those of all groups: which part those play who are let in as members of another group, if any are."""
        rules = list_in(mapping_in(mapping_in(topology.policies[self.switch], "groups"), self.group), "inbound")
        groups = [str(rule["source"]) for rule in rules if isinstance(rule, Mapping) and "source" in rule]
        admitted = sorted({role for group in groups for role in self._roles_behind(group, topology)})
        return super().facts(topology) | ({"admitted": ", ".join(admitted)} if admitted else {})

    @property
    def rules(self) -> tuple[Settings, ...]:
        """The inbound ones."""
        return self.inbound
