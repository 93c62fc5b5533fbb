"""The pages for a program that shows a code: a person enters it, compares it, allows or denies, once."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.aws.programs.sign_on.company import DEVICE, START_URL, Browser, Company


@pytest.fixture
def started(company: Company) -> Mapping[str, Any]:
    """A program waits."""
    return company.start(company.client())


@pytest.fixture
def browser(company: Company, started: Mapping[str, Any]) -> Browser:
    """A browser with the question before it."""
    return company.browse(started["verificationUriComplete"])


@pytest.mark.parametrize("url", [START_URL, f"{START_URL}/", "https://corp.awsapps.com/", DEVICE])
def test_a_person_enters_the_code(company: Company, started: Mapping[str, Any], url: str) -> None:
    question = company.browse(url).submit({"user_code": started["userCode"].lower()})
    assert started["userCode"] in question.page.text
    assert question.form.values("decision") == ["Allow", "Deny"]


@pytest.mark.parametrize("code", ["XXXX-XXXX", "<script>"])
def test_a_wrong_code_is_told_and_another_can_be_entered(company: Company, code: str) -> None:
    browser = company.browse(DEVICE).submit({"user_code": code})
    assert 'role="alert"' in browser.page.text
    assert "mistyped" in browser.page.text
    assert browser.form.values("user_code") == [""]
    assert code not in browser.page.text


def test_the_question_says_who_asks_from_where_for_what(browser: Browser) -> None:
    for fact in ("botocore-client-corp", "192.0.2.9", "123456789012 (fintech-platform)"):
        assert fact in browser.page.text
    assert browser.form.values("person") == ["ann", "bob", "eve"]


def test_what_was_allowed_is_said(browser: Browser) -> None:
    assert "Access allowed" in browser.answer("ann", "Allow").page.text


def test_what_was_denied_is_said(browser: Browser) -> None:
    assert "Access denied" in browser.answer("ann", "Deny").page.text


def test_a_question_is_answered_once(company: Company, started: Mapping[str, Any], browser: Browser) -> None:
    browser.answer("ann", "Deny")
    again = browser.answer("ann", "Allow")
    assert again.page.status == 400
    assert "answered already" in again.page.text
    assert "mistyped" in company.browse(started["verificationUriComplete"]).page.text


@pytest.mark.parametrize("person", [None, "mallory"])
def test_allowing_needs_somebody_of_the_directory(browser: Browser, person: str | None) -> None:
    again = browser.answer(person, "Allow")
    assert "Choose who signs in." in again.page.text
    assert "Access allowed" in again.answer("bob", "Allow").page.text


def test_anybody_can_deny(browser: Browser) -> None:
    button = next(field for field in browser.form.inputs if field.get("value") == "Deny")
    assert "formnovalidate" in button  # else a browser would insist on a person
    assert "Access denied" in browser.answer(None, "Deny").page.text


def test_an_answer_without_a_button_allows_nothing(company: Company, browser: Browser) -> None:
    browser.submit({**browser.form.hidden, "person": "ann"})
    assert company.trail()[-1]["errorCode"] == "AccessDeniedException"


@pytest.mark.parametrize("token", ["", "x"])
def test_an_answer_to_no_page_is_refused(company: Company, browser: Browser, token: str) -> None:
    answered = browser.submit({"token": token, "person": "ann", "decision": "Allow"})
    assert answered.page.status == 400
    assert company.trail() == []


def test_the_token_of_another_question_answers_that_one_alone(company: Company, browser: Browser) -> None:
    other = company.start(company.client(clientName="another program"))
    token = company.browse(other["verificationUriComplete"]).form.hidden
    answered = browser.submit({**token, "person": "ann", "decision": "Allow"})
    assert "another program" in answered.page.text


def test_a_page_that_lay_open_too_long_is_refused(company: Company, browser: Browser) -> None:
    company.now_s += 600
    assert browser.answer("ann", "Allow").page.status == 400


def test_a_client_name_is_shown_as_text(company: Company) -> None:
    started = company.start(company.client(clientName='<b>Trusted</b> & "safe"'))
    page = company.browse(started["verificationUriComplete"]).page.text
    assert "&lt;b&gt;Trusted&lt;/b&gt; &amp; &quot;safe&quot;" in page
    assert "<b>" not in page


def test_the_answer_is_recorded_with_who_and_from_where(browser: Browser, company: Company) -> None:
    browser.answer("bob", "Allow")
    record = company.trail()[-1]
    assert (record["eventSource"], record["eventName"]) == ("signin.amazonaws.com", "UserAuthentication")
    assert record["userIdentity"]["userName"] == "bob@corp.example"
    assert (record["sourceIPAddress"], record["userAgent"]) == ("192.0.2.9", "w3m/0.5.3")
    assert record["serviceEventDetails"] == {"UserAuthentication": "Success"}


def test_the_pages_own_style_is_the_one_that_is_allowed(browser: Browser) -> None:
    style = browser.page.text.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in browser.page.headers["content-security-policy"]


def test_pages_load_run_and_keep_nothing(browser: Browser) -> None:
    assert "default-src 'none'" in browser.page.headers["content-security-policy"]
    assert browser.page.headers["cache-control"] == "no-store"
    assert "<script" not in browser.page.text
    assert "set-cookie" not in browser.page.headers
