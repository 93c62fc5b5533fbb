"""Who sent a request: Signature Version 4, computed by botocore and compared, with sealed temporary credentials.

Source: IAM User Guide, "AWS Signature Version 4 for API requests"; the messages are those that AWS gives.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from whodunet.aws.account.cloudtrail import Record, assumed_role
from whodunet.aws.account.replays import SeenSignatures
from whodunet.aws.account.seal import ExpiredToken, Identity, InvalidToken, Opened, Seal
from whodunet.aws.programs.control_plane.api_errors import (
    BAD_SIGNATURE,
    EXPIRED_TOKEN,
    INCOMPLETE_SIGNATURE,
    INVALID_TOKEN,
    MISSING_TOKEN,
    ApiError,
)

MAX_SKEW_S: Final = 300
_TIME: Final = "%Y%m%dT%H%M%SZ"
_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_PARAMETER: Final = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]+)")
_GLOBAL_REGION: Final = "us-east-1"  # what sts.amazonaws.com, without a region, is signed for
# AWS CLI 2.9 and amazon-ssm-agent's SDK number no attempts, and the same call twice in a second has the same signature.
_SILENT_CLIENTS: Final = ("aws-cli/", "aws-sdk-go/")
_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
    " and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as far as a signature covers it, and where it came from; header names are in lower case."""

    method: str
    path: str  # as it was on the wire
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source_ip: str
    source_port: int = 0
    expires_s: int | None = None  # of a signature in the query, which covers all that is said there

    def header(self, name: str) -> str:
        """The header's first value, empty if there is none."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who has proved to be whom, with which key."""

    identity: Identity
    access_key_id: str
    issued_at_s: int

    def user_identity(self) -> Record:
        """The caller as the audit trail tells it."""
        return assumed_role(self.identity, self.access_key_id, self.issued_at_s)


@dataclass(frozen=True, slots=True)
class Authorization:
    """The parts of an Authorization header."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: frozenset[str]
    signature: str

    @classmethod
    def of(cls, request: SignedRequest) -> Authorization:
        """Reads the header; raises ApiError if there is none, or not all of it."""
        header = request.header("authorization")
        if not header.startswith(_ALGORITHM):
            raise ApiError(MISSING_TOKEN, "Missing Authentication Token")
        parts = dict(_PARAMETER.findall(header))
        absent = [name for name in ("Credential", "Signature", "SignedHeaders") if name not in parts]
        if absent:
            missing = " ".join(f"Authorization header requires '{name}' parameter." for name in absent)
            raise ApiError(INCOMPLETE_SIGNATURE, missing)
        scope = parts["Credential"].split("/")
        if len(scope) != 5 or scope[4] != "aws4_request":
            raise ApiError(INCOMPLETE_SIGNATURE, "Credential must have exactly 5 slash-delimited elements")
        signed = frozenset(parts["SignedHeaders"].lower().split(";"))
        return cls(scope[0], scope[1], scope[2], scope[3], signed, parts["Signature"])


class Authenticator:
    """Checks signatures, and remembers them for as long as they could be used again."""

    def __init__(self, seal: Seal, region: str, clock: Callable[[], float] = time.time) -> None:
        self._seal = seal
        self._region = region
        self._clock = clock
        self._seen = SeenSignatures(keep_s=2 * MAX_SKEW_S)

    def authenticate(self, request: SignedRequest, service: str) -> Caller:
        """Who sent the request to this service; raises ApiError if that is not certain."""
        authorization = Authorization.of(request)
        opened = self._open(authorization, request)
        self._check_time(request)
        self._check_scope(authorization, request, service)
        self._check_coverage(authorization, request)
        computed = expected_signature(authorization, request, opened.secret_access_key)
        if not hmac.compare_digest(computed.encode(), authorization.signature.encode()):
            raise ApiError(BAD_SIGNATURE, _MISMATCH)
        self._check_replay(authorization, request)
        return Caller(opened.identity, authorization.access_key_id, opened.issued_at_s)

    def _open(self, authorization: Authorization, request: SignedRequest) -> Opened:
        token = request.header("x-amz-security-token")
        try:
            return self._seal.open_credentials(authorization.access_key_id, token, self._clock())
        except ExpiredToken as error:
            raise ApiError(EXPIRED_TOKEN, "The security token included in the request is expired") from error
        except InvalidToken as error:
            raise ApiError(INVALID_TOKEN, "The security token included in the request is invalid.") from error

    def _check_scope(self, authorization: Authorization, request: SignedRequest, service: str) -> None:
        regions = {self._region, _GLOBAL_REGION} if service == "sts" else {self._region}
        if authorization.region not in regions:
            raise ApiError(
                BAD_SIGNATURE, f"Credential should be scoped to a valid region, not '{authorization.region}'."
            )
        if authorization.service != service:
            raise ApiError(BAD_SIGNATURE, f"Credential should be scoped to correct service: '{service}'.")
        timestamp = request.header("x-amz-date")
        if authorization.date != timestamp[:8]:
            raise ApiError(
                BAD_SIGNATURE,
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP:"
                f" '{authorization.date}' != '{timestamp[:8]}', from '{timestamp}'.",
            )

    def _check_time(self, request: SignedRequest) -> None:
        timestamp, now_s = request.header("x-amz-date"), self._clock()
        signed_s = _read_time(timestamp)
        now, earliest, latest = (_time_text(now_s + skew_s) for skew_s in (0, -MAX_SKEW_S, MAX_SKEW_S))
        if request.expires_s is not None and signed_s + request.expires_s < now_s:
            raise ApiError(BAD_SIGNATURE, f"Signature expired: {timestamp} was good for {request.expires_s} s.")
        if signed_s < now_s - MAX_SKEW_S:
            reason = f"Signature expired: {timestamp} is now earlier than {earliest} ({now} - 5 min.)"
            raise ApiError(BAD_SIGNATURE, reason)
        if signed_s > now_s + MAX_SKEW_S:
            reason = f"Signature not yet current: {timestamp} is still later than {latest} ({now} + 5 min.)"
            raise ApiError(BAD_SIGNATURE, reason)

    def _check_coverage(self, authorization: Authorization, request: SignedRequest) -> None:
        """What decides about the request has to be signed: the host, and all that services read from headers."""
        if "host" not in authorization.signed_headers:
            raise ApiError(BAD_SIGNATURE, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
        for name, _ in request.headers if request.expires_s is None else ():
            if name.startswith("x-amz-") and name not in authorization.signed_headers:
                raise ApiError(BAD_SIGNATURE, f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")

    def _check_replay(self, authorization: Authorization, request: SignedRequest) -> None:
        attempt = (request.header("amz-sdk-invocation-id"), request.header("amz-sdk-request"))
        if not any(attempt) and request.header("user-agent").startswith(_SILENT_CLIENTS):
            attempt = (f"connection from port {request.source_port}", "")
        if not self._seen.admits(authorization.signature, request.source_ip, attempt, self._clock()):
            raise ApiError(BAD_SIGNATURE, "The request has been received before; a signature is good for one request.")


class _Verifier(SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """Computes the signature over the headers that the request itself names."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        return request.headers

    def payload(self, request: AWSRequest) -> str:
        return hashlib.sha256(request.data).hexdigest()


def expected_signature(authorization: Authorization, request: SignedRequest, secret_access_key: str) -> str:
    """What the signature has to be; empty if the body is not the one whose hash a header gives."""
    claimed = request.header("x-amz-content-sha256")
    if claimed and claimed != hashlib.sha256(request.body).hexdigest():
        return ""
    computed = AWSRequest(request.method, f"https://host{request.path}?{request.query}", data=request.body)
    computed.context["timestamp"] = request.header("x-amz-date")
    for name, value in request.headers:
        if name in authorization.signed_headers:
            computed.headers.add_header(name, value)
    credentials = Credentials(authorization.access_key_id, secret_access_key)
    verifier = _Verifier(credentials, authorization.service, authorization.region)
    to_sign = verifier.string_to_sign(computed, verifier.canonical_request(computed))
    return str(verifier.signature(to_sign, computed))


def _read_time(timestamp: str) -> float:
    if not timestamp:
        raise ApiError(INCOMPLETE_SIGNATURE, "Authorization header requires existence of a 'X-Amz-Date' header.")
    try:
        return datetime.strptime(timestamp, _TIME).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        reason = (
            f"Date must be in ISO-8601 'basic format'. Got '{timestamp}'. See http://en.wikipedia.org/wiki/ISO_8601"
        )
        raise ApiError(INCOMPLETE_SIGNATURE, reason) from error


def _time_text(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime(_TIME)
