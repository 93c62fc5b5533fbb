"""What the AWS CLI keeps of a sign-in: its token cache and its profile, for a person who is signed in already.

Source: AWS CLI 2.9 and 2.23: the cache is ~/.aws/sso/cache, a file is named by the SHA-1 of the session's name, in a
profile without one by that of the start URL; a token is a JSON object of startUrl, region, accessToken and expiresAt,
and of clientId, clientSecret, registrationExpiresAt and refreshToken where it can be renewed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from whodunet.aws.account.timestamps import utc_text


@dataclass(frozen=True, slots=True)
class SignOnAddress:
    """Where a company's people sign in."""

    start_url: str
    region: str
    session_name: str | None = "corp"  # the [sso-session] section; None: the older form without one


def sign_on_cache(address: SignOnAddress, access_token: str, expires_at_s: float) -> tuple[str, str]:
    """The name of a file in ~/.aws/sso/cache and its text: a token that the CLI uses, and cannot renew."""
    key = address.start_url if address.session_name is None else address.session_name
    token = {
        "startUrl": address.start_url,
        "region": address.region,
        "accessToken": access_token,
        "expiresAt": utc_text(expires_at_s),
    }
    # SHA-1 is what the CLI names its files by; nothing is protected with it.
    return f"{hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()}.json", json.dumps(token)


def profile(address: SignOnAddress, account_id: str, role: str, ca_bundle: str) -> str:
    """The text of ~/.aws/config with one profile, `default`, whose credentials come from signing in."""
    where = [f"sso_start_url = {address.start_url}", f"sso_region = {address.region}"]
    settings = [
        f"sso_account_id = {account_id}",
        f"sso_role_name = {role}",
        f"region = {address.region}",
        "output = json",
        f"ca_bundle = {ca_bundle}",
    ]
    if address.session_name is None:
        return _section("default", [*where, *settings])
    scopes = "sso_registration_scopes = sso:account:access"
    default = _section("default", [f"sso_session = {address.session_name}", *settings])
    return f"{default}\n{_section(f'sso-session {address.session_name}', [*where, scopes])}"


def _section(name: str, lines: list[str]) -> str:
    return "\n".join([f"[{name}]", *lines]) + "\n"
