"""What kind of machine this is, as far as it decides what a lab may do and who has to allow it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

_SETTINGS: Final = (
    "user.max_user_namespaces",
    "kernel.unprivileged_userns_clone",
    "kernel.apparmor_restrict_unprivileged_userns",
)
_CAP_SYS_ADMIN: Final = 21
_FIRST_PID_NAMESPACE: Final = 0xEFFFFFFC
_OFTEN_COVERED: Final = ("/proc/", "/sys/firmware", "/sys/devices/")
_AUTOMOUNT: Final = "/proc/sys/fs/binfmt_misc"  # on an empty directory, which covers nothing
_UNCONFINED: Final = "unconfined"


class Container(StrEnum):
    """What runs the container that this is in."""

    DOCKER = "docker"
    PODMAN = "podman"
    KUBERNETES = "kubernetes"


@dataclass(frozen=True)
class Surroundings:
    """One machine; by default one that forbids nothing."""

    container: Container | None = None
    is_wsl: bool = False
    is_chroot: bool = False
    is_filtered: bool = False  # by seccomp
    is_masked: bool = False  # something covers parts of /proc or /sys
    gains_no_privileges: bool = False  # from set-user-id bits and file capabilities
    administers: bool = False  # this process has CAP_SYS_ADMIN
    may_administer: bool = True  # a program that is set-user-id root would have it
    apparmor: str | None = None  # the profile that confines this process
    settings: Mapping[str, str] = field(default_factory=dict)  # of the kernel, that bear on user namespaces


def look_around() -> Surroundings:
    """This machine.

    Source: proc_pid_status(5); proc_pid_mountinfo(5); capabilities(7); the kernel's admin-guide/LSM/apparmor.rst.
    """
    status = dict(line.split(":\t", 1) for line in _text("/proc/self/status").splitlines() if ":\t" in line)
    mount_points = [line.split()[4] for line in _text("/proc/self/mountinfo").splitlines()]
    return Surroundings(
        container=_container(),
        is_wsl="microsoft" in _text("/proc/sys/kernel/osrelease").lower(),
        is_chroot=_is_chroot(mount_points),
        is_filtered=status.get("Seccomp", "").strip() == "2",
        is_masked=any(point.startswith(_OFTEN_COVERED) and point != _AUTOMOUNT for point in mount_points),
        gains_no_privileges=status.get("NoNewPrivs", "").strip() == "1",
        administers=_has_sys_admin(status.get("CapEff", "0")),
        may_administer=_has_sys_admin(status.get("CapBnd", "0")),
        apparmor=_apparmor(),
        settings=dict(_settings()),
    )


def _text(path: str) -> str:
    with suppress(OSError):
        return Path(path).read_text(encoding="utf-8", errors="replace")
    return ""


def _has_sys_admin(capabilities: str) -> bool:
    return bool(int(capabilities, 16) >> _CAP_SYS_ADMIN & 1)


def _container() -> Container | None:
    """By what each of them puts into a container for its programs to see.

    A virtual machine that was made of an image has that, too, but runs in the kernel's first PID namespace.
    Source: linux/proc_ns.h, PROC_PID_INIT_INO
    """
    if os.stat("/proc/self/ns/pid").st_ino == _FIRST_PID_NAMESPACE:
        return None
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return Container.KUBERNETES
    if os.path.exists("/run/.containerenv"):
        return Container.PODMAN
    return Container.DOCKER if os.path.exists("/.dockerenv") else None


def _is_chroot(mount_points: list[str]) -> bool:
    """Whether the root directory is not the one of the mount namespace: then it is not a mount point here."""
    if "/" not in mount_points:
        return True
    try:
        return not os.path.samefile("/proc/1/root", "/")
    except OSError:
        return False  # only root may look


def _apparmor() -> str | None:
    # Another security module answers with a label of its own at the older place.
    if _text("/sys/module/apparmor/parameters/enabled").strip() != "Y":
        return None
    profile = _text("/proc/self/attr/apparmor/current") or _text("/proc/self/attr/current")
    name = profile.strip().rpartition(" (")[0] or profile.strip()
    return name if name not in ("", _UNCONFINED) else None


def _settings() -> Iterator[tuple[str, str]]:
    for setting in _SETTINGS:
        if text := _text(f"/proc/sys/{setting.replace('.', '/')}").strip():
            yield setting, text
