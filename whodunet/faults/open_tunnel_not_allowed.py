"""A role that no policy allows to open tunnels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final, Literal

from pydantic import Field

from whodunet.cases.fault import Completed, Misfit, Network, Settings, list_in, mapping_in
from whodunet.cases.fields import HostName
from whodunet.evidence.topology import Topology
from whodunet.faults.denied_call import PROFILE, DeniedCall

_ENDPOINT: Final = "connect-endpoint"
_ACTION: Final = "ec2-instance-connect:OpenTunnel"
_DEADLINE_S: Final = 20  # AWS CLI 2.23 hangs where it gets no answer over HTTP
_DENIED: Final = re.compile(r'"ErrorCode":"AccessDenied","Message":"([^"]*)"')


class OpenTunnelNotAllowed(DeniedCall):
    """The role keeps all else that it may do."""

    service: ClassVar[str] = _ENDPOINT

    kind: Literal["open-tunnel-not-allowed"] = "open-tunnel-not-allowed"
    node: HostName = Field(description="host of the endpoint, which asks for the permission")
    bearer: HostName = Field(description="host whose credentials are of this role, where the cause sits")
    role: str

    def culprit(self) -> str:
        """Whose role it is."""
        return self.bearer

    def facts(self, topology: Topology) -> dict[str, str]:
        """Which part the bearer plays."""
        return {"kind": self.kind, "role": topology.nodes[self.bearer].role}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node without an endpoint, a role that may not open tunnels anyway, a bearer with another one."""
        settings = topology.services.get(self.node, {}).get(_ENDPOINT)
        if settings is None:
            hosts = ", ".join(host for host, there in topology.services.items() if _ENDPOINT in there) or "none"
            yield Misfit(("node",), f"is {self.node}, which runs no {_ENDPOINT}", f"use one of: {hosts}")
        elif self.changed(settings, topology) == settings:
            yield Misfit(("role",), f"is {self.role}, which may open no tunnels anyway", "name another")
        if topology.furnishings.get(self.bearer, {}).get(PROFILE, {}).get("role") != self.role:
            wrong = f"is {self.bearer}, whose credentials are not of the role {self.role}"
            yield Misfit(("bearer",), wrong, f"name a host whose credentials are of {self.role}")

    def changed(self, settings: Settings, topology: Topology) -> Settings:
        """The statements that are about tunnels are taken out of the role's policies."""
        roles = mapping_in(settings, "roles")
        role = mapping_in(roles, self.role)
        policies = [_without_tunnels(each) for each in list_in(role, "policies")]
        return {**settings, "roles": {**roles, self.role: {**role, "policies": policies}}}

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """A tunnel that is refused to the bearer for its role."""
        denied = _DENIED.search(self.call(network).stderr)
        return (f"{self.bearer}: OpenTunnel: {denied[1]}" if denied and _ACTION in denied[1] else None,)

    def call(self, network: Network) -> Completed:
        """Opens a tunnel to a server that ends it as soon as it has read a line that is none of ssh."""
        settings = network.service_settings(self.node, _ENDPOINT)
        endpoint_id, endpoint = next(iter(mapping_in(settings, "connect_endpoints").items()))
        name = mapping_in({"endpoint": endpoint}, "endpoint")
        instance = mapping_in(mapping_in(settings, "instances"), str(name["beside"]))
        return network.execute(
            self.bearer,
            f"echo | timeout {_DEADLINE_S} aws ec2-instance-connect open-tunnel "
            f"--instance-connect-endpoint-id {endpoint_id} --instance-connect-endpoint-dns-name {name['dns_name']} "
            f"--private-ip-address {instance['private_ip']}",
        )


def _without_tunnels(policy: object) -> object:
    """A policy without its statements about tunnels; a managed one, which has a name alone, as it is."""
    if not isinstance(policy, Mapping):
        return policy
    statements = list_in(policy, "Statement")
    kept = [each for each in statements if not (isinstance(each, Mapping) and each.get("Action") == _ACTION)]
    return {**policy, "Statement": kept}
