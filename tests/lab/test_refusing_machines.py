"""Machines that really refuse a lab something: what the doctor says there; and that a read-only /sys is none."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.lab.conftest import Machine, settle_guest

_WITHOUT_NAMESPACES: Final = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$0" doctor'


def doctor(machine: Machine, *before: str) -> dict[str, str]:
    """What the doctor says of each capability, on one line each."""
    said = machine.run(*before, machine.command, "doctor").stdout
    joined = re.sub(r"\n {9,}", " ", said)
    rows = re.findall(r"^(found|MISSING|untried|absent) +(.*?)  +(.*)$", joined, re.MULTILINE)
    return {name: f"{mark} {detail}" for mark, name, detail in rows}


@pytest.fixture
def guest(spare_machine: Machine) -> tuple[str, ...]:
    """The words before a command that is to be an ordinary user's, on a machine to spoil."""
    return settle_guest(spare_machine)


def test_a_lab_comes_up_where_sys_is_read_only(spare_machine: Machine) -> None:
    assert spare_machine.run("mount", "-o", "remount,bind,ro", "/sys").returncode == 0
    check = spare_machine.whodunet("check", "healthy")
    assert (check.returncode, check.stderr) == (0, ""), check.stdout


def test_a_host_that_cannot_be_made_says_what_it_was_refused(spare_machine: Machine) -> None:
    assert spare_machine.run("mount", "-t", "tmpfs", "none", "/sys/kernel").returncode == 0
    up = spare_machine.whodunet("up", "healthy")
    said = " ".join(up.stderr.split())
    assert up.returncode == 3
    assert re.search(
        r"\w+ could not be made: mount /run/lab/root/sys: Operation not permitted; `whodunet doctor`", said
    )
    assert doctor(spare_machine)["own /proc and /sys"].startswith("MISSING left could not be made: mount")


def test_covered_files_of_proc_are_named(spare_machine: Machine) -> None:
    assert spare_machine.run("mount", "--bind", "/dev/null", "/proc/keys").returncode == 0
    said = doctor(spare_machine)
    assert said["own /proc and /sys"].startswith("MISSING mount /proc: Operation not permitted: parts of this /proc")
    assert said["connection tracking"].startswith("untried")


def test_a_device_that_is_not_there_is_missing(spare_machine: Machine) -> None:
    assert spare_machine.run("mount", "-t", "tmpfs", "none", "/dev/net").returncode == 0
    assert doctor(spare_machine)["/dev/net/tun"].startswith("MISSING No such file or directory")


def test_a_kernel_that_makes_no_user_namespaces_is_told_with_the_setting(spare_machine: Machine) -> None:
    said = doctor(spare_machine, "unshare", "--user", "--map-root-user", "bash", "-c", _WITHOUT_NAMESPACES)
    assert "user.max_user_namespaces is 0" in said["user namespaces"]
    assert "sysctl user.max_user_namespaces=15000" in said["user namespaces"]


def test_a_user_without_subordinate_ids_hears_the_command_that_gives_some(
    spare_machine: Machine, guest: tuple[str, ...]
) -> None:
    assert spare_machine.run("sed", "-i", "/^guest:/d", "/tmp/etc/subuid", "/tmp/etc/subgid").returncode == 0
    assert spare_machine.run("bash", "-c", "for f in subuid subgid; do cat /tmp/etc/$f >/etc/$f; done").returncode == 0
    ids = doctor(spare_machine, *guest)["subordinate ids"]
    assert ids.startswith("MISSING guest has none in /etc/subuid and /etc/subgid")
    assert "usermod --add-subuids" in ids


def test_an_ordinary_user_to_whom_nothing_is_refused_misses_nothing(
    spare_machine: Machine, guest: tuple[str, ...]
) -> None:
    said = doctor(spare_machine, *guest)
    assert {name: row for name, row in said.items() if not row.startswith(("found", "absent"))} == {}
    assert said["delayed links"].endswith("seen to delay")
