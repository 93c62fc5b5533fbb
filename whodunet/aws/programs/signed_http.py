"""Calls of AWS services over HTTPS, signed with SigV4: one call, one answer or one typed error.

They block. botocore is imported with the first call: a program that makes none starts without it.
"""

from __future__ import annotations

import functools
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, Literal, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

from whodunet.aws.account.refusals import read_refusal
from whodunet.aws.programs.trust import certificates
from whodunet.aws.ssm.create_channel import AgentChannel, token_of
from whodunet.aws.ssm.violations import ProtocolViolation

if TYPE_CHECKING:
    from botocore.awsrequest import AWSRequest, AWSResponse
    from botocore.httpsession import URLLib3Session

CONNECT_TIMEOUT_S: Final = 3.0  # for each address of a server in the same network; SYNs are sent at 0, 1 and 3 s
READ_TIMEOUT_S: Final = 30.0  # a message service holds its answer back for about 20 s

ServiceName = Literal["ssm", "ec2messages", "sts"]

_TARGETS: Final[Mapping[ServiceName, str]] = {"ssm": "AmazonSSM", "ec2messages": "EC2WindowsMessageDeliveryService"}
_CHANNELS: Final = "ssmmessages"
_MOST_CONNECTIONS: Final = 64  # kept; as many sessions may start at once
_NOTICES_SILENCE: Final = [  # of a server that is gone since the call before. Source: tcp(7)
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 5000),
]
_REQUEST_ID: Final = "amz-sdk-invocation-id"  # as the AWS SDKs name it


class SigningCredentials(Protocol):
    """What signs a call; botocore's frozen credentials are such."""

    @property
    def access_key(self) -> str: ...

    @property
    def secret_key(self) -> str: ...

    @property
    def token(self) -> str | None: ...


class CallFailed(Exception):
    """A call has no answer to use; the text is one line for the user."""


class ServiceError(CallFailed):
    """The service refused the call."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message


class Unreachable(CallFailed):
    """The service could not be asked; the text names its host and what failed on the way there."""


def endpoint_of(service: str, region: str) -> str:
    """The address that a service has by default."""
    return f"https://{service}.{region}.amazonaws.com"


def call(
    service: ServiceName,
    operation: str,
    body: Mapping[str, object],
    region: str,
    credentials: SigningCredentials,
    endpoint: str | None = None,
) -> dict[str, object]:
    """Calls an operation of a service that speaks JSON 1.1.

    Raises:
        ServiceError: with AWS's code and message.
        Unreachable: when there was no answer.
    """
    target = f"{_TARGETS[service]}.{operation}"
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    url = f"{(endpoint or endpoint_of(service, region)).rstrip('/')}/"
    answer = _post(url, headers, body, service, region, credentials)
    content = _content(answer)
    try:
        read = json.loads(content or b"{}")
    except ValueError as error:
        raise ServiceError("UnreadableAnswer", f"{operation}: {error}") from error
    if not isinstance(read, dict):
        raise ServiceError("UnreadableAnswer", f"{operation}: not an object")
    return read


def create_channel_token(channel: AgentChannel, region: str, credentials: SigningCredentials) -> str:
    """The token that opens an agent's channel; raises as `call` does."""
    url = endpoint_of(_CHANNELS, region) + channel.path
    body = channel.request(uuid4())
    answer = _post(url, {"Content-Type": "application/json"}, body, _CHANNELS, region, credentials)
    try:
        return token_of(_content(answer))
    except ProtocolViolation as violation:
        raise ServiceError("UnreadableAnswer", str(violation)) from violation


def channel_url(channel: AgentChannel, region: str) -> str:
    """The address of an agent's WebSocket."""
    return f"wss://{_CHANNELS}.{region}.amazonaws.com{channel.path}?{channel.query}"


def channel_headers(url: str, region: str, credentials: SigningCredentials) -> dict[str, str]:
    """The headers that sign the request for an agent's WebSocket."""
    request = _request("GET", url.replace("wss:", "https:", 1), {}, b"")
    return _signed(request, _CHANNELS, region, credentials)


def _post(
    url: str,
    headers: Mapping[str, str],
    body: Mapping[str, object],
    service: str,
    region: str,
    credentials: SigningCredentials,
) -> AWSResponse:
    from botocore.exceptions import BotoCoreError

    request = _request("POST", url, headers, json.dumps(body).encode())
    _signed(request, service, region, credentials)
    parts = urlsplit(url)
    try:
        return _http(f"{parts.scheme}://{parts.netloc}").send(request.prepare())
    except (BotoCoreError, OSError) as error:
        _http.cache_clear()  # the other connections that were kept are no better
        raise Unreachable(f"{parts.netloc}: {what_failed(error)}") from error


def _content(answer: AWSResponse) -> bytes:
    content: bytes = answer.content
    if answer.status_code // 100 == 2:
        return content
    refusal = read_refusal(answer.status_code, content, answer.headers.get("x-amzn-errortype", ""))
    raise ServiceError(refusal.code, refusal.message)


def _request(method: str, url: str, headers: Mapping[str, str], content: bytes) -> AWSRequest:
    """A request that is like no other: signatures know seconds only, and one that comes again may be refused."""
    from botocore.awsrequest import AWSRequest

    return AWSRequest(method=method, url=url, headers={_REQUEST_ID: str(uuid4()), **headers}, data=content)


def _signed(request: AWSRequest, service: str, region: str, credentials: SigningCredentials) -> dict[str, str]:
    from botocore.auth import SigV4Auth

    SigV4Auth(credentials, service, region).add_auth(request)
    return dict(request.headers.items())


@functools.cache
def _http(origin: str) -> URLLib3Session:
    """Connections to one server, kept for the next call."""
    from botocore.httpsession import URLLib3Session
    from botocore.utils import get_environ_proxies

    timeout_s = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
    return URLLib3Session(
        verify=certificates(),
        proxies=get_environ_proxies(origin),
        timeout=timeout_s,
        max_pool_connections=_MOST_CONNECTIONS,
        socket_options=_NOTICES_SILENCE,
    )


def what_failed(error: BaseException) -> str:
    """What failed, in the words of the system, or else of the innermost error."""
    from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

    if isinstance(error, ConnectTimeoutError):
        return "connect timed out"
    if isinstance(error, ReadTimeoutError):
        return f"no answer within {READ_TIMEOUT_S:.0f} s"
    causes = list(_causes(error))
    refused = next((cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)), None)
    if refused is not None:
        return f"certificate not trusted: {refused.verify_message}"
    words = (cause.strerror for cause in reversed(causes) if isinstance(cause, OSError) and cause.strerror)
    return next(words, str(causes[-1]) or type(causes[-1]).__name__)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, outermost first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
