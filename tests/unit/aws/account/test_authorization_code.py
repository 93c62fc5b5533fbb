"""Authorisation codes: for the program that asked, which alone has the verifier; once, in time."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from whodunet.aws.account.authorization_code import LIFETIME_S, AuthorizationCodes, CodeRequest, Redemption
from whodunet.aws.account.grants import GrantError, GrantRefused
from whodunet.aws.account.seal import Seal

NOW_S = 1_800_000_000.0
SEAL = Seal(b"the lab's key")
REDIRECT = "http://127.0.0.1:40123/oauth/callback"
# RFC 7636, appendix B
VERIFIER, CHALLENGE = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
ASKED = CodeRequest("cli", REDIRECT, "state & more", CHALLENGE)


@pytest.fixture
def codes() -> AuthorizationCodes:
    return AuthorizationCodes(SEAL)


@pytest.fixture
def shown(codes: AuthorizationCodes) -> Redemption:
    """What the program shows that asked, and that ann has allowed."""
    return Redemption(codes.issue(ASKED, "ann", "nonce", NOW_S), "cli", REDIRECT, VERIFIER)


def refused(codes: AuthorizationCodes, shown: Redemption, at_s: float = NOW_S) -> GrantError:
    """What a code is refused with."""
    with pytest.raises(GrantRefused) as caught:
        codes.redeem(shown, at_s)
    return caught.value.error


def test_a_code_tells_the_person_once(codes: AuthorizationCodes, shown: Redemption) -> None:
    assert codes.redeem(shown, NOW_S) == "ann"
    assert refused(codes, shown) is GrantError.INVALID_GRANT


def test_a_padded_challenge_is_the_same(codes: AuthorizationCodes) -> None:
    code = codes.issue(replace(ASKED, challenge=f"{CHALLENGE}="), "ann", "nonce", NOW_S)
    assert codes.redeem(Redemption(code, "cli", REDIRECT, VERIFIER), NOW_S) == "ann"


@pytest.mark.parametrize(
    "changed", [{"verifier": "guess"}, {"verifier": ""}, {"client_id": "other"}, {"redirect_uri": "http://127.0.0.1/"}]
)
def test_a_stolen_code_is_worth_nothing(codes: AuthorizationCodes, shown: Redemption, changed: dict[str, str]) -> None:
    assert refused(codes, replace(shown, **changed)) is GrantError.INVALID_GRANT


def test_a_failed_try_does_not_spend_the_code(codes: AuthorizationCodes, shown: Redemption) -> None:
    refused(codes, replace(shown, verifier="guess"))
    assert codes.redeem(shown, NOW_S) == "ann"


def test_a_code_ends(codes: AuthorizationCodes, shown: Redemption) -> None:
    assert refused(codes, shown, NOW_S + LIFETIME_S) is GrantError.EXPIRED_TOKEN


def test_a_made_up_code_is_refused(codes: AuthorizationCodes, shown: Redemption) -> None:
    assert refused(codes, replace(shown, code="x")) is GrantError.INVALID_GRANT


def test_the_browser_brings_code_and_state() -> None:
    assert parse_qs(urlsplit(ASKED.allowed("c&d")).query) == {"code": ["c&d"], "state": ["state & more"]}
    assert ASKED.allowed("c").startswith(f"{REDIRECT}?")


def test_the_browser_brings_the_refusal() -> None:
    assert parse_qs(urlsplit(ASKED.denied()).query) == {"error": ["access_denied"], "state": ["state & more"]}
