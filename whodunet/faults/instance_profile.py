"""An instance without an instance profile: its metadata service has no credentials for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from whodunet.core.fault import Network, NodeFault

_METADATA: Final = "metadata"
_URL: Final = "http://169.254.169.254/latest"
# Source: EC2 User Guide, "Use IMDSv2"; without a profile the answer is 404
_ASK: Final = (
    f"token=$(curl -sS -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' {_URL}/api/token) && "
    "curl -sS -o /dev/null -w '%{http_code}' -H \"X-aws-ec2-metadata-token: $token\" "
    f"{_URL}/meta-data/iam/security-credentials/"
)


class InstanceProfileMissing(NodeFault):
    """Nobody attached an instance profile."""

    kind: Literal["instance-profile-missing"] = "instance-profile-missing"
    node: str = Field(description="instance that has a metadata service")

    def inject(self, network: Network) -> Mapping[str, Any]:
        """Takes the role away."""
        before = network.service_settings(self.node, _METADATA)
        network.configure_service(self.node, _METADATA, before | {"role": None})
        return before

    def remove(self, network: Network, before: Mapping[str, Any]) -> None:
        """Attaches the profile again."""
        network.configure_service(self.node, _METADATA, before)

    def proof(self, network: Network) -> str | None:
        """What the metadata service answers on the instance."""
        status = network.execute(self.node, _ASK).stdout
        return f"iam/security-credentials/ on {self.node}: HTTP {status}" if status == "404" else None
