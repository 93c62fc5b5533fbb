"""The outbound rules of a security group are others than those behind it need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Settings, mapping_in
from whodunet.evidence.topology import Topology
from whodunet.faults.security_group_rules import SecurityGroupRules


class SecurityGroupOutbound(SecurityGroupRules):
    """A security group's outbound rules are replaced; an empty list lets nothing out."""

    direction: ClassVar[Literal["inbound", "outbound"]] = "outbound"

    kind: Literal["security-group-outbound"] = "security-group-outbound"
    outbound: tuple[Settings, ...] = Field(description="the rules that it has instead")

    def policy_misfits(self, policy: Settings, topology: Topology) -> Iterator[Misfit]:
        """Beside those of all groups: one that states nothing of this direction, so that everything is let out."""
        group = mapping_in(policy, "groups").get(self.group)
        if isinstance(group, Mapping) and "outbound" not in group:
            yield Misfit(("group",), f"is {self.group}, which states no outbound rules", "name one that states some")
        else:
            yield from super().policy_misfits(policy, topology)

    @property
    def rules(self) -> tuple[Settings, ...]:
        """The outbound ones."""
        return self.outbound
