"""Device authorisations: a program shows a short code, a person allows it elsewhere, the program polls.

Source: RFC 8628, "OAuth 2.0 Device Authorization Grant".
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from whodunet.aws.account.grants import GrantError, GrantRefused

LIFETIME_S: Final = 600
INTERVAL_S: Final = 1
_BURST: Final = 3  # the AWS CLI polls twice before it waits for the first time
_LIMIT: Final = 1000
_ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"  # RFC 8628 section 6.1: no vowels, so no words; nothing to mix up
_LETTERS: Final = 8


class State(Enum):
    """How far an authorisation has come."""

    PENDING = auto()
    ALLOWED = auto()
    DENIED = auto()


@dataclass(slots=True)
class DeviceAuthorization:
    """One program that waits for a person."""

    device_code: str
    user_code: str
    client_id: str
    client_name: str
    asked_from: str  # the address that it was asked for from
    started_at_s: float
    state: State = State.PENDING
    person: str = ""
    polls: int = 0

    def expired(self, now_s: float) -> bool:
        """Whether nobody may decide any more."""
        return now_s >= self.started_at_s + LIFETIME_S


class DeviceAuthorizations:
    """All that wait, in memory: one that a restart forgets has to be started again, as after ten minutes."""

    def __init__(self) -> None:
        self._by_device_code: dict[str, DeviceAuthorization] = {}

    def start(self, authorization: DeviceAuthorization) -> None:
        """Lets a program wait; raises GrantRefused (slow_down) while too many do."""
        now_s = authorization.started_at_s
        # Kept beyond their end for as long again, so that a late poll is told what happened.
        kept = {code: each for code, each in self._by_device_code.items() if now_s < each.started_at_s + 2 * LIFETIME_S}
        if sum(not each.expired(now_s) for each in kept.values()) >= _LIMIT:
            raise GrantRefused(GrantError.SLOW_DOWN, "too many sign-ins wait for an answer")
        self._by_device_code = {**kept, authorization.device_code: authorization}

    def pending(self, user_code: str, now_s: float) -> DeviceAuthorization | None:
        """The authorisation that a person can decide under this code, if there is one."""
        typed = _letters(user_code)
        found = [each for each in self._by_device_code.values() if _equal(_letters(each.user_code), typed)]
        return next((each for each in found if each.state is State.PENDING and not each.expired(now_s)), None)

    def poll(self, device_code: str, client_id: str, now_s: float) -> str:
        """The person who allowed it; once.

        Raises:
            GrantRefused: authorization_pending or slow_down as long as nobody has decided, access_denied,
                expired_token, and invalid_grant for a code that is unknown, spent, or another client's.
        """
        waiting = self._by_device_code.get(device_code)
        if waiting is None or waiting.client_id != client_id:
            raise GrantRefused(GrantError.INVALID_GRANT, "the device code is unknown, or was used")
        if waiting.expired(now_s):
            raise GrantRefused(GrantError.EXPIRED_TOKEN, "nobody answered in time")
        if waiting.state is State.PENDING:
            raise _still_pending(waiting, now_s)
        del self._by_device_code[device_code]
        if waiting.state is State.DENIED:
            raise GrantRefused(GrantError.ACCESS_DENIED, "the request was denied")
        return waiting.person


def user_code(random: bytes) -> str:
    """A code to type, XXXX-XXXX, out of 16 random bytes or more."""
    number = int.from_bytes(random, "big")
    letters = "".join(_ALPHABET[number // len(_ALPHABET) ** place % len(_ALPHABET)] for place in range(_LETTERS))
    return f"{letters[:4]}-{letters[4:]}"


def _still_pending(waiting: DeviceAuthorization, now_s: float) -> GrantRefused:
    waiting.polls += 1
    if waiting.polls > _BURST + (now_s - waiting.started_at_s) / INTERVAL_S:
        return GrantRefused(GrantError.SLOW_DOWN, f"ask every {INTERVAL_S} s at most")
    return GrantRefused(GrantError.AUTHORIZATION_PENDING, "nobody has answered yet")


def _letters(code: str) -> str:
    """What counts of a typed code."""
    return "".join(letter for letter in code.upper() if letter.isascii() and letter.isalnum())


def _equal(one: str, other: str) -> bool:
    """In a time that tells nothing about how much of it was right."""
    return hmac.compare_digest(one, other)
