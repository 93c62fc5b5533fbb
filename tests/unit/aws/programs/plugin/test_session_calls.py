from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import EndpointConnectionError, UnauthorizedSSOTokenError

from tests.unit.aws.programs.plugin.stage import play
from whodunet.aws.programs.channel_socket import CannotConnect, SessionLost
from whodunet.aws.programs.plugin import session_calls
from whodunet.aws.programs.plugin.invocation import Invocation
from whodunet.aws.programs.plugin.session_calls import SessionService, SessionTimedOut
from whodunet.aws.programs.signed_http import ServiceError, Unreachable

INVOCATION = Invocation("session-1", "wss://host/", "token", "eu-central-1", endpoint_url="https://ssm.example")


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The AWS CLI's, in the environment."""
    for variable in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA-ANN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def answers(monkeypatch: pytest.MonkeyPatch, outcome: dict[str, Any] | Exception) -> list[tuple[Any, ...]]:
    """Makes the service answer so; gives the list of calls made."""
    calls: list[tuple[Any, ...]] = []

    def call(
        name: str, operation: str, body: Mapping[str, object], region: str, keys: Any, endpoint: str
    ) -> dict[str, Any]:
        calls.append((name, operation, body, region, keys.access_key, endpoint))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(session_calls, "call", call)
    return calls


def resumed(invocation: Invocation = INVOCATION) -> str:
    """What resuming the session gives."""
    tokens: list[str] = []

    async def story() -> None:
        tokens.append(await SessionService(invocation).resume())

    play(story())
    return tokens[0]


def test_a_session_is_resumed_with_the_caller_s_credentials_where_it_was_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = answers(monkeypatch, {"SessionId": "session-1", "TokenValue": "new", "StreamUrl": "wss://host/"})
    assert resumed() == "new"
    body = {"SessionId": "session-1"}
    assert calls == [("ssm", "ResumeSession", body, "eu-central-1", "AKIA-ANN", "https://ssm.example")]


@pytest.mark.parametrize("answer", [{}, {"TokenValue": None}, {"TokenValue": ""}])
def test_an_answer_without_a_token_means_that_the_session_timed_out(
    monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]
) -> None:
    answers(monkeypatch, answer)
    with pytest.raises(SessionTimedOut):
        resumed()


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError", "HTTP 503", "ServiceUnavailable"])
def test_a_service_in_trouble_is_asked_again(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    answers(monkeypatch, ServiceError(code, "later"))
    with pytest.raises(CannotConnect, match="later"):
        resumed()


def test_a_service_that_cannot_be_reached_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, Unreachable("ssm.example: connect timed out"))
    with pytest.raises(CannotConnect, match=r"the session cannot be resumed: ssm\.example: connect timed out"):
        resumed()


@pytest.mark.parametrize("code", ["AccessDeniedException", "DoesNotExistException", "ExpiredTokenException"])
def test_a_refusal_is_final(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    answers(monkeypatch, ServiceError(code, "no"))
    with pytest.raises(SessionLost, match=f"the session cannot be resumed: {code}: no"):
        resumed()


def test_a_profile_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, {})
    with pytest.raises(SessionLost, match="nobody"):
        resumed(Invocation("session-1", "wss://host/", "token", "eu-central-1", profile="nobody"))


def test_credentials_that_cannot_be_renewed_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def expired(_: Credentials) -> None:
        raise UnauthorizedSSOTokenError

    answers(monkeypatch, {"TokenValue": "new"})
    monkeypatch.setattr(Credentials, "get_frozen_credentials", expired)
    with pytest.raises(SessionLost, match="SSO session associated with this profile has expired"):
        resumed()


@pytest.mark.parametrize("outcome", [{}, ServiceError("DoesNotExistException", ""), Unreachable("ssm.example")])
def test_terminating_is_worth_one_call_and_no_complaint(
    monkeypatch: pytest.MonkeyPatch, outcome: dict[str, Any] | Exception
) -> None:
    calls = answers(monkeypatch, outcome)
    play(SessionService(INVOCATION).terminate())
    assert [operation for _, operation, *_ in calls] == ["TerminateSession"]


def test_single_sign_on_out_of_reach_is_a_reason_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_reach(_: Credentials) -> None:
        raise EndpointConnectionError(endpoint_url="https://portal.sso.example")

    answers(monkeypatch, {})
    monkeypatch.setattr(Credentials, "get_frozen_credentials", out_of_reach)
    with pytest.raises(CannotConnect, match=r"portal\.sso\.example"):
        resumed()
