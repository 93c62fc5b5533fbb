"""An ordinary user needs no sudo: subordinate ids and a readable /dev/net/tun are enough."""

from __future__ import annotations

import os
from typing import Any


def test_an_ordinary_user_can_run_the_reference_case_the_healthy_one_and_one_over_a_tunnel(
    fresh_machine: Any, as_ordinary_user: Any, leaving_nothing: Any
) -> None:
    as_ordinary_user(fresh_machine, "true")
    with leaving_nothing(fresh_machine):
        check = as_ordinary_user(
            fresh_machine, fresh_machine.command, "check", "vpn-egress-reset", "healthy", "vpn-healthy"
        )
    assert (check.returncode, check.stderr) == (0, ""), check.stdout
    assert "3 of 3 scenarios held" in check.stdout


def test_an_ordinary_user_has_labs_that_stay(fresh_machine: Any, as_ordinary_user: Any) -> None:
    command = fresh_machine.command
    up = as_ordinary_user(fresh_machine, command, "up", "healthy", "--as", "guests-own")
    assert up.returncode == 0, up.stderr
    try:
        ssh = as_ordinary_user(
            fresh_machine, command, "exec", "--lab", "guests-own", "client", "--", "ssh", "ec2-user@10.0.1.10", "whoami"
        )
        assert (ssh.returncode, ssh.stdout) == (0, "ec2-user\n"), ssh.stderr
    finally:
        down = as_ordinary_user(fresh_machine, command, "down", "--lab", "guests-own")
    assert down.stdout == "guests-own is down\n"


def test_a_user_without_subordinate_ids_is_told_what_mends_it(fresh_machine: Any, as_ordinary_user: Any) -> None:
    if os.geteuid() != 0:
        return  # one cannot take one's own ids away
    as_ordinary_user(fresh_machine, "true")
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "HOME=/nonexistent")
    up = fresh_machine.run(*nobody, fresh_machine.command, "up", "healthy")
    assert up.returncode == 3
    assert "doctor" in up.stderr
    assert "Traceback" not in up.stderr
