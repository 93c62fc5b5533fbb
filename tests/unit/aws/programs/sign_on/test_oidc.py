"""The token service: what `aws sso login` asks, and what it is told while nobody answers, and after."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from tests.unit.aws.programs.asgi import Answer, ask
from tests.unit.aws.programs.sign_on.company import CALLBACK, DEVICE, NOW_S, OIDC, START_URL, Company


def refusal(answer: Answer) -> tuple[int, str, str]:
    """Status, exception and error code."""
    return answer.status, answer.headers["x-amzn-errortype"], json.loads(answer.text)["error"]


def test_a_client_registers_for_ninety_days(company: Company) -> None:
    answer = company.post("/client/register", clientName="botocore-client-corp", clientType="public")
    registered = json.loads(answer.text)
    assert answer.status == 200
    assert registered["clientIdIssuedAt"] == NOW_S
    assert registered["clientSecretExpiresAt"] == NOW_S + 90 * 24 * 3600


@pytest.mark.parametrize(
    ("body", "exception", "error"),
    [
        ({"clientType": "confidential"}, "InvalidClientMetadataException", "invalid_client_metadata"),
        ({"clientName": ""}, "InvalidRequestException", "invalid_request"),
        ({"clientName": 1}, "InvalidRequestException", "invalid_request"),
        ({"grantTypes": ["password"]}, "UnsupportedGrantTypeException", "unsupported_grant_type"),
        ({"redirectUris": ["https://evil.example/"]}, "InvalidRedirectUriException", "invalid_redirect_uri"),
    ],
)
def test_a_client_that_is_none_is_not_registered(
    company: Company, body: Mapping[str, object], exception: str, error: str
) -> None:
    answer = company.post("/client/register", **{"clientName": "cli", "clientType": "public", **body})
    assert refusal(answer) == (400, exception, error)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"clientName":' + b"[" * 5000])
def test_a_body_that_is_no_request_is_refused(company: Company, body: bytes) -> None:
    answer = ask(company.app, "POST", f"{OIDC}/client/register", body)
    assert refusal(answer) == (400, "InvalidRequestException", "invalid_request")


def test_a_request_that_is_too_long_is_refused(company: Company) -> None:
    body = b'{"clientName": "cli", "clientType": "public"}' + b" " * 70_000
    answer = ask(company.app, "POST", f"{OIDC}/client/register", body)
    assert refusal(answer) == (400, "InvalidRequestException", "invalid_request")


def test_a_device_authorization_shows_a_code_and_where_to_enter_it(company: Company) -> None:
    started = company.start(company.client())
    assert started["verificationUri"] == DEVICE
    assert started["verificationUriComplete"] == f"{DEVICE}?user_code={started['userCode']}"
    assert (started["expiresIn"], started["interval"]) == (600, 1)


@pytest.mark.parametrize("start_url", [START_URL, f"{START_URL}/", f"{START_URL}/#/", f"{START_URL}#/"])
def test_the_start_url_is_known_as_people_copy_it(company: Company, start_url: str) -> None:
    assert company.post("/device_authorization", **company.client(), startUrl=start_url).status == 200


def test_the_start_url_of_another_company_is_refused(company: Company) -> None:
    answer = company.post("/device_authorization", **company.client(), startUrl="https://other.awsapps.com/start")
    assert refusal(answer) == (400, "InvalidRequestException", "invalid_request")


def test_a_client_with_a_wrong_secret_is_refused(company: Company) -> None:
    client = {**company.client(), "clientSecret": "x"}
    answer = company.post("/device_authorization", **client, startUrl=START_URL)
    assert refusal(answer) == (401, "InvalidClientException", "invalid_client")


def test_a_client_for_the_browser_flow_starts_no_device_flow(company: Company) -> None:
    client = company.client(grantTypes=["authorization_code"], redirectUris=[CALLBACK])
    answer = company.post("/device_authorization", **client, startUrl=START_URL)
    assert refusal(answer) == (400, "UnauthorizedClientException", "unauthorized_client")


def test_while_nobody_answers_a_poll_is_pending(company: Company) -> None:
    client = company.client()
    answer = company.poll(client, company.start(client)["deviceCode"])
    assert refusal(answer) == (400, "AuthorizationPendingException", "authorization_pending")


def test_who_polls_without_pause_is_slowed_down(company: Company) -> None:
    client = company.client()
    code = company.start(client)["deviceCode"]
    assert refusal([company.poll(client, code) for _ in range(4)][-1]) == (400, "SlowDownException", "slow_down")


def test_once_a_person_allows_it_the_poll_gets_tokens(company: Company) -> None:
    tokens = company.sign_in("ann")
    assert tokens["tokenType"] == "Bearer"
    assert tokens["expiresIn"] == 3600
    assert "refreshToken" in tokens
    assert company.office.tokens.signed_in(tokens["accessToken"], NOW_S).person == "ann"


def test_without_the_scope_there_is_no_refresh_token(company: Company) -> None:
    assert "refreshToken" not in company.sign_in("ann", company.client(scopes=[]))


def test_a_device_code_is_good_once(company: Company) -> None:
    client = company.client()
    started = company.start(client)
    company.browse(started["verificationUriComplete"]).answer("ann", "Allow")
    assert company.poll(client, started["deviceCode"]).status == 200
    answer = company.poll(client, started["deviceCode"])
    assert refusal(answer) == (400, "InvalidGrantException", "invalid_grant")


def test_what_a_person_denies_is_denied(company: Company) -> None:
    client = company.client()
    started = company.start(client)
    company.browse(started["verificationUriComplete"]).answer("ann", "Deny")
    answer = company.poll(client, started["deviceCode"])
    assert refusal(answer) == (400, "AccessDeniedException", "access_denied")


def test_after_ten_minutes_the_code_has_expired(company: Company) -> None:
    client = company.client()
    code = company.start(client)["deviceCode"]
    company.now_s += 600
    assert refusal(company.poll(client, code)) == (400, "ExpiredTokenException", "expired_token")


def test_a_refresh_token_gives_a_new_access_token(company: Company) -> None:
    client = company.client()
    tokens = company.sign_in("ann", client)
    company.now_s += 3600
    answer = company.post("/token", **client, grantType="refresh_token", refreshToken=tokens["refreshToken"])
    renewed = json.loads(answer.text)
    assert company.office.tokens.signed_in(renewed["accessToken"], company.now_s).person == "ann"


def test_a_made_up_refresh_token_is_refused(company: Company) -> None:
    answer = company.post("/token", **company.client(), grantType="refresh_token", refreshToken="x")
    assert refusal(answer) == (400, "InvalidGrantException", "invalid_grant")


def test_a_client_that_did_not_register_for_renewal_gets_none(company: Company) -> None:
    client = company.client(grantTypes=["urn:ietf:params:oauth:grant-type:device_code"])
    assert "refreshToken" not in company.sign_in("ann", client)
    answer = company.post("/token", **client, grantType="refresh_token", refreshToken="x")
    assert refusal(answer) == (400, "UnauthorizedClientException", "unauthorized_client")


def test_a_grant_type_that_is_not_there_is_refused(company: Company) -> None:
    answer = company.post("/token", **company.client(), grantType="password")
    assert refusal(answer) == (400, "UnsupportedGrantTypeException", "unsupported_grant_type")


def test_clients_and_tokens_survive_a_restart(company: Company) -> None:
    client = company.client()
    tokens = company.sign_in("ann", client)
    company.restart()
    answer = company.post("/token", **client, grantType="refresh_token", refreshToken=tokens["refreshToken"])
    assert answer.status == 200


def test_each_response_has_a_number(company: Company) -> None:
    one, other = (company.post("/client/register").headers["x-amzn-requestid"] for _ in range(2))
    assert one != other


def test_who_came_by_a_token_is_recorded(company: Company) -> None:
    company.sign_in("ann")
    record = company.trail()[-1]
    assert (record["eventSource"], record["eventName"]) == ("sso.amazonaws.com", "CreateToken")
    assert record["userIdentity"]["userName"] == "ann@corp.example"
    assert record["sourceIPAddress"] == "192.0.2.9"
    assert "errorCode" not in record


def test_a_refused_token_is_recorded_and_polling_is_not(company: Company) -> None:
    client = company.client()
    started = company.start(client)
    company.poll(client, started["deviceCode"])
    assert company.trail() == []
    company.browse(started["verificationUriComplete"]).answer("ann", "Deny")
    company.poll(client, started["deviceCode"])
    assert (company.trail()[-1]["eventName"], company.trail()[-1]["errorCode"]) == (
        "CreateToken",
        "AccessDeniedException",
    )


def test_no_secret_gets_into_the_audit_trail(company: Company) -> None:
    client = company.client()
    tokens = company.sign_in("ann", client)
    written = (company.records / "cloudtrail.jsonl").read_text()
    for secret in (*client.values(), tokens["accessToken"], tokens["refreshToken"]):
        assert secret not in written


@pytest.mark.parametrize(
    "url", ["https://oidc.eu-central-1.amazonaws.com/assignment/accounts", "https://other.example/"]
)
def test_a_host_answers_what_is_its_own_alone(company: Company, url: str) -> None:
    assert ask(company.app, "GET", url).status == 404
