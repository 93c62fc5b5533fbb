"""A role that lacks a policy which its bearer needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, Final, Literal

from pydantic import Field

from whodunet.cases.fault import Completed, Fault, Misfit, Network, Settings, mapping_in
from whodunet.cases.fields import HostName
from whodunet.debian_program import AWS_CLI, DebianProgram
from whodunet.evidence.topology import Topology
from whodunet.openflow.policy import meant

_CONTROL_PLANE: Final = "control-plane"
_METADATA: Final = "metadata"
_PROFILE: Final = "aws-profile"
_TRUSTED: Final = "/etc/ssl/certs/ca-certificates.crt"  # the AWS CLI has a list of its own, without the lab's authority
_DOCUMENT: Final = "SSM-SessionManagerRunShell"  # which developers and agents alike may read, and nobody else


class RolePoliciesMissing(Fault):
    """The role is there, and nothing is attached to it."""

    needs: ClassVar[tuple[DebianProgram, ...]] = (AWS_CLI,)

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
        settings = topology.services.get(self.node, {}).get(_CONTROL_PLANE)
        if settings is None:
            hosts = ", ".join(host for host, there in topology.services.items() if _CONTROL_PLANE in there) or "none"
            yield Misfit(("node",), f"is {self.node}, which runs no {_CONTROL_PLANE}", f"use one of: {hosts}")
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
        of_person: str | None = topology.furnishings.get(self.bearer, {}).get(_PROFILE, {}).get("role")
        return of_instance or of_person

    def inject(self, network: Network) -> Settings:
        """Detaches all policies."""
        before = network.service_settings(self.node, _CONTROL_PLANE)
        roles = mapping_in(before, "roles")
        roles[self.role] = {**mapping_in(roles, self.role), "policies": []}
        network.configure_service(self.node, _CONTROL_PLANE, {**before, "roles": roles})
        return before

    def remove(self, network: Network, before: Settings) -> None:
        """Attaches them again."""
        network.configure_service(self.node, _CONTROL_PLANE, before)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """A call of the bearer's that is denied."""
        called = self._call(network)
        denied = re.search(r"\((AccessDenied\w*)\) when calling the (\w+) operation: (.*)", called.stderr)
        return (f"{self.bearer}: {denied[2]}: {denied[1]}: {denied[3].strip()}" if denied else None,)

    def remains(self, network: Network) -> str | None:
        """That the same call does not succeed."""
        called = self._call(network)
        return None if called.exit_status == 0 else f"{self.bearer}: {(called.stderr or called.stdout).strip()}"

    def _call(self, network: Network) -> Completed:
        region = network.service_settings(self.node, _CONTROL_PLANE)["region"]
        return network.execute(
            self.bearer, f"AWS_CA_BUNDLE={_TRUSTED} aws ssm get-document --name {_DOCUMENT} --region {region}"
        )
