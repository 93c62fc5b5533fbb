"""A VPC in which nobody has made an Instance Connect Endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, run_checked
from whodunet.cases.fields import HostName
from whodunet.debian_program import AWS_CLI, DebianProgram
from whodunet.evidence.topology import Topology

_CONTROL_PLANE: Final = "control-plane"
_ENDPOINT: Final = "connect-endpoint"
_PROFILE: Final = "aws-profile"
_ASK: Final = "aws ec2 describe-instance-connect-endpoints --query 'length(InstanceConnectEndpoints)'"


class ConnectEndpointAbsent(NodeFault):
    """EC2 knows of no endpoint, and none serves."""

    needs: ClassVar[tuple[DebianProgram, ...]] = (AWS_CLI,)

    kind: Literal["connect-endpoint-absent"] = "connect-endpoint-absent"
    node: HostName = Field(description="host of the endpoint")
    control_plane: HostName = Field(description="host of the control plane, which tells of endpoints")
    bearer: HostName = Field(description="host from which somebody may look for endpoints")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """Hosts that are not what they have to be."""
        yield from self.serves(topology, self.node, _ENDPOINT, "node")
        yield from self.serves(topology, self.control_plane, _CONTROL_PLANE, "control_plane")
        yield from self.has(topology, self.bearer, _PROFILE, "bearer")

    def inject(self, network: Network) -> Settings:
        """Takes the endpoint away, and what EC2 knows of it."""
        before = network.service_settings(self.control_plane, _CONTROL_PLANE)
        network.configure_service(self.control_plane, _CONTROL_PLANE, {**before, "connect_endpoints": {}})
        network.stop_service(self.node, _ENDPOINT)
        return before

    def remove(self, network: Network, before: Settings) -> None:
        """Makes it again."""
        network.start_service(self.node, _ENDPOINT)
        network.configure_service(self.control_plane, _CONTROL_PLANE, before)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """What EC2 tells who asks for endpoints; that the endpoint's own program does not run."""
        told = run_checked(network, self.bearer, _ASK).strip()
        runs = network.service_is_running(self.node, _ENDPOINT)
        return (
            "EC2 lists no Instance Connect Endpoint" if told == "0" else None,
            None if runs else f"nothing serves tunnels on {self.node}",
        )
