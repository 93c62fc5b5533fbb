"""What a call is refused with, in the words of AWS.

Source: the errors of each API's reference, "Common Errors", and the texts that the services were seen to give.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from whodunet.aws.account.cloudtrail import Failure


@dataclass(frozen=True, slots=True)
class Kind:
    """One error: its name in JSON protocols, its name in the query protocol, and the status that XML answers have."""

    json_code: str
    query_code: str = ""
    xml_status: HTTPStatus = HTTPStatus.BAD_REQUEST
    json_status: HTTPStatus = HTTPStatus.BAD_REQUEST


def _forbidden(json_code: str, query_code: str) -> Kind:
    return Kind(json_code, query_code, HTTPStatus.FORBIDDEN)


ACCESS_DENIED: Final = _forbidden("AccessDeniedException", "AccessDenied")
EXPIRED_TOKEN: Final = _forbidden("ExpiredTokenException", "ExpiredToken")
INVALID_TOKEN: Final = _forbidden("UnrecognizedClientException", "InvalidClientTokenId")
BAD_SIGNATURE: Final = _forbidden("InvalidSignatureException", "SignatureDoesNotMatch")
MISSING_TOKEN: Final = _forbidden("MissingAuthenticationTokenException", "MissingAuthenticationToken")
INCOMPLETE_SIGNATURE: Final = Kind("IncompleteSignatureException", "IncompleteSignature")
UNKNOWN_OPERATION: Final = Kind("UnknownOperationException", "InvalidAction")
VALIDATION: Final = Kind("ValidationException", "ValidationError")
SERIALIZATION: Final = Kind("SerializationException", "MalformedInput")
TOO_LARGE: Final = Kind("RequestEntityTooLargeException", xml_status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
INTERNAL: Final = Kind(
    "InternalServerError", "InternalFailure", HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.INTERNAL_SERVER_ERROR
)
TARGET_NOT_CONNECTED: Final = Kind("TargetNotConnected")
INVALID_DOCUMENT: Final = Kind("InvalidDocument")
INVALID_PARAMETERS: Final = Kind("InvalidParameters")
INVALID_COMMAND_ID: Final = Kind("InvalidCommandId")
INVALID_INSTANCE_ID: Final = Kind("InvalidInstanceId")
INVOCATION_DOES_NOT_EXIST: Final = Kind("InvocationDoesNotExist")
INVALID_FILTER: Final = Kind("InvalidFilter")
INVALID_FILTER_KEY: Final = Kind("InvalidFilterKey")
INVALID_NEXT_TOKEN: Final = Kind("InvalidNextToken")
BAD_REQUEST: Final = Kind("BadRequest")
INVALID_INSTANCE_MALFORMED: Final = Kind("InvalidInstanceID.Malformed")
INVALID_INSTANCE_NOT_FOUND: Final = Kind("InvalidInstanceID.NotFound")
INSTANCE_NOT_FOUND: Final = Kind("EC2InstanceNotFoundException")
INVALID_ARGS: Final = Kind("InvalidArgsException")
INVALID_ENDPOINT_NOT_FOUND: Final = Kind("InvalidInstanceConnectEndpointId.NotFound")
INVALID_TUNNEL: Final = Kind("InvalidParameter")
INVALID_PARAMETER_COMBINATION: Final = Kind("InvalidParameterCombination")
INVALID_PARAMETER_VALUE: Final = Kind("InvalidParameterValue")


class ApiError(Exception):
    """A refused call."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message

    @property
    def failure(self) -> Failure:
        """What the audit trail tells of it."""
        return Failure(self.kind.json_code, self.message)
