"""A rule in front of all others of an egress firewall's policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from whodunet.core.fault import Fault, Network
from whodunet.core.topology import Topology

# How an answer shows in the flow table: what cannot be said in OpenFlow goes to the controller.
_SHOWN_AS: Mapping[str, str] = {"drop": "actions=drop", "reset": "CONTROLLER", "reject": "CONTROLLER"}


class FirewallRule(Fault):
    """The firewall drops, resets or rejects what the rule matches."""

    kind: Literal["firewall-rule"] = "firewall-rule"
    switch: str = Field(description="switch whose controller is egress_firewall")
    source: str = Field(default="any", description="CIDR or any")
    destination: str = Field(default="any", description="CIDR or any")
    protocol: Literal["tcp", "udp", "icmp", "any"] = "any"
    port: int | None = Field(default=None, ge=1, le=65535)
    action: Literal["drop", "reset", "reject"]
    reject_with: Literal["admin-prohibited", "port-unreachable", "host-prohibited", "net-prohibited"] | None = None

    def culprit(self) -> str:
        """The firewall."""
        return self.switch

    def facts(self, topology: Topology) -> dict[str, str]:
        """The action and, for a rejection, which ICMP message."""
        facts = {"kind": self.kind, "role": topology.nodes[self.switch].role, "action": self.action}
        return facts | ({"with": self.reject_with or "admin-prohibited"} if self.action == "reject" else {})

    def names(self) -> Mapping[str, str]:
        """The switch."""
        return {"switch": self.switch}

    def rule(self) -> dict[str, Any]:
        """The rule as the policy writes it."""
        rule = {"source": self.source, "destination": self.destination, "protocol": self.protocol}
        optional = {"port": self.port, "with": self.reject_with}
        return rule | {key: value for key, value in optional.items() if value is not None} | {"action": self.action}

    def inject(self, network: Network) -> Mapping[str, Any]:
        """Puts the rule first."""
        policy = network.policy(self.switch)
        network.set_policy(self.switch, policy | {"rules": [self.rule(), *policy["rules"]]})
        return {}

    def remove(self, network: Network, before: Mapping[str, Any]) -> None:
        """Takes the rule out, and leaves what else was changed meanwhile."""
        policy = network.policy(self.switch)
        network.set_policy(self.switch, policy | {"rules": [each for each in policy["rules"] if each != self.rule()]})

    def proof(self, network: Network) -> str | None:
        """The flow entry of the switch that carries it out."""
        matches = [f"tp_dst={self.port}" if self.port else "", _SHOWN_AS[self.action]]
        matches.append(f"nw_src={self.source.removesuffix('/32')}" if self.source != "any" else "")
        lines = network.flow_entries(self.switch).splitlines()
        return next((line.strip() for line in lines if all(part in line for part in matches)), None)
