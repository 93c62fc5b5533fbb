"""An instance without an instance profile: its metadata service has no credentials for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings
from whodunet.cases.fields import HostName
from whodunet.evidence.topology import Topology

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
    node: HostName = Field(description="instance that has a metadata service")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A host without a metadata service, or without a profile."""
        yield from self.serves(topology, self.node, _METADATA, "node")
        settings = topology.services.get(self.node, {}).get(_METADATA)
        if settings is not None and not settings.get("role"):
            yield Misfit(("node",), f"is {self.node}, which has no instance profile", "take the fault out")

    def inject(self, network: Network) -> Settings:
        """Takes the role away."""
        before = network.service_settings(self.node, _METADATA)
        network.configure_service(self.node, _METADATA, {**before, "role": None})
        return before

    def remove(self, network: Network, before: Settings) -> None:
        """Attaches the profile again."""
        network.configure_service(self.node, _METADATA, before)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """What the metadata service answers on the instance."""
        status = network.execute(self.node, _ASK).stdout
        return (self._shown(status) if status == "404" else None,)

    def remains(self, network: Network) -> str | None:
        """Any answer but credentials."""
        status = network.execute(self.node, _ASK).stdout
        return None if status == "200" else self._shown(status or "no answer")

    def _shown(self, status: str) -> str:
        return f"iam/security-credentials/ on {self.node}: HTTP {status}"
