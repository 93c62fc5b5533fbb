"""What a topology asks of the daemons is refused where no host could do it."""

from __future__ import annotations

import pytest

from tests.unit.services.hosts_in_memory import place
from whodunet.errors import CannotRun
from whodunet.services.sshd import Sshd


@pytest.mark.parametrize("login", ["ann", "sshd", "nobody"])
def test_a_login_that_no_host_has_is_named_with_those_that_it_has(login: str) -> None:
    with pytest.raises(CannotRun, match=f"sshd's login is {login}, whom no host has; use one of root, ec2-user"):
        Sshd(login)


def test_an_option_that_is_given_stands_before_the_labs_own_for_sshd_takes_the_first() -> None:
    host, _ = place("instance", Sshd("ec2-user", options={"PasswordAuthentication": "yes", "MaxStartups": "3:100:3"}))
    lines = host.files["/etc/ssh/sshd_config"].splitlines()
    assert lines.index("PasswordAuthentication yes") < lines.index("PasswordAuthentication no")
    assert "MaxStartups 3:100:3" in lines


def test_an_instance_with_instance_connect_asks_for_pushed_keys_and_others_do_not() -> None:
    for takes in (True, False):
        host, _ = place("instance", Sshd("ec2-user", takes_pushed_keys=takes))
        lines = host.files["/etc/ssh/sshd_config"].splitlines()
        assert "KbdInteractiveAuthentication no" in lines
        assert ("AuthorizedKeysCommand /etc/ssh/pushed_keys %u" in lines) is takes
        assert ("AuthorizedKeysCommandUser nobody" in lines) is takes
        assert host.modes.get("/etc/ssh/pushed_keys") == ((0o755, 0) if takes else None)
