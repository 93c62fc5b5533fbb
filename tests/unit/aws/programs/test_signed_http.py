from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from whodunet.aws.programs import signed_http
from whodunet.aws.programs.signed_http import (
    ServiceError,
    Unreachable,
    call,
    channel_headers,
    channel_url,
    create_channel_token,
)
from whodunet.aws.ssm.create_channel import control_channel, data_channel

REGION = "eu-central-1"
CREDENTIALS = ReadOnlyCredentials("ASIAEXAMPLE", "secret", "token")


@dataclass
class Server:
    """Answers every request alike, and remembers them."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None
    asked: list[Any] = field(default_factory=list)

    def send(self, request: Any) -> Any:
        """The answer."""
        self.asked.append(request)
        if self.error is not None:
            raise self.error
        return SimpleNamespace(status_code=self.status, content=self.body, headers=self.headers)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[[Server], Server]:
    """Puts a server in the network's place."""

    def put(server: Server) -> Server:
        def http(_origin: str) -> Server:
            return server

        http.cache_clear = lambda: None  # type: ignore[attr-defined]
        monkeypatch.setattr(signed_http, "_http", http)
        return server

    return put


Serve = Callable[[Server], Server]


def test_a_call_is_signed_and_gives_the_answer(serve: Serve) -> None:
    server = serve(Server(body=b'{"Status":"connected"}'))
    assert call("ssm", "GetConnectionStatus", {"Target": "i-1"}, REGION, CREDENTIALS) == {"Status": "connected"}
    (request,) = server.asked
    assert request.url == "https://ssm.eu-central-1.amazonaws.com/"
    assert json.loads(request.body) == {"Target": "i-1"}
    assert request.headers["X-Amz-Target"] == "AmazonSSM.GetConnectionStatus"
    assert "/eu-central-1/ssm/aws4_request" in request.headers["Authorization"]
    assert request.headers["X-Amz-Security-Token"] == "token"


def test_an_endpoint_of_ones_own_takes_the_place_of_the_usual_one(serve: Serve) -> None:
    server = serve(Server())
    call("ssm", "ResumeSession", {}, REGION, CREDENTIALS, "https://other.example:8443")
    assert server.asked[0].url == "https://other.example:8443/"


def test_no_two_calls_have_the_same_signature(serve: Serve) -> None:
    server = serve(Server())
    for _ in range(2):
        call("ssm", "StartSession", {}, REGION, CREDENTIALS)
    assert server.asked[0].headers["Authorization"] != server.asked[1].headers["Authorization"]


def test_a_refusal_has_the_services_code_and_message(serve: Serve) -> None:
    serve(Server(400, b'{"__type":"TargetNotConnected","message":"i-1 is not connected."}'))
    with pytest.raises(ServiceError, match=r"TargetNotConnected: i-1 is not connected\.") as refused:
        call("ssm", "StartSession", {}, REGION, CREDENTIALS)
    assert refused.value.code == "TargetNotConnected"


@pytest.mark.parametrize("body", [b"<html>", b"[]"])
def test_an_answer_that_is_no_object_is_an_error(serve: Serve, body: bytes) -> None:
    serve(Server(body=body))
    with pytest.raises(ServiceError, match="UnreadableAnswer"):
        call("ssm", "StartSession", {}, REGION, CREDENTIALS)


def caused(outer: Exception, inner: Exception) -> Exception:
    """An error with another one as its cause."""
    outer.__cause__ = inner
    return outer


URL = "https://ssm.eu-central-1.amazonaws.com/"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectTimeoutError(endpoint_url=URL), "connect timed out"),
        (ReadTimeoutError(endpoint_url=URL), "no answer within 30 s"),
        (
            caused(EndpointConnectionError(endpoint_url=URL), ConnectionRefusedError(111, "Connection refused")),
            "Connection refused",
        ),
        (OSError("Could not find a suitable TLS CA certificate bundle"), "Could not find a suitable TLS CA"),
    ],
)
def test_an_unreachable_service_is_named_with_what_failed(serve: Serve, error: Exception, words: str) -> None:
    serve(Server(error=error))
    with pytest.raises(Unreachable, match=f"^ssm.eu-central-1.amazonaws.com: {words}"):
        call("ssm", "StartSession", {}, REGION, CREDENTIALS)


def test_a_channels_token_is_asked_for_under_its_path(serve: Serve) -> None:
    server = serve(Server(201, b"<X><TokenValue>sesame</TokenValue></X>"))
    assert create_channel_token(control_channel("i-1"), REGION, CREDENTIALS) == "sesame"
    (request,) = server.asked
    assert request.url == "https://ssmmessages.eu-central-1.amazonaws.com/v1/control-channel/i-1"
    assert "/ssmmessages/aws4_request" in request.headers["Authorization"]


def test_an_answer_without_a_token_is_an_error(serve: Serve) -> None:
    serve(Server(201, b"<X/>"))
    with pytest.raises(ServiceError, match="no TokenValue"):
        create_channel_token(control_channel("i-1"), REGION, CREDENTIALS)


def test_a_refused_channel_has_its_code_too(serve: Serve) -> None:
    serve(Server(403, b"<AccessDeniedException><Message>no</Message></AccessDeniedException>"))
    with pytest.raises(ServiceError, match="AccessDeniedException: no"):
        create_channel_token(control_channel("i-1"), REGION, CREDENTIALS)


def test_a_channels_request_is_signed_with_the_role_in_its_query() -> None:
    url = channel_url(data_channel("s-1"), REGION)
    assert url == "wss://ssmmessages.eu-central-1.amazonaws.com/v1/data-channel/s-1?role=publish_subscribe"
    headers = channel_headers(url, REGION, CREDENTIALS)
    other = channel_headers(url.replace("publish_", ""), REGION, CREDENTIALS)
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/")
    assert headers["Authorization"] != other["Authorization"]
