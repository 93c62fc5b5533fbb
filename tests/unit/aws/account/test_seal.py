"""Sealed tokens: whoever lacks the key can make, change or stretch none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whodunet.aws.account.seal import ExpiredToken, Identity, InvalidToken, Seal

SEAL = Seal(b"the lab's key")
ANN = Identity("123456789012", "Developer", "ann@corp.example")
NOW_S = 1_800_000_000.0


def test_issued_credentials_open_to_the_identity_and_the_secret() -> None:
    issued = SEAL.issue(ANN, NOW_S, 3600, b"n" * 16)
    opened = SEAL.open_credentials(issued.access_key_id, issued.session_token, NOW_S + 3599)
    assert opened.identity == ANN
    assert opened.secret_access_key == issued.secret_access_key
    assert issued.access_key_id.startswith("ASIA")
    assert len(issued.access_key_id) == 20
    assert len(issued.secret_access_key) == 40


def test_two_nonces_give_other_keys_and_secrets() -> None:
    one, other = (SEAL.issue(ANN, NOW_S, 3600, nonce) for nonce in (b"1" * 16, b"2" * 16))
    assert one.access_key_id != other.access_key_id
    assert one.secret_access_key != other.secret_access_key


def test_credentials_end_at_their_time() -> None:
    issued = SEAL.issue(ANN, NOW_S, 3600, b"n" * 16)
    with pytest.raises(ExpiredToken):
        SEAL.open_credentials(issued.access_key_id, issued.session_token, NOW_S + 3600)


def test_a_token_of_another_key_id_is_refused() -> None:
    one, other = (SEAL.issue(ANN, NOW_S, 3600, nonce) for nonce in (b"1" * 16, b"2" * 16))
    with pytest.raises(InvalidToken, match="another access key"):
        SEAL.open_credentials(one.access_key_id, other.session_token, NOW_S)


def test_a_token_for_another_use_is_refused() -> None:
    with pytest.raises(InvalidToken, match="not for credentials"):
        SEAL.open("credentials", SEAL.seal("sign-on", {}, int(NOW_S) + 60), NOW_S)


def test_a_token_of_another_lab_is_refused() -> None:
    token = Seal(b"another key").seal("sign-on", {}, int(NOW_S) + 60)
    with pytest.raises(InvalidToken, match="not one of ours"):
        SEAL.open("sign-on", token, NOW_S)


@given(st.text(max_size=200))
def test_no_text_opens(token: str) -> None:
    with pytest.raises(InvalidToken):
        SEAL.open("sign-on", token, NOW_S)


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_token_with_one_character_changed_does_not_open(place: int, change: int) -> None:
    token = SEAL.seal("sign-on", {"person": "ann"}, int(NOW_S) + 60)
    place %= len(token)
    forged = token[:place] + chr(ord(token[place]) ^ change) + token[place + 1 :]
    with pytest.raises(InvalidToken):
        SEAL.open("sign-on", forged, NOW_S)
