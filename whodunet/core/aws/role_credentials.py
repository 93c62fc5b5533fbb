"""The credentials that an instance profile gives: the same ones until they grow old, then new ones."""

from __future__ import annotations

from collections.abc import Callable

from whodunet.core.aws.instance_metadata import Profile
from whodunet.core.aws.seal import Identity, Seal


class RoleCredentials:
    """A role's credentials at any time, with a third of their lifetime left at least."""

    def __init__(self, seal: Seal, identity: Identity, lifetime_s: int, nonce: Callable[[], bytes]) -> None:
        """Issues none yet; `nonce` gives 16 random bytes or more at each call."""
        self._seal = seal
        self._identity = identity
        self._lifetime_s = lifetime_s
        self._nonce = nonce
        self._profile: Profile | None = None

    def at(self, now_s: float) -> Profile:
        """What the profile gives now."""
        if self._profile is None or self._grown_old(self._profile, now_s):
            issued = self._seal.issue(self._identity, now_s, self._lifetime_s, self._nonce())
            self._profile = Profile(self._identity.role, issued, now_s)
        return self._profile

    def _grown_old(self, profile: Profile, now_s: float) -> bool:
        return (profile.credentials.expires_at_s - now_s) * 3 < self._lifetime_s
