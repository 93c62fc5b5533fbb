"""The sign-on's tokens: sealed, so that they need no store; only what was ended early is remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from whodunet.aws.account.grants import GrantError, GrantRefused
from whodunet.aws.account.remembered import Remembered
from whodunet.aws.account.seal import InvalidToken, Seal
from whodunet.aws.account.sign_on_clients import RegisteredClient, digest

ACCESS: Final = "sign-on"
_REFRESH: Final = "sign-on refresh"


@dataclass(frozen=True, slots=True)
class Granted:
    """What a client gets; the refresh token only if it registered to renew access to accounts."""

    access_token: str
    expires_in_s: int
    refresh_token: str | None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whom an access token stands for, in which sign-in."""

    person: str
    session: str


class Tokens:
    """Grants tokens and knows them again."""

    def __init__(self, seal: Seal, token_lifetime_s: int, session_lifetime_s: int) -> None:
        """Tokens of a sign-in can be renewed until the session's lifetime is over."""
        self._seal = seal
        self._token_lifetime_s = token_lifetime_s
        self._session_lifetime_s = session_lifetime_s
        self._ended = Remembered()

    def begin(self, who: SignedIn, client: RegisteredClient, client_id: str, now_s: float) -> Granted:
        """The tokens of a person who has just allowed it."""
        refresh_token = None
        if client.may_renew:
            claims = {"person": who.person, "session": who.session, "client": digest(client_id)}
            refresh_token = self._seal.seal(_REFRESH, claims, int(now_s) + self._session_lifetime_s)
        return self._granted(who, refresh_token, now_s)

    def renew(self, refresh_token: str, client_id: str, now_s: float) -> tuple[SignedIn, Granted]:
        """A new access token, and for whom.

        Raises:
            GrantRefused: invalid_grant for a refresh token that is over, ended, or another client's.
        """
        try:
            claims = self._seal.open(_REFRESH, refresh_token, now_s)
        except InvalidToken as error:
            raise _invalid_refresh_token() from error
        if claims.text("client") != digest(client_id) or claims.text("session") in self._ended:
            raise _invalid_refresh_token()
        who = SignedIn(claims.text("person"), claims.text("session"))
        return who, self._granted(who, refresh_token, now_s)

    def signed_in(self, access_token: str, now_s: float) -> SignedIn:
        """Whose token it is; raises InvalidToken for one that is over, ended, or not ours."""
        claims = self._seal.open(ACCESS, access_token, now_s)
        made_by_lab = "session" not in claims.content  # and belongs to no sign-in
        session = digest(access_token) if made_by_lab else claims.text("session")
        if session in self._ended:
            raise InvalidToken("the session was signed out")
        return SignedIn(claims.text("person"), session)

    def end(self, who: SignedIn, now_s: float) -> None:
        """Signs a session out: none of its tokens is good for anything from now on."""
        longest_s = max(self._token_lifetime_s, self._session_lifetime_s)
        self._ended.add(who.session, now_s + longest_s, now_s)

    def _granted(self, who: SignedIn, refresh_token: str | None, now_s: float) -> Granted:
        claims = {"person": who.person, "session": who.session}
        access_token = self._seal.seal(ACCESS, claims, int(now_s) + self._token_lifetime_s)
        return Granted(access_token, self._token_lifetime_s, refresh_token)


def _invalid_refresh_token() -> GrantRefused:
    return GrantRefused(GrantError.INVALID_GRANT, "Invalid refresh token provided")
