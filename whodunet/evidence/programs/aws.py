"""AWS CLI 1.27 to 2.23, Session Manager's plugin, and tunnels of EC2 Instance Connect."""

from __future__ import annotations

from dataclasses import replace

from whodunet.evidence.program import Program
from whodunet.evidence.programs.ssh import OVER_SSH
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED, OK, Row
from whodunet.evidence.symptom_words import AT_SOME_STAGE, CLOSED, ENDED, FAILURE, NOT_SAID, TLS

# The exit status of a session is 0 however it ended, and its end is
# told in words. AWS General Reference, "Common errors": what SigV4 and IAM refuse, by protocol under several names.
AWS_DENIED = (
    r"\((?:AccessDenied|UnrecognizedClient|ExpiredToken|InvalidSignature|Unauthorized|UnauthorizedOperation|Forbidden"
    r"|AuthFailure|SignatureDoesNotMatch|InvalidClientTokenId|InvalidAccessKeyId|RequestExpired|RequestTimeTooSkewed"
    r"|IncompleteSignature|MissingAuthenticationToken|NotAuthorized|OptInRequired|InvalidGrant|40[13])(?:Exception)?\)"
)

# `aws ec2-instance-connect ssh` runs ssh through a pipe; its words and status are its own.
_RUNS_SSH = r"\bec2-instance-connect\s+ssh\b"

ROWS = (
    Row(r"SSL validation failed for \S+ ", TLS + AT_SOME_STAGE + CLOSED),
    Row(r"SSL validation failed", Symptom.NOT_TRUSTED),
    Row(r"Connect timeout on endpoint URL", Symptom.TIMED_OUT),
    Row(r"Read timeout on endpoint URL", Symptom.STALLED),
    Row(r"Connection was closed before we received a valid response", Symptom.CLOSED),
    Row(r"Failed to connect to proxy URL", Symptom.NO_PROXY),
    Row(r"SessionManagerPlugin is not found", Symptom.PROGRAM_MISSING),
    Row(r"An error occurred \(TargetNotConnected(?:Exception)?\)", Symptom.NOT_CONNECTED),
    Row(r"An error occurred \(BadRequest(?:Exception)?\) when calling the StartSession", Symptom.NOT_CONNECTED),
    Row(r"An error occurred " + AWS_DENIED, Symptom.DENIED),
    # websocket.py of ec2-instance-connect: the body with which the endpoint refuses, before the tunnel is one
    Row(r'websocket - ERROR - \{"ErrorCode":"(?!Internal)', Symptom.DENIED),
    Row(r"There are no available instance connect endpoints", Symptom.NOT_CONNECTED),
    # names of errors of aws-c-io, at the end of a traceback
    Row(r"AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE|AWS_IO_TLS_\w*(?:CERT|TRUST)\w*", Symptom.NOT_TRUSTED),
    Row(r"AWS_IO_SOCKET_CONNECTION_REFUSED", Symptom.REFUSED),
    Row(r"AWS_IO_SOCKET_TIMEOUT", Symptom.TIMED_OUT),
    Row(r"AWS_IO_SOCKET_NO_ROUTE_TO_HOST|AWS_IO_SOCKET_NETWORK_DOWN", Symptom.UNREACHABLE),
    Row(r"AWS_IO_DNS_\w+", Symptom.NOT_RESOLVED),
    *(replace(row, only_for=_RUNS_SSH, beyond_packets=True) for row in OVER_SSH),
    Row(r"Token has expired|SSO session associated with this profile has expired", Symptom.DENIED),
    Row(r"Error loading SSO Token|(?:Unable to locate|Partial) credentials|NoCredentials", Symptom.DENIED),
    Row(r"^SessionId: \S+ :", Symptom.CLOSED, beyond_packets=True),
    Row(r"^Cannot perform start session: ", FAILURE + ENDED),
    # botocore's EndpointConnectionError: of a name that was not found as well
    Row(r"Could not connect to the endpoint URL", (*NOT_SAID, Symptom.NAME_NOT_FOUND, Symptom.NO_RESOLVER), FAILED),
    Row("", Symptom.CONNECTED, OK, only_for=r"\baws\b(?!.*--version)"),
    Row(r"^(?!An error occurred)", FAILURE + ENDED, FAILED),
)

PROGRAM = Program(names=("aws",), rows=ROWS, stood=r"^Starting session with SessionId: ")
