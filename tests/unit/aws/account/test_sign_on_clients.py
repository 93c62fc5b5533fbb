"""Registered clients: known by what they show alone, held to what they registered for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whodunet.aws.account.grants import GrantError, GrantRefused, GrantType
from whodunet.aws.account.seal import Seal
from whodunet.aws.account.sign_on_clients import (
    LIFETIME_S,
    Clients,
    RegisteredClient,
    Registration,
    grant_types,
    is_loopback,
)

NOW_S = 1_800_000_000.0
SEAL = Seal(b"the lab's key")
CALLBACK = "http://127.0.0.1/oauth/callback"
CLI = RegisteredClient("botocore-client-corp", ("sso:account:access",), (CALLBACK,), (GrantType.AUTHORIZATION_CODE,))


@pytest.fixture
def clients() -> Clients:
    return Clients(SEAL)


def registered(clients: Clients, nonce: str = "1") -> Registration:
    """The CLI, registered."""
    return clients.register(CLI, nonce, NOW_S)


def refusal(caught: pytest.ExceptionInfo[GrantRefused]) -> GrantError:
    """The code of what was raised."""
    return caught.value.error


def test_a_client_is_known_with_its_secret(clients: Clients) -> None:
    registration = registered(clients)
    assert clients.proven(registration.client_id, registration.client_secret, NOW_S) == CLI
    assert registration.expires_at_s == NOW_S + LIFETIME_S


def test_a_client_is_known_after_a_restart(clients: Clients) -> None:
    registration = registered(clients)
    assert Clients(SEAL).proven(registration.client_id, registration.client_secret, NOW_S) == CLI


def test_a_registration_ends(clients: Clients) -> None:
    registration = registered(clients)
    with pytest.raises(GrantRefused) as caught:
        clients.known(registration.client_id, NOW_S + LIFETIME_S)
    assert refusal(caught) is GrantError.INVALID_CLIENT


def test_the_secret_of_another_client_is_refused(clients: Clients) -> None:
    one, other = registered(clients, "1"), registered(clients, "2")
    with pytest.raises(GrantRefused, match="another client's") as caught:
        clients.proven(one.client_id, other.client_secret, NOW_S)
    assert refusal(caught) is GrantError.INVALID_CLIENT


def test_an_id_is_no_secret(clients: Clients) -> None:
    registration = registered(clients)
    with pytest.raises(GrantRefused, match="secret is wrong"):
        clients.proven(registration.client_id, registration.client_id, NOW_S)


def test_a_client_may_do_only_what_it_registered_for() -> None:
    CLI.check_grant(GrantType.AUTHORIZATION_CODE)
    with pytest.raises(GrantRefused) as caught:
        CLI.check_grant(GrantType.DEVICE_CODE)
    assert refusal(caught) is GrantError.UNAUTHORIZED_CLIENT


@pytest.mark.parametrize("uri", [CALLBACK, "http://127.0.0.1:40123/oauth/callback"])
def test_a_redirect_may_have_any_port(uri: str) -> None:
    assert CLI.redirects_to(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "http://127.0.0.1/other",
        "http://127.0.0.1/oauth/callback?more",
        "https://127.0.0.1/oauth/callback",
        "http://127.0.0.1.example/oauth/callback",
        "http://127.0.0.1@example.com/oauth/callback",
        "http://user@127.0.0.1/oauth/callback",
        "http://127.0.0.1:port/oauth/callback",
    ],
)
def test_a_redirect_goes_nowhere_else(uri: str) -> None:
    assert not CLI.redirects_to(uri)


@pytest.mark.parametrize("uri", ["https://corp.example/callback", "http://10.8.0.10/callback", "javascript:alert(1)"])
def test_a_redirect_off_the_machine_is_not_registered(clients: Clients, uri: str) -> None:
    with pytest.raises(GrantRefused) as caught:
        clients.register(RegisteredClient("x", (), (uri,), ()), "1", NOW_S)
    assert refusal(caught) is GrantError.INVALID_REDIRECT_URI


@given(st.text(max_size=40))
def test_any_redirect_is_judged(uri: str) -> None:
    assert is_loopback(uri) in (True, False)


def test_a_client_that_names_no_grant_types_uses_the_device_flow() -> None:
    assert grant_types([]) == (GrantType.DEVICE_CODE, GrantType.REFRESH_TOKEN)


def test_an_unknown_grant_type_is_refused_by_name() -> None:
    with pytest.raises(GrantRefused, match="password") as caught:
        grant_types(["refresh_token", "password"])
    assert refusal(caught) is GrantError.UNSUPPORTED_GRANT_TYPE
