"""The page for a program that opened the browser itself: the answer goes to the program, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.unit.aws.programs.asgi import Answer
from tests.unit.aws.programs.sign_on.company import CALLBACK, NOW_S, OIDC, Company

REDIRECT = "http://127.0.0.1:40123/oauth/callback"
# RFC 7636, appendix B
VERIFIER, CHALLENGE = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.fixture
def client(company: Company) -> Mapping[str, str]:
    """The AWS CLI, from 2.22 on."""
    return company.client(grantTypes=["authorization_code", "refresh_token"], redirectUris=[CALLBACK])


def address(client: Mapping[str, str], **changes: str) -> str:
    """Where the program sends the browser."""
    query = {
        "response_type": "code",
        "client_id": client["clientId"],
        "redirect_uri": REDIRECT,
        "state": "a state",
        "code_challenge_method": "S256",
        "scopes": "sso:account:access",
        "code_challenge": CHALLENGE,
    }
    return f"{OIDC}/authorize?{urlencode({**query, **changes})}"


def redeem(company: Company, client: Mapping[str, str], code: str, **changes: Any) -> Answer:
    """The program shows the code that the browser brought."""
    shown = {"grantType": "authorization_code", "code": code, "redirectUri": REDIRECT, "codeVerifier": VERIFIER}
    return company.post("/token", **client, **{**shown, **changes})


def test_a_person_allows_it_and_the_program_gets_tokens(company: Company, client: Mapping[str, str]) -> None:
    brought = company.browse(address(client)).answer("ann", "Allow")
    assert brought.page.status == 303
    assert brought.page.headers["location"].startswith(f"{REDIRECT}?")
    assert brought.brought["state"] == "a state"
    tokens = json.loads(redeem(company, client, brought.brought["code"]).text)
    assert company.office.tokens.signed_in(tokens["accessToken"], NOW_S).person == "ann"
    assert "refreshToken" in tokens


def test_a_person_denies_it_and_the_program_hears_so(company: Company, client: Mapping[str, str]) -> None:
    brought = company.browse(address(client)).answer(None, "Deny").brought
    assert brought == {"error": "access_denied", "state": "a state"}


def test_without_the_verifier_a_code_is_worth_nothing(company: Company, client: Mapping[str, str]) -> None:
    code = company.browse(address(client)).answer("ann", "Allow").brought["code"]
    answer = redeem(company, client, code, codeVerifier="guess")
    assert json.loads(answer.text)["error"] == "invalid_grant"


def test_the_question_says_who_asks_and_where_the_answer_goes(company: Company, client: Mapping[str, str]) -> None:
    page = company.browse(address(client)).page
    assert "botocore-client-corp" in page.text
    assert REDIRECT in page.text
    assert "http://127.0.0.1:*" in page.headers["content-security-policy"]


def test_allowing_needs_a_person(company: Company, client: Mapping[str, str]) -> None:
    again = company.browse(address(client)).answer(None, "Allow")
    assert "Choose who signs in." in again.page.text
    assert "code" in again.answer("ann", "Allow").brought


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"redirect_uri": "https://evil.example/oauth/callback"}, "redirect address"),
        ({"client_id": "x"}, "not registered"),
        ({"response_type": "token"}, "response_type"),
        ({"code_challenge_method": "plain"}, "code_challenge_method"),
        ({"code_challenge": ""}, "code_challenge is missing"),
        ({"state": ""}, "state is missing"),
    ],
)
def test_a_request_that_is_not_safe_is_refused_and_goes_nowhere(
    company: Company, client: Mapping[str, str], changes: dict[str, str], reason: str
) -> None:
    page = company.browse(address(client, **changes)).page
    assert page.status == 400
    assert reason in page.text
    assert "location" not in page.headers


def test_a_client_of_the_device_flow_has_no_such_page(company: Company) -> None:
    page = company.browse(address(company.client())).page
    assert page.status == 400
    assert "not registered for authorization_code" in page.text


def test_a_form_of_the_device_flow_answers_nothing_here(company: Company, client: Mapping[str, str]) -> None:
    token = company.browse(company.start(company.client())["verificationUriComplete"]).form.hidden
    answered = company.browse(address(client)).submit({**token, "person": "ann", "decision": "Allow"})
    assert answered.page.status == 400


def test_the_answer_is_recorded(company: Company, client: Mapping[str, str]) -> None:
    company.browse(address(client)).answer("ann", "Deny")
    record = company.trail()[-1]
    assert (record["eventName"], record["errorCode"]) == ("UserAuthentication", "AccessDeniedException")
    assert record["requestParameters"] == {"client": "botocore-client-corp", "redirectUri": REDIRECT}
