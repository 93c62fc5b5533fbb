"""The tokens that open channels: for one side of one session or one instance, for one use, for a short time."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import Enum

LIFETIME_S = 60.0


class TokenRefused(Exception):
    """The token opens nothing; the message says why, to whoever showed it."""


class Side(Enum):
    """What a token opens."""

    CLIENT = "the client's end of a session's data channel"
    AGENT = "the agent's end of a session's data channel"
    CONTROL = "an instance's control channel"


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a token was made for: a side of a session, or of an instance."""

    subject: str
    side: Side


@dataclass(frozen=True, slots=True)
class _Issued:
    token: bytes
    expires_at_s: float


class OneTimeTokens:
    """Each holder's newest token; the ones before it are void."""

    def __init__(self, lifetime_s: float = LIFETIME_S) -> None:
        self._lifetime_s = lifetime_s
        self._issued: dict[Holder, _Issued] = {}

    def __len__(self) -> int:
        return len(self._issued)

    def issue(self, holder: Holder, token: str, now_s: float) -> str:
        """Makes a token valid; it is the caller's, random, and comes back as it is."""
        self._issued = {other: it for other, it in self._issued.items() if it.expires_at_s > now_s}
        self._issued[holder] = _Issued(token.encode(), now_s + self._lifetime_s)
        return token

    def redeem(self, holder: Holder, token: str, now_s: float) -> None:
        """Takes a token; raises TokenRefused if it is not the holder's, was taken before, or is too old."""
        issued = self._issued.get(holder)
        if issued is None or not hmac.compare_digest(issued.token, token.encode()):
            raise TokenRefused("The token is not valid for this channel, or was used before.")
        del self._issued[holder]
        if issued.expires_at_s <= now_s:
            raise TokenRefused("The token has expired.")
