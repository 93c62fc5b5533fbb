"""How answers are written: JSON for ssm and ec2messages, the XML of query for sts and of EC2, and that for channels.

Source: Smithy, "AWS JSON 1.1 protocol", "AWS Query protocol" and "AWS EC2 Query protocol".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol
from xml.sax.saxutils import escape

from starlette.responses import Response

from whodunet.aws.programs.control_plane.api_errors import (
    ACCESS_DENIED,
    EXPIRED_TOKEN,
    INVALID_TOKEN,
    MISSING_TOKEN,
    VALIDATION,
    ApiError,
    Kind,
)

_JSON_TYPE = "application/x-amz-json-1.1"
_STS_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_EC2_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
_EC2_CODES: Mapping[Kind, str] = {
    ACCESS_DENIED: "UnauthorizedOperation",
    EXPIRED_TOKEN: "RequestExpired",
    INVALID_TOKEN: "AuthFailure",
    MISSING_TOKEN: "AuthFailure",
    VALIDATION: "InvalidParameterValue",
}
_ANSWERED_BY_CREATION = 201  # the agent takes any other status for a failure


class Dialect(Protocol):
    """One way of writing."""

    def answer(self, operation: str, content: Mapping[str, object], request_id: str) -> Response:
        """What a call is answered with."""

    def failure(self, error: ApiError, request_id: str) -> Response:
        """What a refused call is answered with."""


class Json:
    """AWS JSON 1.1."""

    def answer(self, operation: str, content: Mapping[str, object], request_id: str) -> Response:
        """The content as it is."""
        return Response(json.dumps(content), headers={"x-amzn-RequestId": request_id}, media_type=_JSON_TYPE)

    def failure(self, error: ApiError, request_id: str) -> Response:
        """The error's type is in the body and in a header."""
        code = error.kind.json_code
        headers = {"x-amzn-RequestId": request_id, "x-amzn-ErrorType": code}
        body = json.dumps({"__type": code, "message": error.message})
        return Response(body, error.kind.json_status, headers, _JSON_TYPE)


class Query:
    """AWS query."""

    def answer(self, operation: str, content: Mapping[str, object], request_id: str) -> Response:
        """The content inside a result inside a response."""
        body = (
            f'<{operation}Response xmlns="{_STS_NAMESPACE}"><{operation}Result>{_elements(content)}</{operation}Result>'
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
        )
        return _xml(body, request_id)

    def failure(self, error: ApiError, request_id: str) -> Response:
        """An ErrorResponse."""
        code = error.kind.query_code or error.kind.json_code
        told = _elements({"Type": "Sender", "Code": code, "Message": error.message})
        body = (
            f'<ErrorResponse xmlns="{_STS_NAMESPACE}"><Error>{told}</Error>'
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return _xml(body, request_id, error.kind.xml_status)


class Ec2Query:
    """AWS EC2 query: no result inside the response, and other names for the same errors."""

    def answer(self, operation: str, content: Mapping[str, object], request_id: str) -> Response:
        """The content inside a response."""
        told = f"<requestId>{request_id}</requestId>{_elements(content)}"
        return _xml(f'<{operation}Response xmlns="{_EC2_NAMESPACE}">{told}</{operation}Response>', request_id)

    def failure(self, error: ApiError, request_id: str) -> Response:
        """The one error of a list."""
        code = _EC2_CODES.get(error.kind) or error.kind.query_code or error.kind.json_code
        denied = "You are not authorized to perform this operation. " if error.kind is ACCESS_DENIED else ""
        told = _elements({"Error": {"Code": code, "Message": denied + error.message}})
        body = f"<Response><Errors>{told}</Errors><RequestID>{request_id}</RequestID></Response>"
        return _xml(body, request_id, error.kind.xml_status)


class ChannelXml:
    """What the agent reads when it asks for a channel."""

    def answer(self, operation: str, content: Mapping[str, object], request_id: str) -> Response:
        """The content inside a response."""
        return _xml(
            f"<{operation}Response>{_elements(content)}</{operation}Response>", request_id, _ANSWERED_BY_CREATION
        )

    def failure(self, error: ApiError, request_id: str) -> Response:
        """An element with the error's name; the agent looks for AccessDeniedException."""
        code = error.kind.json_code
        return _xml(f"<{code}>{_elements({'Message': error.message})}</{code}>", request_id, error.kind.xml_status)


def _xml(body: str, request_id: str, status: int = 200) -> Response:
    return Response(body, status, {"x-amzn-RequestId": request_id}, "text/xml")


def _elements(content: Mapping[str, object]) -> str:
    return "".join(f"<{name}>{_element(value)}</{name}>" for name, value in content.items())


def _element(value: object) -> str:
    if isinstance(value, Mapping):
        return _elements(value)
    if isinstance(value, list | tuple):
        return "".join(f"<item>{_element(item)}</item>" for item in value)
    return escape(str(value).lower() if isinstance(value, bool) else str(value))
