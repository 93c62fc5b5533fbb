"""What the sign-on's token service answers if it does not grant a token.

Source: RFC 6749 section 5.2, RFC 8628 section 3.5, and the exceptions of the service model of sso-oidc.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class GrantError(StrEnum):
    """The error codes, as OAuth writes them."""

    ACCESS_DENIED = "access_denied"
    AUTHORIZATION_PENDING = "authorization_pending"
    EXPIRED_TOKEN = "expired_token"
    INVALID_CLIENT = "invalid_client"
    INVALID_CLIENT_METADATA = "invalid_client_metadata"
    INVALID_GRANT = "invalid_grant"
    INVALID_REDIRECT_URI = "invalid_redirect_uri"
    INVALID_REQUEST = "invalid_request"
    SLOW_DOWN = "slow_down"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"

    @property
    def exception(self) -> str:
        """The exception that clients know it by: AuthorizationPendingException."""
        return "".join(word.capitalize() for word in self.split("_")) + "Exception"

    @property
    def status(self) -> int:
        """The HTTP status that it travels with."""
        return 401 if self is GrantError.INVALID_CLIENT else 400


class GrantType(StrEnum):
    """How a client can come by a token."""

    DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
    REFRESH_TOKEN = "refresh_token"
    AUTHORIZATION_CODE = "authorization_code"


WAITING: Final = frozenset({GrantError.AUTHORIZATION_PENDING, GrantError.SLOW_DOWN})  # nothing is decided yet


class GrantRefused(Exception):
    """No token now; the code says why, the message explains it to a person."""

    def __init__(self, error: GrantError, description: str) -> None:
        super().__init__(description)
        self.error = error
