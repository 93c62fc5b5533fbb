"""The portal: what a person may use, credentials for it, and nothing for anybody else."""

from __future__ import annotations

import json

import pytest

from tests.unit.aws.programs.asgi import Answer
from tests.unit.aws.programs.sign_on.company import NOW_S, Company
from whodunet.aws.account.seal import Identity
from whodunet.aws.account.sign_on_tokens import ACCESS

ACCOUNT = "123456789012"


@pytest.fixture
def ann(company: Company) -> str:
    """The access token of a person with two roles."""
    token: str = company.sign_in("ann")["accessToken"]
    return token


def credentials(company: Company, token: str, role: str = "Developer", account: str = ACCOUNT) -> Answer:
    """Asks for a role's credentials."""
    return company.portal("GET", "/federation/credentials", token, role_name=role, account_id=account)


def refusal(answer: Answer) -> tuple[int, str, str]:
    """Status, exception and message."""
    return answer.status, answer.headers["x-amzn-errortype"], json.loads(answer.text)["message"]


def test_a_role_of_the_person_comes_with_credentials(company: Company, ann: str) -> None:
    given = json.loads(credentials(company, ann).text)["roleCredentials"]
    opened = company.office.seal.open_credentials(given["accessKeyId"], given["sessionToken"], NOW_S)
    assert opened.identity == Identity(ACCOUNT, "Developer", "ann@corp.example")
    assert opened.secret_access_key == given["secretAccessKey"]
    assert given["expiration"] == (NOW_S + 900) * 1000


@pytest.mark.parametrize(
    ("role", "account"), [("ReadOnly", ACCOUNT), ("Admin", ACCOUNT), ("Developer", "123456789013")]
)
def test_another_role_or_account_is_forbidden(company: Company, ann: str, role: str, account: str) -> None:
    assert refusal(credentials(company, ann, role, account)) == (403, "ForbiddenException", "No access")


def test_without_a_role_name_the_request_is_invalid(company: Company, ann: str) -> None:
    answer = company.portal("GET", "/federation/credentials", ann, account_id=ACCOUNT)
    assert refusal(answer)[:2] == (400, "InvalidRequestException")


@pytest.mark.parametrize("path", ["/federation/credentials", "/assignment/accounts", "/assignment/roles"])
def test_without_a_good_token_nothing_is_told(company: Company, path: str) -> None:
    answer = company.portal("GET", path, "x", role_name="Developer", account_id=ACCOUNT)
    assert refusal(answer) == (401, "UnauthorizedException", "Session token not found or invalid")


def test_a_token_ends_at_its_time(company: Company, ann: str) -> None:
    company.now_s += 3600
    assert credentials(company, ann).status == 401


def test_a_token_of_somebody_who_left_is_worth_nothing(company: Company) -> None:
    token = company.office.seal.seal(ACCESS, {"person": "mallory"}, int(NOW_S) + 60)
    assert credentials(company, token).status == 401


def test_a_token_that_the_lab_sealed_is_good(company: Company) -> None:
    token = company.office.seal.seal(ACCESS, {"person": "ann"}, int(NOW_S) + 60)
    assert credentials(company, token).status == 200


def test_the_account_is_listed_for_who_has_a_role_in_it(company: Company, ann: str) -> None:
    listed = json.loads(company.portal("GET", "/assignment/accounts", ann).text)["accountList"]
    assert [(account["accountId"], account["accountName"]) for account in listed] == [(ACCOUNT, "fintech-platform")]
    eve = company.sign_in("eve")["accessToken"]
    assert json.loads(company.portal("GET", "/assignment/accounts", eve).text)["accountList"] == []


def test_roles_are_listed_a_page_at_a_time(company: Company, ann: str) -> None:
    path, query = "/assignment/roles", {"account_id": ACCOUNT, "max_result": "1"}
    first = json.loads(company.portal("GET", path, ann, **query).text)
    second = json.loads(company.portal("GET", path, ann, **query, next_token=first["nextToken"]).text)
    assert [page["roleList"][0]["roleName"] for page in (first, second)] == ["Developer", "Auditor"]
    assert second["nextToken"] is None


@pytest.mark.parametrize(
    "query", [{"max_result": "0"}, {"max_result": "101"}, {"next_token": "3"}, {"next_token": "x"}]
)
def test_a_page_that_is_not_there_is_an_invalid_request(company: Company, ann: str, query: dict[str, str]) -> None:
    answer = company.portal("GET", "/assignment/roles", ann, account_id=ACCOUNT, **query)
    assert refusal(answer)[:2] == (400, "InvalidRequestException")


def test_after_signing_out_the_token_is_worth_nothing(company: Company, ann: str) -> None:
    answer = company.portal("POST", "/logout", ann)
    assert (answer.status, answer.body) == (200, b"")
    assert credentials(company, ann).status == 401


def test_signing_out_twice_is_refused(company: Company, ann: str) -> None:
    company.portal("POST", "/logout", ann)
    assert company.portal("POST", "/logout", ann).status == 401


def test_who_got_credentials_of_which_role_is_recorded(company: Company, ann: str) -> None:
    answer = credentials(company, ann)
    record = company.trail()[-1]
    assert (record["eventName"], record["userIdentity"]["userName"]) == ("GetRoleCredentials", "ann@corp.example")
    assert record["requestParameters"] == {"accountId": ACCOUNT, "roleName": "Developer"}
    assert record["sourceIPAddress"] == "192.0.2.9"
    assert record["requestID"] == answer.headers["x-amzn-requestid"]


def test_what_was_forbidden_is_recorded_with_who_asked(company: Company, ann: str) -> None:
    credentials(company, ann, "Admin")
    record = company.trail()[-1]
    assert (record["errorCode"], record["errorMessage"]) == ("ForbiddenException", "No access")
    assert record["userIdentity"]["userName"] == "ann@corp.example"


def test_a_call_without_a_good_token_is_recorded_as_nobodys(company: Company) -> None:
    company.portal("GET", "/assignment/accounts", "x")
    record = company.trail()[-1]
    assert (record["eventName"], record["errorCode"]) == ("ListAccounts", "UnauthorizedException")
    assert record["userIdentity"]["type"] == "Unknown"


def test_each_call_is_one_line_of_the_log(company: Company, ann: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "session_manager.sign_on")
    credentials(company, ann, "Admin")
    assert caplog.messages == ["GetRoleCredentials by ann@corp.example from 192.0.2.9: ForbiddenException"]
