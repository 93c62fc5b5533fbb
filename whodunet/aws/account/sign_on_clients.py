"""The programs that people sign in with: each registers itself, and what it said comes back sealed as its id."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from whodunet.aws.account.grants import GrantError, GrantRefused, GrantType
from whodunet.aws.account.seal import InvalidToken, Seal

LIFETIME_S: Final = 90 * 24 * 3600
ACCOUNT_ACCESS: Final = "sso:account:access"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_ID: Final = "sign-on client"
_SECRET: Final = "sign-on client secret"


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A registered program."""

    name: str
    scopes: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    grant_types: tuple[GrantType, ...]

    @property
    def may_renew(self) -> bool:
        """Whether it is given refresh tokens."""
        return ACCOUNT_ACCESS in self.scopes and GrantType.REFRESH_TOKEN in self.grant_types

    def check_grant(self, grant_type: GrantType) -> None:
        """Raises GrantRefused if it did not register for this way to a token."""
        if grant_type not in self.grant_types:
            raise GrantRefused(GrantError.UNAUTHORIZED_CLIENT, f"the client is not registered for {grant_type}")

    def redirects_to(self, uri: str) -> bool:
        """Whether it registered this address; the port is any free one.

        Source: RFC 8252 section 7.3.
        """
        return any(_without_port(uri) == _without_port(registered) for registered in self.redirect_uris)


@dataclass(frozen=True, slots=True)
class Registration:
    """What a client is told about itself."""

    client_id: str
    client_secret: str
    issued_at_s: int
    expires_at_s: int


class Clients:
    """Registers clients and knows them again, by what they show alone."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def register(self, client: RegisteredClient, nonce: str, now_s: float) -> Registration:
        """Accepts a client; raises GrantRefused for a redirect that leads away from the person's own machine."""
        for uri in client.redirect_uris:
            if not is_loopback(uri):
                raise GrantRefused(GrantError.INVALID_REDIRECT_URI, f"{uri} is not on the loopback interface")
        issued, expires = int(now_s), int(now_s) + LIFETIME_S
        claims = {
            "name": client.name,
            "scopes": client.scopes,
            "redirects": client.redirect_uris,
            "grants": client.grant_types,
            "nonce": nonce,
        }
        client_id = self._seal.seal(_ID, claims, expires)
        secret = self._seal.seal(_SECRET, {"client": digest(client_id)}, expires)
        return Registration(client_id, secret, issued, expires)

    def known(self, client_id: str, now_s: float) -> RegisteredClient:
        """The client with this id, which proves nothing about who shows it.

        Raises:
            GrantRefused: invalid_client, also when its registration has expired.
        """
        try:
            claims = self._seal.open(_ID, client_id, now_s)
        except InvalidToken as error:
            raise GrantRefused(GrantError.INVALID_CLIENT, "the client is not registered") from error
        grants = tuple(GrantType(grant) for grant in claims.texts("grants"))
        return RegisteredClient(claims.text("name"), claims.texts("scopes"), claims.texts("redirects"), grants)

    def proven(self, client_id: str, client_secret: str, now_s: float) -> RegisteredClient:
        """The client with this id and the secret that was given to it; raises GrantRefused as `known`."""
        client = self.known(client_id, now_s)
        try:
            claims = self._seal.open(_SECRET, client_secret, now_s)
        except InvalidToken as error:
            raise GrantRefused(GrantError.INVALID_CLIENT, "the client secret is wrong") from error
        if not hmac.compare_digest(claims.text("client"), digest(client_id)):
            raise GrantRefused(GrantError.INVALID_CLIENT, "the client secret is another client's")
        return client


def grant_types(names: Sequence[str]) -> tuple[GrantType, ...]:
    """The grant types that a client names, if it names none those of the device flow; raises GrantRefused."""
    unknown = sorted(set(names) - set(GrantType))
    if unknown:
        raise GrantRefused(GrantError.UNSUPPORTED_GRANT_TYPE, f"there is no grant type {unknown[0]}")
    return tuple(GrantType(name) for name in names) or (GrantType.DEVICE_CODE, GrantType.REFRESH_TOKEN)


def is_loopback(uri: str) -> bool:
    """Whether a redirect stays on the machine where the client runs."""
    try:
        parts = urlsplit(uri)
        _ = parts.port  # raises for one that is not a number
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname in _LOOPBACK and "@" not in parts.netloc


def digest(text: str) -> str:
    """A short stand-in for a long token."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _without_port(uri: str) -> tuple[str, str | None, str, str] | None:
    if not is_loopback(uri):
        return None
    parts = urlsplit(uri)
    return parts.scheme, parts.hostname, parts.path, parts.query
