"""An ordinary user needs no sudo: subordinate ids and a readable /dev/net/tun are enough."""

from __future__ import annotations

import os
import subprocess
from typing import Any, Final

# A user who exists on this machine of namespaces alone; the real one's accounts and devices stay as they are.
SETTLE: Final = """
set -e
mkdir -p /tmp/etc /tmp/guest
for file in passwd group subuid subgid; do touch /etc/$file; cp /etc/$file /tmp/etc/$file; done
echo 'guest:x:4242:4242::/tmp/guest:/bin/bash' >>/tmp/etc/passwd
echo 'guest:x:4242:' >>/tmp/etc/group
for file in subuid subgid; do echo 'guest:300000:65536' >>/tmp/etc/$file; done
for file in passwd group subuid subgid; do mount --bind /tmp/etc/$file /etc/$file; done
chown 4242:4242 /tmp/guest
mknod -m 666 /tmp/tun c 10 200
mount --bind /tmp/tun /dev/net/tun
"""
AS_GUEST: Final = ("setpriv", "--reuid=4242", "--regid=4242", "--init-groups", "env", "HOME=/tmp/guest", "USER=guest")


def as_ordinary_user(machine: Any, *command: str) -> subprocess.CompletedProcess[str]:
    """As the guest, or as oneself where the suite runs as an ordinary user."""
    if os.geteuid() != 0:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    if not machine.path("/tmp/guest").exists():
        settled = machine.run("bash", "-c", SETTLE)
        assert settled.returncode == 0, settled.stderr
    done: subprocess.CompletedProcess[str] = machine.run(*AS_GUEST, *command)
    return done


def test_an_ordinary_user_can_run_the_reference_case_and_the_healthy_one(
    fresh_machine: Any, leaving_nothing: Any
) -> None:
    as_ordinary_user(fresh_machine, "true")
    with leaving_nothing(fresh_machine):
        check = as_ordinary_user(fresh_machine, fresh_machine.command, "check", "vpn-egress-reset", "healthy")
    assert (check.returncode, check.stderr) == (0, ""), check.stdout
    assert "2 of 2 scenarios held" in check.stdout


def test_an_ordinary_user_has_labs_that_stay(fresh_machine: Any) -> None:
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


def test_a_user_without_subordinate_ids_is_told_what_mends_it(fresh_machine: Any) -> None:
    if os.geteuid() != 0:
        return  # one cannot take one's own ids away
    as_ordinary_user(fresh_machine, "true")
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "HOME=/nonexistent")
    up = fresh_machine.run(*nobody, fresh_machine.command, "up", "healthy")
    assert up.returncode == 3
    assert "doctor" in up.stderr
    assert "Traceback" not in up.stderr
