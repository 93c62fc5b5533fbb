"""What all pages and services of the sign-on share."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from whodunet.aws.account.authorization_code import AuthorizationCodes
from whodunet.aws.account.device_authorization import DeviceAuthorizations
from whodunet.aws.account.seal import Seal
from whodunet.aws.account.sign_on_clients import Clients
from whodunet.aws.account.sign_on_tokens import Tokens
from whodunet.aws.programs.audit_trail import AuditTrail
from whodunet.aws.programs.sign_on.settings import SignOnSettings
from whodunet.aws.programs.sign_on.sign_on_events import Audit

_RANDOM_BYTES = 16


@dataclass(frozen=True, slots=True)
class Office:
    """The sign-on of one company."""

    settings: SignOnSettings
    clock: Callable[[], float]  # seconds since the epoch
    seal: Seal
    clients: Clients
    devices: DeviceAuthorizations
    codes: AuthorizationCodes
    tokens: Tokens
    audit: Audit

    @classmethod
    def open(cls, settings: SignOnSettings, trail: AuditTrail, clock: Callable[[], float] = time.time) -> Office:
        """The office as it is after a start: nobody waits, nothing is spent."""
        seal = Seal(bytes.fromhex(settings.seal_key))
        return cls(
            settings=settings,
            clock=clock,
            seal=seal,
            clients=Clients(seal),
            devices=DeviceAuthorizations(),
            codes=AuthorizationCodes(seal),
            tokens=Tokens(seal, settings.token_lifetime_s, settings.session_lifetime_s),
            audit=Audit(trail, settings.account_id),
        )


def new_id() -> str:
    """A name that nobody guesses."""
    return secrets.token_urlsafe(_RANDOM_BYTES)


def random_bytes() -> bytes:
    """Enough to make a code or a key of."""
    return secrets.token_bytes(_RANDOM_BYTES)
