"""Public keys that somebody has sent to an instance, each for one user of it, and for a minute.

Source: EC2 Instance Connect API Reference, "SendSSHPublicKey"; the comments before a key are those that
eic_parse_authorized_keys of aws-ec2-instance-connect-config reads, without its signature.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydantic import BaseModel, ConfigDict

LIFETIME_S: Final = 60


class PushedKey(BaseModel):
    """A key, who sent it with which call, and when it is worth nothing any more."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: str
    public_key: str
    caller: str  # the sender's ARN
    request_id: str
    expires_at_s: int


def active_keys(keys: Iterable[PushedKey], instance_id: str, now_s: float) -> dict[str, str]:
    """What the metadata service has below managed-ssh-keys/active-keys: by user the keys that have not expired."""
    texts: dict[str, str] = {}
    for key in keys:
        if key.expires_at_s > now_s:
            texts[key.user] = texts.get(key.user, "") + _text(key, instance_id)
    return texts


def _text(key: PushedKey, instance_id: str) -> str:
    return (
        f"#Timestamp={key.expires_at_s}\n#Instance={instance_id}\n#Caller={key.caller}\n#Request={key.request_id}\n"
        f"{key.public_key.strip()}\n"
    )
