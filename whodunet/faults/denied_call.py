"""What the faults have in common with which the cloud's account grants a call no more: to whoever has a role."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Final

from whodunet.cases.fault import Completed, Fault, Network, Settings
from whodunet.cases.fields import HostName
from whodunet.debian_program import AWS_CLI, DebianProgram
from whodunet.evidence.topology import Topology

CONTROL_PLANE: Final = "control-plane"
PROFILE: Final = "aws-profile"
_TRUSTED: Final = "/etc/ssl/certs/ca-certificates.crt"  # the AWS CLI has a list of its own, without the lab's authority
_DOCUMENT: Final = "SSM-SessionManagerRunShell"  # which developers and agents alike may read, and nobody else


class DeniedCall(Fault):
    """The account, as a service of the cloud is told of it, lacks what allows the bearer to call."""

    needs: ClassVar[tuple[DebianProgram, ...]] = (AWS_CLI,)
    service: ClassVar[str] = CONTROL_PLANE  # which is told of the account

    node: HostName  # which runs the service
    bearer: HostName

    @abstractmethod
    def changed(self, settings: Settings, topology: Topology) -> Settings:
        """The service's settings with the fault in them."""

    def inject(self, network: Network) -> Settings:
        """Tells the service of the account with the fault."""
        before = network.service_settings(self.node, self.service)
        network.configure_service(self.node, self.service, self.changed(before, network.topology))
        return before

    def remove(self, network: Network, before: Settings) -> None:
        """Tells it of the account as it was."""
        network.configure_service(self.node, self.service, before)

    def remains(self, network: Network) -> str | None:
        """That the same call does not succeed."""
        called = self.call(network)
        return None if called.exit_status == 0 else f"{self.bearer}: {(called.stderr or called.stdout).strip()}"

    def call(self, network: Network) -> Completed:
        """A call of the bearer's that the account grants without the fault."""
        region = network.service_settings(self.node, self.service)["region"]
        return network.execute(
            self.bearer, f"AWS_CA_BUNDLE={_TRUSTED} aws ssm get-document --name {_DOCUMENT} --region {region}"
        )
