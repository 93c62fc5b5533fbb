"""What a topology asks of the daemons is refused where no host could do it."""

from __future__ import annotations

import pytest

from whodunet.errors import CannotRun
from whodunet.services.sshd import Sshd


@pytest.mark.parametrize("login", ["ann", "sshd", "nobody"])
def test_a_login_that_no_host_has_is_named_with_those_that_it_has(login: str) -> None:
    with pytest.raises(CannotRun, match=f"sshd's login is {login}, whom no host has; use one of root, ec2-user"):
        Sshd(login)
