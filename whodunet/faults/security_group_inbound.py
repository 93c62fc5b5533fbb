"""The inbound rules of a security group are others than the service needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from whodunet.core.fault import Fault, Network
from whodunet.core.topology import Topology


class SecurityGroupInbound(Fault):
    """A security group's inbound rules are replaced; an empty list lets nothing in."""

    kind: Literal["security-group-inbound"] = "security-group-inbound"
    switch: str = Field(description="switch whose controller is security_group")
    group: str
    inbound: tuple[Mapping[str, Any], ...] = Field(description="the rules that it has instead")

    def culprit(self) -> str:
        """The switch that enforces the group."""
        return self.switch

    def facts(self, topology: Topology) -> dict[str, str]:
        """Which group, and whether any rule is left."""
        rules = "some" if self.inbound else "none"
        role = topology.nodes[self.switch].role
        return {"kind": self.kind, "role": role, "group": self.group, "rules": rules}

    def names(self) -> Mapping[str, str]:
        """The switch."""
        return {"switch": self.switch}

    def inject(self, network: Network) -> Mapping[str, Any]:
        """Replaces the rules."""
        policy = network.policy(self.switch)
        inbound = policy["groups"][self.group].get("inbound", [])
        self._set_inbound(network, [dict(rule) for rule in self.inbound])
        return {"inbound": inbound}

    def remove(self, network: Network, before: Mapping[str, Any]) -> None:
        """Puts the former rules back."""
        self._set_inbound(network, before["inbound"])

    def _set_inbound(self, network: Network, inbound: list[Mapping[str, Any]]) -> None:
        policy = network.policy(self.switch)
        group = policy["groups"][self.group] | {"inbound": inbound}
        network.set_policy(self.switch, policy | {"groups": policy["groups"] | {self.group: group}})

    def proof(self, network: Network) -> str | None:
        """The group as the switch's controller has it, which the switch has confirmed."""
        inbound = network.policy(self.switch)["groups"][self.group].get("inbound", [])
        if inbound != [dict(rule) for rule in self.inbound]:
            return None
        entries = network.flow_entries(self.switch).splitlines()
        return f"{self.group} inbound: {inbound or 'no rules'}; {len(entries)} flow entries confirmed by {self.switch}"
