"""The authorisation code grant with PKCE: a browser brings a code to the program on its own machine.

Source: RFC 6749 section 4.1, RFC 7636 (PKCE).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import urlencode

from whodunet.aws.account.grants import GrantError, GrantRefused
from whodunet.aws.account.remembered import Remembered
from whodunet.aws.account.seal import ExpiredToken, InvalidToken, Seal

LIFETIME_S: Final = 600
_CODE: Final = "sign-on code"


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """What a program asks a browser to bring it."""

    client_id: str
    redirect_uri: str
    state: str
    challenge: str  # S256, base64url, with or without padding

    def allowed(self, code: str) -> str:
        """Where the browser goes with a code."""
        return f"{self.redirect_uri}?{urlencode({'code': code, 'state': self.state})}"

    def denied(self) -> str:
        """Where the browser goes with a refusal."""
        return f"{self.redirect_uri}?{urlencode({'error': GrantError.ACCESS_DENIED, 'state': self.state})}"


@dataclass(frozen=True, slots=True)
class Redemption:
    """What the program shows for a code."""

    code: str
    client_id: str
    redirect_uri: str
    verifier: str


class AuthorizationCodes:
    """Issues codes and redeems each once; they are sealed, only the spent ones are remembered."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal
        self._spent = Remembered()

    def issue(self, request: CodeRequest, person: str, nonce: str, now_s: float) -> str:
        """A code for a person who has just allowed it."""
        return self._seal.seal(_CODE, {**asdict(request), "person": person, "nonce": nonce}, int(now_s) + LIFETIME_S)

    def redeem(self, shown: Redemption, now_s: float) -> str:
        """The person who allowed it.

        Raises:
            GrantRefused: expired_token, and invalid_grant for a code that is spent, or was asked for by another.
        """
        try:
            claims = self._seal.open(_CODE, shown.code, now_s)
        except ExpiredToken as error:
            raise GrantRefused(GrantError.EXPIRED_TOKEN, "the authorization code has expired") from error
        except InvalidToken as error:
            raise _invalid_code() from error
        asked_by = (claims.text("client_id"), claims.text("redirect_uri")) == (shown.client_id, shown.redirect_uri)
        nonce = claims.text("nonce")
        if not asked_by or not _answers(shown.verifier, claims.text("challenge")) or nonce in self._spent:
            raise _invalid_code()
        self._spent.add(nonce, now_s + LIFETIME_S, now_s)
        return claims.text("person")


def _answers(verifier: str, challenge: str) -> bool:
    hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    return hmac.compare_digest(hashed.rstrip(b"="), challenge.encode().rstrip(b"="))


def _invalid_code() -> GrantRefused:
    return GrantRefused(GrantError.INVALID_GRANT, "Invalid authorization code provided")
