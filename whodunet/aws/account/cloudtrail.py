"""The audit trail's records, in CloudTrail's form: who did what, when, from where, and what came of it.

Source: AWS CloudTrail User Guide, "CloudTrail record contents", and the published examples of Systems Manager events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from whodunet.aws.account.seal import Identity
from whodunet.aws.account.timestamps import utc_text

HIDDEN: Final = "HIDDEN_DUE_TO_SECURITY_REASONS"
_SECRETS: Final = frozenset(
    {
        "accesstoken",
        "clientsecret",
        "devicecode",
        "idtoken",
        "refreshtoken",
        "secretaccesskey",
        "sessiontoken",
        "tokenvalue",
    }
)
_VERSION: Final = "1.08"

Record = dict[str, object]


@dataclass(frozen=True, slots=True)
class Failure:
    """What a refused call was answered with."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happened where, as its record has it; `event_id` is a fresh UUID."""

    event_id: str
    epoch_s: float
    region: str
    account_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall:
    """One call of an API, answered or refused."""

    service: str  # the name in front of .amazonaws.com
    operation: str
    user_identity: Record
    source_ip: str
    user_agent: str
    request_id: str
    read_only: bool
    hidden: frozenset[str] = frozenset()  # keys that are kept back wherever they are in it
    request: Mapping[str, object] | None = None
    response: Mapping[str, object] | None = None
    failure: Failure | None = None

    @property
    def _secrets(self) -> frozenset[str]:
        return _SECRETS | {key.lower() for key in self.hidden}

    def record(self, moment: Moment) -> Record:
        """The event; a call that only reads has no response in it, and a secret is in none."""
        response = None if self.read_only or self.failure else self.response
        return {
            "eventVersion": _VERSION,
            "userIdentity": self.user_identity,
            "eventTime": utc_text(moment.epoch_s),
            "eventSource": f"{self.service}.amazonaws.com",
            "eventName": self.operation,
            "awsRegion": moment.region,
            "sourceIPAddress": self.source_ip,
            "userAgent": self.user_agent,
            **({"errorCode": self.failure.code, "errorMessage": self.failure.message} if self.failure else {}),
            "requestParameters": _elements(self.request, self._secrets),
            "responseElements": _elements(response, self._secrets),
            "requestID": self.request_id,
            "eventID": moment.event_id,
            "readOnly": self.read_only,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": moment.account_id,
            "eventCategory": "Management",
        }


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """Something that a service did by itself, as a consequence of a call or of time."""

    service: str
    name: str
    details: Mapping[str, object]

    def record(self, moment: Moment) -> Record:
        """The event."""
        source = f"{self.service}.amazonaws.com"
        return {
            "eventVersion": _VERSION,
            "userIdentity": {"accountId": moment.account_id, "invokedBy": source},
            "eventTime": utc_text(moment.epoch_s),
            "eventSource": source,
            "eventName": self.name,
            "awsRegion": moment.region,
            "sourceIPAddress": source,
            "userAgent": source,
            "requestParameters": None,
            "responseElements": None,
            "eventID": moment.event_id,
            "readOnly": False,
            "eventType": "AwsServiceEvent",
            "managementEvent": True,
            "recipientAccountId": moment.account_id,
            "serviceEventDetails": _elements(self.details),
            "eventCategory": "Management",
        }


def assumed_role(identity: Identity, access_key_id: str, issued_at_s: float) -> Record:
    """The userIdentity of a caller with a role's temporary credentials."""
    issuer = {
        "type": "Role",
        "principalId": identity.role_id,
        "arn": identity.role_arn,
        "accountId": identity.account_id,
        "userName": identity.role,
    }
    return {
        "type": "AssumedRole",
        "principalId": identity.user_id,
        "arn": identity.arn,
        "accountId": identity.account_id,
        "accessKeyId": access_key_id,
        "sessionContext": {
            "sessionIssuer": issuer,
            "webIdFederationData": {},
            "attributes": {"creationDate": utc_text(issued_at_s), "mfaAuthenticated": "false"},
        },
    }


def unidentified(access_key_id: str | None = None) -> Record:
    """The userIdentity of a caller who did not prove to be anybody; the key is only what was claimed."""
    return {"type": "Unknown", "principalId": "", **({"accessKeyId": access_key_id} if access_key_id else {})}


def _elements(value: object, secrets: frozenset[str] = _SECRETS, key: str = "") -> object:
    """The value with keys in camelCase, secrets left out."""
    if key.lower() in secrets and value is not None:
        return HIDDEN
    if isinstance(value, Mapping):
        return {_camel(name): _elements(item, secrets, name) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_elements(item, secrets) for item in value]
    return value


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]
