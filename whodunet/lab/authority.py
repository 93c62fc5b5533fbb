"""The certificate authority of a lab, the only one that its hosts trust: there is nobody else to talk to."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from whodunet.lab import host_root

if TYPE_CHECKING:
    import trustme


def new_authority(name: str) -> trustme.CA:
    """A certificate authority that nobody trusts yet."""
    import trustme  # only labs with services that speak TLS need it

    return trustme.CA(organization_name=name)


@cache
def lab_authority() -> trustme.CA:
    """That of this lab, whose server is one process; from then on all hosts trust it."""
    authority = new_authority("whodunet lab")
    host_root.trust(authority.cert_pem.bytes())
    return authority
