"""The inbound rules of a security group are others than the service needs."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from whodunet.cases.fault import Settings
from whodunet.faults.security_group_rules import SecurityGroupRules


class SecurityGroupInbound(SecurityGroupRules):
    """A security group's inbound rules are replaced; an empty list lets nothing in."""

    direction: ClassVar[Literal["inbound", "outbound"]] = "inbound"

    kind: Literal["security-group-inbound"] = "security-group-inbound"
    inbound: tuple[Settings, ...] = Field(description="the rules that it has instead")

    @property
    def rules(self) -> tuple[Settings, ...]:
        """The inbound ones."""
        return self.inbound
