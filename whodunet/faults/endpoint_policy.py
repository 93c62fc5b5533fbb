"""A VPC endpoint whose policy does not let everybody through who may call the service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, Final, Literal

from pydantic import Field

from whodunet.cases.fault import Completed, Misfit, Network, NodeFault, Settings, mapping_in
from whodunet.cases.fields import HostName
from whodunet.debian_program import AWS_CLI, DebianProgram
from whodunet.evidence.topology import Topology

_CONTROL_PLANE: Final = "control-plane"
_PROFILE: Final = "aws-profile"
_TRUSTED: Final = "/etc/ssl/certs/ca-certificates.crt"  # the AWS CLI has a list of its own, without the lab's authority
_DOCUMENT: Final = "SSM-SessionManagerRunShell"  # which developers may read
_DENIED: Final = re.compile(r"when calling the (\w+) operation: (.*because no VPC endpoint policy allows.*)")


class EndpointPolicy(NodeFault):
    """The interface endpoints' policy lists all roles of the account but the bearer's."""

    needs: ClassVar[tuple[DebianProgram, ...]] = (AWS_CLI,)

    kind: Literal["endpoint-policy"] = "endpoint-policy"
    node: HostName = Field(description="host of the endpoints")
    bearer: HostName = Field(description="host whose credentials are of the role that the policy leaves out")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node without endpoints, a bearer without credentials."""
        yield from self.serves(topology, self.node, _CONTROL_PLANE, "node")
        if _PROFILE not in topology.furnishings.get(self.bearer, {}):
            wrong = f"is {self.bearer}, where nobody has credentials"
            having = [host for host, there in topology.furnishings.items() if _PROFILE in there]
            yield Misfit(("bearer",), wrong, f"use one of: {', '.join(having) or 'there is none'}")

    def inject(self, network: Network) -> Settings:
        """Attaches the policy."""
        before = network.service_settings(self.node, _CONTROL_PLANE)
        left_out = network.topology.furnishings[self.bearer][_PROFILE]["role"]
        account = before["account_id"]
        listed = [f"arn:aws:iam::{account}:role/{role}" for role in mapping_in(before, "roles") if role != left_out]
        only_those = {"StringEquals": {"aws:PrincipalArn": listed}}
        statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": only_those}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        network.configure_service(self.node, _CONTROL_PLANE, {**before, "endpoint_policy": policy})
        return before

    def remove(self, network: Network, before: Settings) -> None:
        """Detaches it."""
        network.configure_service(self.node, _CONTROL_PLANE, before)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """A call of the bearer's that is denied for it."""
        denied = _DENIED.search(self._call(network).stderr)
        return (f"{self.bearer}: {denied[1]}: {denied[2].strip()}" if denied else None,)

    def remains(self, network: Network) -> str | None:
        """That the same call does not succeed."""
        called = self._call(network)
        return None if called.exit_status == 0 else f"{self.bearer}: {(called.stderr or called.stdout).strip()}"

    def _call(self, network: Network) -> Completed:
        region = network.service_settings(self.node, _CONTROL_PLANE)["region"]
        return network.execute(
            self.bearer, f"AWS_CA_BUNDLE={_TRUSTED} aws ssm get-document --name {_DOCUMENT} --region {region}"
        )
