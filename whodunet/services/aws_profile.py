"""An AWS profile of a host's user."""

from __future__ import annotations

import time
from typing import Final

from whodunet.aws.account.seal import Seal
from whodunet.aws.account.sign_on_cache import SignOnAddress, profile, sign_on_cache
from whodunet.lab import host_root
from whodunet.lab.hosts import Host
from whodunet.lab.service import Furnishing
from whodunet.services.cloud.shared_secrets import cloud_secrets

_WORKING_DAY_S: Final = 8 * 3600


class AwsProfile(Furnishing):
    """The AWS CLI of the host's root, with which a person has signed in this morning; `aws sso login` does it again."""

    def __init__(self, person: str, role: str, region: str, account_id: str, start_url: str) -> None:
        self._person = person
        self._role = role
        self._account_id = account_id
        self._address = SignOnAddress(start_url, region)

    def prepare(self, host: Host) -> None:
        """Writes the profile, and the token of the sign-on."""
        expires_at_s = int(time.time()) + _WORKING_DAY_S
        token = Seal(cloud_secrets().seal_key).seal("sign-on", {"person": self._person}, expires_at_s)
        name, cached = sign_on_cache(self._address, token, expires_at_s)
        host.write("/root/.aws/config", profile(self._address, self._account_id, self._role, host_root.TRUSTED))
        host.write(f"/root/.aws/sso/cache/{name}", cached, 0o600)


SERVICE = AwsProfile
