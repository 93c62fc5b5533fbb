"""Tokens that carry what they stand for, sealed with the lab's key.

Whoever has the key (the control plane, the metadata service, single sign-on) can issue and open them without asking
another, so that none of these programs shares state with another, and a restart forgets nobody.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_ACCESS_KEY_PREFIX: Final = "ASIA"  # what temporary keys begin with; IAM User Guide, "Unique identifiers"


class InvalidToken(Exception):
    """The token was not sealed with this key, or for this use; the message says which."""


class ExpiredToken(InvalidToken):
    """The token is genuine, and its time is over."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A session of a role, as sts:AssumeRole names it."""

    account_id: str
    role: str
    session: str  # for an instance its id, for a person the user name

    @property
    def arn(self) -> str:
        """The ARN that GetCallerIdentity tells."""
        return f"arn:aws:sts::{self.account_id}:assumed-role/{self.role}/{self.session}"

    @property
    def role_arn(self) -> str:
        """The ARN of the role itself."""
        return f"arn:aws:iam::{self.account_id}:role/{self.role}"

    @property
    def role_id(self) -> str:
        """The role's unique identifier: always the same for a role, and unlike that of any other."""
        return "AROA" + _letters(hashlib.sha256(self.role_arn.encode()).digest(), 17)

    @property
    def user_id(self) -> str:
        """The session's unique identifier, the policy variable aws:userid."""
        return f"{self.role_id}:{self.session}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Temporary credentials, as STS, the metadata service and single sign-on hand them out."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires_at_s: int  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Opened:
    """Whose credentials these are, and the secret that their requests have to be signed with."""

    identity: Identity
    secret_access_key: str
    issued_at_s: int
    expires_at_s: int


@dataclass(frozen=True, slots=True)
class SealedClaims:
    """What a token that was opened says; reading raises InvalidToken where it does not say that."""

    content: Mapping[str, object]

    def text(self, key: str) -> str:
        """A text."""
        value = self.content.get(key)
        if not isinstance(value, str):
            raise InvalidToken(f"the token does not say its {key}")
        return value

    def number(self, key: str) -> int:
        """A whole number."""
        value = self.content.get(key)
        if not isinstance(value, int):
            raise InvalidToken(f"the token does not say its {key}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Several texts."""
        value = self.content.get(key)
        if not isinstance(value, list):
            raise InvalidToken(f"the token does not say its {key}")
        return tuple(map(str, value))


class Seal:
    """Issues and opens tokens with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, use: str, claims: Mapping[str, object], expires_at_s: int) -> str:
        """A token for one use, printable, safe in URLs and headers."""
        body = json.dumps({**claims, "use": use, "expires": expires_at_s}, sort_keys=True, separators=(",", ":"))
        content = base64.urlsafe_b64encode(body.encode())
        return f"{content.decode()}.{self._digest(content)}"

    def open(self, use: str, token: str, now_s: float) -> SealedClaims:
        """The claims of a token.

        Raises:
            ExpiredToken: when its time is over.
            InvalidToken: when it was not sealed with this key, or for another use.
        """
        content, _, digest = token.partition(".")
        if not hmac.compare_digest(digest.encode(), self._digest(content.encode()).encode()):
            raise InvalidToken("the token is not one of ours")
        try:
            claims = SealedClaims(json.loads(base64.urlsafe_b64decode(content)))
        except (binascii.Error, ValueError) as error:  # only a holder of the key could make one
            raise InvalidToken("the token is not one of ours") from error
        if claims.text("use") != use:
            raise InvalidToken(f"the token is not for {use}")
        if claims.number("expires") <= now_s:
            raise ExpiredToken("the token has expired")
        return claims

    def issue(self, identity: Identity, now_s: float, lifetime_s: int, nonce: bytes) -> Credentials:
        """Temporary credentials; `nonce` is 16 random bytes or more and makes their key id."""
        key_id = _ACCESS_KEY_PREFIX + _letters(hashlib.sha256(nonce).digest(), 16)
        issued, expires = int(now_s), int(now_s) + lifetime_s
        claims = {
            "account": identity.account_id,
            "role": identity.role,
            "session": identity.session,
            "key": key_id,
            "issued": issued,
        }
        return Credentials(key_id, self._secret(key_id), self.seal("credentials", claims, expires), expires)

    def open_credentials(self, access_key_id: str, session_token: str, now_s: float) -> Opened:
        """Whose credentials they are.

        Raises:
            ExpiredToken: when their time is over.
            InvalidToken: when the token is not a session token of ours, or that of another key id.
        """
        claims = self.open("credentials", session_token, now_s)
        if claims.text("key") != access_key_id:
            raise InvalidToken("the token belongs to another access key")
        identity = Identity(claims.text("account"), claims.text("role"), claims.text("session"))
        return Opened(identity, self._secret(access_key_id), claims.number("issued"), claims.number("expires"))

    def _secret(self, access_key_id: str) -> str:
        return base64.b64encode(self._mac(b"secret:" + access_key_id.encode())).decode()[:40]

    def _digest(self, content: bytes) -> str:
        return base64.urlsafe_b64encode(self._mac(b"token:" + content)).decode().rstrip("=")

    def _mac(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, "sha256")


def _letters(digest: bytes, count: int) -> str:
    return base64.b32encode(digest).decode()[:count]
