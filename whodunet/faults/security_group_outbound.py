"""The outbound rules of a security group are others than those behind it need."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from whodunet.cases.fault import Settings
from whodunet.faults.security_group_rules import SecurityGroupRules


class SecurityGroupOutbound(SecurityGroupRules):
    """A security group's outbound rules are replaced; an empty list lets nothing out."""

    direction: ClassVar[Literal["inbound", "outbound"]] = "outbound"

    kind: Literal["security-group-outbound"] = "security-group-outbound"
    outbound: tuple[Settings, ...] = Field(description="the rules that it has instead")

    @property
    def rules(self) -> tuple[Settings, ...]:
        """The outbound ones."""
        return self.outbound
