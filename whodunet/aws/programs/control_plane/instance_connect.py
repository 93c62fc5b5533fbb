"""ec2-instance-connect: keys for an instance's users."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Annotated, ClassVar, Final

from pydantic import Field, StringConstraints

from whodunet.aws.account.account import Account
from whodunet.aws.instance_connect.pushed_keys import PushedKey
from whodunet.aws.programs.control_plane.api_errors import INSTANCE_NOT_FOUND, INVALID_ARGS, ApiError
from whodunet.aws.programs.control_plane.gate import Permission
from whodunet.aws.programs.control_plane.operations import Answer, Call, Operation, Operations, Request
from whodunet.aws.programs.managed_keys import ManagedKeys

# One line of an authorized_keys file: kind, key, and what somebody calls it. Source: sshd(8)
_PUBLIC_KEY: Final = re.compile(
    r"(?:ssh-rsa|ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]+=*(?: [^\r\n]*)?\s*"
)


class SendSshPublicKey(Request):
    """A key with which a user of an instance may be logged in as, for a minute."""

    read_only: ClassVar[bool] = False

    instance_id: str
    instance_os_user: Annotated[
        str, Field(alias="InstanceOSUser"), StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9@._-]{0,30}$")
    ]
    ssh_public_key: Annotated[str, Field(alias="SSHPublicKey"), StringConstraints(min_length=80, max_length=4096)]

    def permissions(self, account: Account) -> Iterable[Permission]:
        """On the instance."""
        yield Permission("ec2-instance-connect:SendSSHPublicKey", account.instance_arn(self.instance_id))


class InstanceConnect:
    """Answers it."""

    def __init__(self, account: Account, keys: ManagedKeys, lifetime_s: int, clock: Callable[[], float]) -> None:
        """`clock` tells seconds since the epoch."""
        self._account = account
        self._keys = keys
        self._lifetime_s = lifetime_s
        self._clock = clock

    def operations(self) -> Operations:
        """By name."""
        return {
            "SendSSHPublicKey": Operation(
                SendSshPublicKey, self.send_ssh_public_key, lambda asked: {"ec2:osuser": asked.instance_os_user}
            )
        }

    async def send_ssh_public_key(self, request: SendSshPublicKey, call: Call) -> Answer:
        """The key is in the instance's metadata until it expires."""
        if request.instance_id not in self._account.instances:
            raise ApiError(INSTANCE_NOT_FOUND, f"Instance '{request.instance_id}' not found")
        if not _PUBLIC_KEY.fullmatch(request.ssh_public_key):
            raise ApiError(INVALID_ARGS, "The SSH public key is not in a supported format.")
        key = PushedKey(
            user=request.instance_os_user,
            public_key=request.ssh_public_key,
            caller=call.caller.identity.arn,
            request_id=call.visit.request_id,
            expires_at_s=int(self._clock()) + self._lifetime_s,
        )
        self._keys.push(request.instance_id, key)
        return {"RequestId": call.visit.request_id, "Success": True}
