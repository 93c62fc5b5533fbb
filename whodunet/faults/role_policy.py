"""A role that lacks a policy which its bearer needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from whodunet.core.fault import Fault, Network
from whodunet.core.topology import Topology

_CONTROL_PLANE: Final = "control-plane"


class RolePoliciesMissing(Fault):
    """The role is there, and nothing is attached to it."""

    kind: Literal["role-policies-missing"] = "role-policies-missing"
    node: str = Field(description="host of the control plane, which knows the roles")
    bearer: str = Field(description="host whose credentials are of this role, where the cause sits")
    role: str

    def culprit(self) -> str:
        """Whose role it is."""
        return self.bearer

    def facts(self, topology: Topology) -> dict[str, str]:
        """Which part the bearer plays."""
        return {"kind": self.kind, "role": topology.nodes[self.bearer].role}

    def names(self) -> Mapping[str, str]:
        """The two hosts."""
        return {"node": self.node, "bearer": self.bearer}

    def inject(self, network: Network) -> Mapping[str, Any]:
        """Detaches all policies."""
        before = network.service_settings(self.node, _CONTROL_PLANE)
        roles = before["roles"] | {self.role: before["roles"][self.role] | {"policies": []}}
        network.configure_service(self.node, _CONTROL_PLANE, before | {"roles": roles})
        return before

    def remove(self, network: Network, before: Mapping[str, Any]) -> None:
        """Attaches them again."""
        network.configure_service(self.node, _CONTROL_PLANE, before)

    def proof(self, network: Network) -> str | None:
        """The role, as the control plane runs with it."""
        role = network.service_settings(self.node, _CONTROL_PLANE)["roles"].get(self.role)
        return f"role {self.role}: no policies" if role is not None and not role["policies"] else None
