"""The sign-on's tokens: whom they stand for, how long, and that signing out ends all of a session."""

from __future__ import annotations

import pytest

from whodunet.aws.account.grants import GrantError, GrantRefused, GrantType
from whodunet.aws.account.seal import ExpiredToken, InvalidToken, Seal
from whodunet.aws.account.sign_on_clients import RegisteredClient
from whodunet.aws.account.sign_on_tokens import ACCESS, SignedIn, Tokens

NOW_S = 1_800_000_000.0
HOUR_S = 3600
SEAL = Seal(b"the lab's key")
ANN = SignedIn("ann", "session 1")
SCOPES, GRANTS = ("sso:account:access",), (GrantType.DEVICE_CODE, GrantType.REFRESH_TOKEN)
CLI = RegisteredClient("cli", SCOPES, (), GRANTS)


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(SEAL, token_lifetime_s=HOUR_S, session_lifetime_s=8 * HOUR_S)


def refresh_token(tokens: Tokens) -> str:
    """The refresh token of ann's session."""
    granted = tokens.begin(ANN, CLI, "cli", NOW_S).refresh_token
    assert granted is not None
    return granted


def test_an_access_token_stands_for_the_person_until_its_time(tokens: Tokens) -> None:
    granted = tokens.begin(ANN, CLI, "cli", NOW_S)
    assert granted.expires_in_s == HOUR_S
    assert tokens.signed_in(granted.access_token, NOW_S + HOUR_S - 1) == ANN
    with pytest.raises(ExpiredToken):
        tokens.signed_in(granted.access_token, NOW_S + HOUR_S)


@pytest.mark.parametrize(
    "client", [RegisteredClient("cli", (), (), GRANTS), RegisteredClient("cli", SCOPES, (), GRANTS[:1])]
)
def test_who_did_not_register_to_renew_gets_no_refresh_token(tokens: Tokens, client: RegisteredClient) -> None:
    assert tokens.begin(ANN, client, "cli", NOW_S).refresh_token is None


def test_a_refresh_token_renews_the_session_as_long_as_it_lasts(tokens: Tokens) -> None:
    refresh = refresh_token(tokens)
    who, granted = tokens.renew(refresh, "cli", NOW_S + 8 * HOUR_S - 1)
    assert who == ANN
    assert granted.refresh_token == refresh
    with pytest.raises(GrantRefused) as caught:
        tokens.renew(refresh, "cli", NOW_S + 8 * HOUR_S)
    assert caught.value.error is GrantError.INVALID_GRANT


def test_another_client_renews_nothing(tokens: Tokens) -> None:
    with pytest.raises(GrantRefused):
        tokens.renew(refresh_token(tokens), "other", NOW_S)


def test_neither_token_passes_for_the_other(tokens: Tokens) -> None:
    granted = tokens.begin(ANN, CLI, "cli", NOW_S)
    assert granted.refresh_token is not None
    with pytest.raises(InvalidToken):
        tokens.signed_in(granted.refresh_token, NOW_S)
    with pytest.raises(GrantRefused):
        tokens.renew(granted.access_token, "cli", NOW_S)


def test_signing_out_ends_all_tokens_of_the_session_and_no_other(tokens: Tokens) -> None:
    granted = tokens.begin(ANN, CLI, "cli", NOW_S)
    other = tokens.begin(SignedIn("ann", "session 2"), CLI, "cli", NOW_S)
    tokens.end(ANN, NOW_S)
    with pytest.raises(InvalidToken, match="signed out"):
        tokens.signed_in(granted.access_token, NOW_S)
    with pytest.raises(GrantRefused):
        tokens.renew(granted.refresh_token or "", "cli", NOW_S)
    assert tokens.signed_in(other.access_token, NOW_S).person == "ann"


def test_a_token_that_the_lab_made_is_good_until_it_is_signed_out(tokens: Tokens) -> None:
    made = SEAL.seal(ACCESS, {"person": "ann"}, int(NOW_S) + 60)
    who = tokens.signed_in(made, NOW_S)
    assert who.person == "ann"
    tokens.end(who, NOW_S)
    with pytest.raises(InvalidToken):
        tokens.signed_in(made, NOW_S)
