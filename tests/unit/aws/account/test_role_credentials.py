"""An instance profile's credentials: stable while fresh, renewed in time."""

from __future__ import annotations

from itertools import count

import pytest

from whodunet.aws.account.role_credentials import RoleCredentials
from whodunet.aws.account.seal import Identity, Seal

SEAL = Seal(b"the lab's key")
INSTANCE = Identity("123456789012", "InstanceRole", "i-1")
NOW_S = 1_800_000_000.0
LIFETIME_S = 3600


@pytest.fixture
def credentials() -> RoleCredentials:
    """A profile that has not been asked yet."""
    numbers = count()
    return RoleCredentials(SEAL, INSTANCE, LIFETIME_S, lambda: next(numbers).to_bytes(16, "big"))


def test_they_are_the_instances_own(credentials: RoleCredentials) -> None:
    given = credentials.at(NOW_S).credentials
    assert SEAL.open_credentials(given.access_key_id, given.session_token, NOW_S).identity == INSTANCE
    assert given.expires_at_s == NOW_S + LIFETIME_S


def test_they_stay_the_same_until_a_third_of_their_lifetime_is_left(credentials: RoleCredentials) -> None:
    assert credentials.at(NOW_S) == credentials.at(NOW_S + 2400)


def test_they_are_renewed_once_less_than_a_third_is_left(credentials: RoleCredentials) -> None:
    old, new = credentials.at(NOW_S), credentials.at(NOW_S + 2401)
    assert new.credentials.access_key_id != old.credentials.access_key_id
    assert new.credentials.expires_at_s == NOW_S + 2401 + LIFETIME_S
    assert new.issued_at_s == NOW_S + 2401


def test_the_ones_before_are_good_until_their_time(credentials: RoleCredentials) -> None:
    old = credentials.at(NOW_S).credentials
    credentials.at(NOW_S + 3000)
    assert SEAL.open_credentials(old.access_key_id, old.session_token, NOW_S + 3599).identity == INSTANCE
