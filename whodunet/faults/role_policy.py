"""A role that lacks a policy which its bearer needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, Settings, mapping_in
from whodunet.cases.fields import HostName
from whodunet.evidence.topology import Topology
from whodunet.faults.denied_call import CONTROL_PLANE, PROFILE, DeniedCall
from whodunet.openflow.policy import meant

_METADATA: Final = "metadata"


class RolePoliciesMissing(DeniedCall):
    """The role is there, and nothing is attached to it."""

    kind: Literal["role-policies-missing"] = "role-policies-missing"
    node: HostName = Field(description="host of the control plane, which knows the roles")
    bearer: HostName = Field(description="host whose credentials are of this role, where the cause sits")
    role: str

    def culprit(self) -> str:
        """Whose role it is."""
        return self.bearer

    def facts(self, topology: Topology) -> dict[str, str]:
        """Which part the bearer plays, and whether it is a person or an instance."""
        is_instance = _METADATA in topology.services.get(self.bearer, {})
        bearer = "instance" if is_instance else "person"
        return {"kind": self.kind, "role": topology.nodes[self.bearer].role, "bearer": bearer}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node without a control plane, a role that it lacks or that has no policies, a bearer with another role."""
        settings = topology.services.get(self.node, {}).get(CONTROL_PLANE)
        if settings is None:
            hosts = ", ".join(host for host, there in topology.services.items() if CONTROL_PLANE in there) or "none"
            yield Misfit(("node",), f"is {self.node}, which runs no {CONTROL_PLANE}", f"use one of: {hosts}")
            return
        roles = settings.get("roles", {})
        if self.role not in roles:
            yield Misfit(("role",), f"is {self.role}, which is not a role", meant(self.role, roles))
        elif not roles[self.role].get("policies"):
            yield Misfit(("role",), f"is {self.role}, which has no policies anyway", "name another")
        elif self._role_of_bearer(topology) != self.role:
            wrong = f"is {self.bearer}, whose credentials are of the role {self._role_of_bearer(topology)}"
            yield Misfit(("bearer",), wrong, f"name a host whose credentials are of {self.role}")

    def _role_of_bearer(self, topology: Topology) -> str | None:
        of_instance: str | None = topology.services.get(self.bearer, {}).get(_METADATA, {}).get("role")
        of_person: str | None = topology.furnishings.get(self.bearer, {}).get(PROFILE, {}).get("role")
        return of_instance or of_person

    def changed(self, settings: Settings, topology: Topology) -> Settings:
        """All policies are detached."""
        roles = mapping_in(settings, "roles")
        return {**settings, "roles": {**roles, self.role: {**mapping_in(roles, self.role), "policies": []}}}

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """A call of the bearer's that is denied."""
        said = self.call(network).stderr
        denied = re.search(r"\((AccessDenied\w*)\) when calling the (\w+) operation: (.*)", said)
        return (f"{self.bearer}: {denied[2]}: {denied[1]}: {denied[3].strip()}" if denied else None,)
