"""The HTTP side: takes a request to the operation that it names, and brings back the answer or the refusal."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from whodunet.aws.account.account import Account
from whodunet.aws.programs.control_plane import dialects
from whodunet.aws.programs.control_plane.api_errors import (
    INTERNAL,
    SERIALIZATION,
    TOO_LARGE,
    UNKNOWN_OPERATION,
    ApiError,
)
from whodunet.aws.programs.control_plane.ec2 import nested
from whodunet.aws.programs.control_plane.gate import Gate, Visit, circumstances, signed_request
from whodunet.aws.programs.control_plane.operations import Answer, Call, Operations
from whodunet.aws.programs.serving import log

MAX_BODY_BYTES: Final = 1024 * 1024
_SERVICES: Final = ("ssm", "ssmmessages", "ec2messages", "sts", "ec2", "ec2-instance-connect")
_TARGETS: Final = {
    "AmazonSSM": "ssm",
    "EC2WindowsMessageDeliveryService": "ec2messages",
    "AWSEC2InstanceConnectService": "ec2-instance-connect",
}
_FORM: Final = "application/x-www-form-urlencoded"
_NO_OPERATION: Final = "Unknown"


class Front:
    """All operations of all services."""

    def __init__(
        self, gate: Gate, account: Account, services: Mapping[str, Operations], clock: Callable[[], float] = time.time
    ) -> None:
        self._gate = gate
        self._account = account
        self._services = services
        self._clock = clock

    async def root(self, request: Request) -> Response:
        """A call of an API that names its operation in a header or in the body."""
        body = await _body(request)
        signed = signed_request(request, body)
        if signed.header("content-type").startswith(_FORM) or (request.method == "GET" and "Action=" in signed.query):
            fields = dict(parse_qsl(signed.body.decode("latin-1") or signed.query, keep_blank_values=True))
            operation = fields.pop("Action", _NO_OPERATION)
            fields.pop("Version", None)
            if _service_of(signed.header("host")) == "ec2":
                visit = Visit("ec2", operation, signed)
                return await self._perform(request, visit, dialects.Ec2Query(), lambda: nested(fields))
            return await self._perform(request, Visit("sts", operation, signed), dialects.Query(), lambda: fields)
        prefix, _, operation = signed.header("x-amz-target").partition(".")
        service = _TARGETS.get(prefix) or _service_of(signed.header("host")) or "ssm"
        visit = Visit(service, operation or _NO_OPERATION, signed)
        return await self._perform(request, visit, dialects.Json(), lambda: _json(body))

    async def channel(self, request: Request) -> Response:
        """An agent's call for a channel, whose operation and subject are in the path."""
        body = await _body(request)
        operation, subject = _channel_of(request)
        visit = Visit("ssmmessages", operation, signed_request(request, body))
        return await self._perform(request, visit, dialects.ChannelXml(), lambda: {**_json(body), **subject})

    async def _perform(
        self, request: Request, visit: Visit, dialect: dialects.Dialect, parameters: Callable[[], Mapping[str, object]]
    ) -> Response:
        try:
            answer = await self._answer(request, visit, parameters)
        except ApiError as error:
            refused = error
        except Exception:
            log.exception("%s: %s failed", visit.service, visit.operation)
            refused = ApiError(INTERNAL, "An error occurred on the server side.")
        else:
            self._gate.record(visit, answer)
            return dialect.answer(visit.operation, answer, visit.request_id)
        self._gate.record(visit, refused=refused)
        return dialect.failure(refused, visit.request_id)

    async def _answer(self, request: Request, visit: Visit, parameters: Callable[[], Mapping[str, object]]) -> Answer:
        if len(visit.signed.body) > MAX_BODY_BYTES:
            raise ApiError(TOO_LARGE, f"The request has more than {MAX_BODY_BYTES} bytes.")
        caller = self._gate.authenticate(visit)
        operation = self._services[visit.service].get(visit.operation)
        addressed = _service_of(visit.signed.header("host"))
        if operation is None or addressed not in (visit.service, None):
            raise ApiError(UNKNOWN_OPERATION, f"Could not find operation {visit.operation}.")
        visit.read_only, visit.hidden = operation.request.read_only, operation.request.hidden
        visit.request = parameters()
        asked = operation.request.read(visit.request)
        context = {**operation.tags(asked), **circumstances(visit, self._clock())}
        self._gate.authorise(caller, asked.permissions(self._account), context)

        async def abandoned() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass

        return await operation.answer(asked, Call(caller, visit, abandoned))


async def _body(request: Request) -> bytes:
    """The whole body, or a little more than what is allowed."""
    body = b""
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > MAX_BODY_BYTES:
                break
    except ClientDisconnect:
        return b""
    return body


def _json(body: bytes) -> dict[str, object]:
    try:
        content = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ApiError(SERIALIZATION, "The request is not JSON.") from error
    if not isinstance(content, dict):
        raise ApiError(SERIALIZATION, "The request is not a JSON object.")
    return content


def _service_of(host: str) -> str | None:
    """Which service a name is for, a VPC endpoint's own name too; none for an address."""
    return next((label for label in host.partition(":")[0].lower().split(".") if label in _SERVICES), None)


def _channel_of(request: Request) -> tuple[str, dict[str, str]]:
    if "instance_id" in request.path_params:
        return "CreateControlChannel", {"InstanceId": request.path_params["instance_id"]}
    return "CreateDataChannel", {"SessionId": request.path_params["session_id"]}
