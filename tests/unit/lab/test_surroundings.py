"""What kind of machine this is, is seen from what the kernel says of the process that looks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from whodunet.lab import surroundings
from whodunet.lab.surroundings import Container

IN_A_CONTAINER = {
    "/proc/self/status": "CapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\nNoNewPrivs:\t1\nSeccomp:\t2\n",
    "/proc/self/mountinfo": "1 2 0:3 / / rw - overlay x rw\n8 5 0:6 /bus /proc/bus ro - proc x rw\n",
    "/proc/sys/kernel/osrelease": "6.12.1-amd64",
    "/sys/module/apparmor/parameters/enabled": "Y\n",
    "/proc/self/attr/apparmor/current": "docker-default (enforce)\n",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n",
}
OUTSIDE = {
    "/proc/self/status": "CapEff:\t000001ffffffffff\nCapBnd:\t000001ffffffffff\nNoNewPrivs:\t0\nSeccomp:\t0\n",
    "/proc/self/mountinfo": "1 2 8:1 / / rw - ext4 x rw\n5 1 0:6 / /proc/sys/fs/binfmt_misc rw - autofs x rw\n",
    "/proc/sys/kernel/osrelease": "5.15.153.1-microsoft-standard-WSL2",
    "/sys/module/apparmor/parameters/enabled": "Y\n",
    "/proc/self/attr/apparmor/current": "unconfined\n",
}


def be_on(machine: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "_text", lambda path: machine.get(path, ""))
    monkeypatch.setattr(os.path, "samefile", lambda one, other: True)


def test_a_containers_walls_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    be_on(IN_A_CONTAINER, monkeypatch)
    seen = surroundings.look_around()
    assert (seen.is_filtered, seen.is_masked, seen.gains_no_privileges) == (True, True, True)
    assert (seen.administers, seen.may_administer, seen.apparmor) == (False, False, "docker-default")
    assert seen.settings == {"kernel.apparmor_restrict_unprivileged_userns": "1"}
    assert not seen.is_wsl


def test_a_machine_without_walls_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    be_on(OUTSIDE, monkeypatch)
    seen = surroundings.look_around()
    assert (seen.is_filtered, seen.is_masked, seen.gains_no_privileges, seen.is_chroot) == (False,) * 4
    assert (seen.administers, seen.may_administer, seen.apparmor) == (True, True, None)
    assert seen.is_wsl


def test_a_root_that_is_no_mount_point_is_a_chroot(monkeypatch: pytest.MonkeyPatch) -> None:
    be_on({**OUTSIDE, "/proc/self/mountinfo": "5 1 0:6 / /proc rw - proc x rw\n"}, monkeypatch)
    assert surroundings.look_around().is_chroot


@pytest.mark.parametrize(
    ("marks", "container"),
    [
        ({"/.dockerenv"}, Container.DOCKER),
        ({"/run/.containerenv"}, Container.PODMAN),
        ({"/run/.containerenv", "/.dockerenv"}, Container.PODMAN),
        (set(), None),
    ],
)
def test_a_container_is_known_by_the_mark_that_its_maker_left(
    marks: set[str], container: Container | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr(surroundings, "_FIRST_PID_NAMESPACE", -1)
    monkeypatch.setattr(os.path, "exists", marks.__contains__)
    assert surroundings.look_around().container is container


def test_a_machine_made_of_an_image_is_no_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "_FIRST_PID_NAMESPACE", Path("/proc/self/ns/pid").stat().st_ino)
    monkeypatch.setattr(os.path, "exists", lambda path: True)
    assert surroundings.look_around().container is None
