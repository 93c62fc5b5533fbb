"""One-time tokens: for one holder, once, for a minute."""

from __future__ import annotations

import pytest

from whodunet.aws.ssm.tokens import LIFETIME_S, Holder, OneTimeTokens, Side, TokenRefused

CLIENT = Holder("ann-0123", Side.CLIENT)
INVALID = "not valid for this channel, or was used before"


def issued() -> OneTimeTokens:
    """Tokens of which the client has one."""
    tokens = OneTimeTokens()
    assert tokens.issue(CLIENT, "token", 0.0) == "token"
    return tokens


def test_a_token_opens_once() -> None:
    tokens = issued()
    tokens.redeem(CLIENT, "token", LIFETIME_S - 1)
    with pytest.raises(TokenRefused, match=INVALID):
        tokens.redeem(CLIENT, "token", LIFETIME_S - 1)


@pytest.mark.parametrize("holder", [Holder("ann-0123", Side.AGENT), Holder("eve-0123", Side.CLIENT)])
def test_a_token_is_for_its_holder(holder: Holder) -> None:
    tokens = issued()
    with pytest.raises(TokenRefused, match=INVALID):
        tokens.redeem(holder, "token", 1.0)


@pytest.mark.parametrize("guess", ["", "toke", "tokens", "TOKEN", "täken"])
def test_a_wrong_guess_opens_nothing_and_spoils_nothing(guess: str) -> None:
    tokens = issued()
    with pytest.raises(TokenRefused, match=INVALID):
        tokens.redeem(CLIENT, guess, 1.0)
    tokens.redeem(CLIENT, "token", 1.0)


def test_a_token_expires() -> None:
    tokens = issued()
    with pytest.raises(TokenRefused, match="expired"):
        tokens.redeem(CLIENT, "token", LIFETIME_S)


def test_a_newer_token_makes_the_older_void() -> None:
    tokens = issued()
    tokens.issue(CLIENT, "newer", 1.0)
    with pytest.raises(TokenRefused, match=INVALID):
        tokens.redeem(CLIENT, "token", 2.0)
    tokens.redeem(CLIENT, "newer", 2.0)


def test_expired_tokens_are_forgotten() -> None:
    tokens = OneTimeTokens()
    for number in range(50):
        tokens.issue(Holder(f"s-{number}", Side.CLIENT), "token", 0.0)
    tokens.issue(CLIENT, "token", LIFETIME_S + 1)
    assert len(tokens) == 1
