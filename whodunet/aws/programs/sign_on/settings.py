"""What the sign-on is told about its company."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from whodunet.aws.programs.settings import ServerSettings, Settings

_Lifetime = Annotated[int, Field(ge=1)]


def _https(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("it has to be an https address")
    return url


class Person(Settings):
    """One entry of the directory."""

    roles: tuple[str, ...] = ()


class SignOnSettings(ServerSettings):
    """The configuration file."""

    region: Annotated[str, StringConstraints(pattern=r"^[a-z]+(-[a-z]+)+-[0-9]+$")]
    account_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
    account_name: str = ""
    certificate: Path
    private_key: Path
    seal_key: Annotated[str, StringConstraints(pattern=r"^([0-9a-fA-F]{2})+$")]
    records: Path
    start_url: Annotated[str, AfterValidator(_https)]
    people: dict[str, Person]
    token_lifetime_s: _Lifetime = 8 * 3600
    session_lifetime_s: _Lifetime = 7 * 24 * 3600  # how long a token can be renewed without asking the person
    credential_lifetime_s: _Lifetime = 3600

    @property
    def oidc_host(self) -> str:
        """Where programs register and come by tokens."""
        return f"oidc.{self.region}.amazonaws.com"

    @property
    def portal_host(self) -> str:
        """Where tokens are exchanged for a role's credentials."""
        return f"portal.sso.{self.region}.amazonaws.com"

    @property
    def device_host(self) -> str:
        """Where people allow or deny what a program asks."""
        return f"device.sso.{self.region}.amazonaws.com"

    @property
    def start_host(self) -> str:
        """The host of the company's own address."""
        return str(urlsplit(self.start_url).hostname)

    @property
    def start_path(self) -> str:
        """The path of the company's own address."""
        return urlsplit(self.start_url).path or "/"

    def is_start_url(self, url: str) -> bool:
        """Whether this is the company's address, as people copy it out of a browser: with `#/` or `/` at its end."""
        return url.rstrip("/#") == self.start_url.rstrip("/#")

    def roles_of(self, person: str) -> tuple[str, ...]:
        """The roles that a person may have; none for one who is not in the directory."""
        return self.people[person].roles if person in self.people else ()
