"""A VPC endpoint whose policy does not let everybody through who may call the service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, mapping_in
from whodunet.cases.fields import HostName
from whodunet.evidence.topology import Topology
from whodunet.faults.denied_call import CONTROL_PLANE, PROFILE, DeniedCall

_DENIED: Final = re.compile(r"when calling the (\w+) operation: (.*because no VPC endpoint policy allows.*)")


class EndpointPolicy(DeniedCall, NodeFault):
    """The interface endpoints' policy lists all roles of the account but the bearer's."""

    kind: Literal["endpoint-policy"] = "endpoint-policy"
    node: HostName = Field(description="host of the endpoints")
    bearer: HostName = Field(description="host whose credentials are of the role that the policy leaves out")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node without endpoints, a bearer without credentials."""
        yield from self.serves(topology, self.node, CONTROL_PLANE, "node")
        yield from self.has(topology, self.bearer, PROFILE, "bearer")

    def changed(self, settings: Settings, topology: Topology) -> Settings:
        """The policy is attached."""
        left_out = topology.furnishings[self.bearer][PROFILE]["role"]
        account = settings["account_id"]
        listed = [f"arn:aws:iam::{account}:role/{role}" for role in mapping_in(settings, "roles") if role != left_out]
        only_those = {"StringEquals": {"aws:PrincipalArn": listed}}
        statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": only_those}
        return {**settings, "endpoint_policy": {"Version": "2012-10-17", "Statement": [statement]}}

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """A call of the bearer's that is denied for it."""
        denied = _DENIED.search(self.call(network).stderr)
        return (f"{self.bearer}: {denied[1]}: {denied[2].strip()}" if denied else None,)
