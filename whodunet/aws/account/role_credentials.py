"""The credentials of a role that an instance bears: the same ones until they grow old, then new ones."""

from __future__ import annotations

from collections.abc import Callable

from whodunet.aws.account.instance_metadata import BorneRole
from whodunet.aws.account.seal import Identity, Seal


class RoleCredentials:
    """A role's credentials at any time, with a third of their lifetime left at least."""

    def __init__(self, seal: Seal, identity: Identity, lifetime_s: int, nonce: Callable[[], bytes]) -> None:
        """Issues none yet; `nonce` gives 16 random bytes or more at each call."""
        self._seal = seal
        self._identity = identity
        self._lifetime_s = lifetime_s
        self._nonce = nonce
        self._borne: BorneRole | None = None

    def at(self, now_s: float) -> BorneRole:
        """The role as it is borne now."""
        if self._borne is None or self._grown_old(self._borne, now_s):
            issued = self._seal.issue(self._identity, now_s, self._lifetime_s, self._nonce())
            self._borne = BorneRole(self._identity.role, issued, now_s)
        return self._borne

    def _grown_old(self, role: BorneRole, now_s: float) -> bool:
        return (role.credentials.expires_at_s - now_s) * 3 < self._lifetime_s
