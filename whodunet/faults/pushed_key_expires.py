"""A public key that was pushed to an instance expires before it is used: in a second, so that nobody has to wait."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, run_checked
from whodunet.cases.fields import HostName
from whodunet.debian_program import AWS_CLI, DebianProgram
from whodunet.evidence.topology import Topology

_CONTROL_PLANE: Final = "control-plane"
_PROFILE: Final = "aws-profile"
_LIFETIME_S: Final = 1
_AS_AT_AWS_S: Final = 20  # less than the 60 s there by what a busy machine takes to look
_USER: Final = "ec2-user"
_EXPIRY: Final = re.compile(r"^#Timestamp=(\d+)$", re.MULTILINE)


class PushedKeyExpires(NodeFault):
    """Keys of SendSSHPublicKey live one second instead of 60: who logs in later finds them expired."""

    needs: ClassVar[tuple[DebianProgram, ...]] = (AWS_CLI,)

    kind: Literal["pushed-key-expires"] = "pushed-key-expires"
    node: HostName = Field(description="host of the control plane, which takes the keys")
    sender: HostName = Field(description="host from which somebody may send one")
    instance: HostName = Field(description="host that gets it, where the cause sits")

    def culprit(self) -> str:
        """The instance, which has the key no more."""
        return self.instance

    def facts(self, topology: Topology) -> dict[str, str]:
        """Which part the instance plays."""
        return {"kind": self.kind, "role": topology.nodes[self.instance].role}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node without a control plane, a sender without a profile, an instance that takes no pushed keys."""
        yield from self.serves(topology, self.node, _CONTROL_PLANE, "node")
        yield from self.has(topology, self.sender, _PROFILE, "sender")
        if not topology.services.get(self.instance, {}).get("sshd", {}).get("takes_pushed_keys"):
            yield Misfit(("instance",), f"is {self.instance}, whose sshd takes no pushed keys", "name another")

    def inject(self, network: Network) -> Settings:
        """Shortens the life of keys."""
        before = network.service_settings(self.node, _CONTROL_PLANE)
        network.configure_service(self.node, _CONTROL_PLANE, {**before, "pushed_key_lifetime_s": _LIFETIME_S})
        return before

    def remove(self, network: Network, before: Settings) -> None:
        """Makes it a minute again."""
        network.configure_service(self.node, _CONTROL_PLANE, before)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """How long a key that has just been sent is still in the instance's metadata."""
        left_s = self._left_s(network)
        shown = f"a key sent to {self.instance} is worth nothing {_LIFETIME_S} s later"
        return (shown if left_s <= _LIFETIME_S else None,)

    def remains(self, network: Network) -> str | None:
        """That such a key has less than most of a minute left."""
        left_s = self._left_s(network)
        return None if left_s > _AS_AT_AWS_S else f"a key sent to {self.instance} has {left_s} s left"

    def _left_s(self, network: Network) -> int:
        instance_id = network.topology.nodes[self.instance].properties["id"]
        run_checked(
            network,
            self.sender,
            f"aws ec2-instance-connect send-ssh-public-key --instance-id {instance_id} "
            f'--instance-os-user {_USER} --ssh-public-key "$(ssh-keygen -y -f /root/.ssh/id_ed25519)"',
        )
        told = run_checked(network, self.instance, f"/etc/ssh/pushed_keys {_USER}; date +%s")
        now_s = int(told.split()[-1])
        return max((int(expiry) - now_s for expiry in _EXPIRY.findall(told)), default=0)
