"""Who signs in, as CloudTrail tells it.

Source: IAM Identity Center User Guide, "Understanding CloudTrail events for IAM Identity Center" and "for sign-in".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import NAMESPACE_DNS, uuid5

from whodunet.aws.account.cloudtrail import ApiCall, Moment, Record

DOMAIN: Final = "corp.example"
_DIRECTORY: Final = "d-0123456789"


def user_name(person: str) -> str:
    """The name that a person's sessions carry."""
    return f"{person}@{DOMAIN}"


def identity_center_user(person: str, account_id: str, session: str | None = None) -> Record:
    """The userIdentity of a person; with the session's name once it has begun."""
    return {
        "type": "IdentityCenterUser",
        "accountId": account_id,
        "userName": user_name(person),
        "onBehalfOf": {
            "userId": str(uuid5(NAMESPACE_DNS, f"{person}.{DOMAIN}")),
            "identityStoreArn": f"arn:aws:identitystore::{account_id}:identitystore/{_DIRECTORY}",
        },
        **({"credentialId": session} if session else {}),
    }


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's answer at the approval page: an event of sign-in, which is not an API call."""

    call: ApiCall

    def record(self, moment: Moment) -> Record:
        """The event."""
        outcome = "Failure" if self.call.failure else "Success"
        details = {"eventType": "AwsServiceEvent", "serviceEventDetails": {"UserAuthentication": outcome}}
        return {**self.call.record(moment), **details}
