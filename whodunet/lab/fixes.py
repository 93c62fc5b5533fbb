"""What fixes a refusal of this machine: a package, commands for root, options of a container, or advice."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from whodunet.lab.linux import TUN
from whodunet.lab.programs import as_root
from whodunet.lab.sandbox import CLOSED
from whodunet.lab.surroundings import Container, Surroundings

_MOST_NAMESPACES: Final = "user.max_user_namespaces"
_APPARMORS: Final = "kernel.apparmor_restrict_unprivileged_userns"
_CLOSED: Final = {  # with what, and what opens them
    _MOST_NAMESPACES: ("0", "15000"),
    "kernel.unprivileged_userns_clone": ("0", "1"),
    _APPARMORS: ("1", "0"),
}
_SEE: Final = 'see docs/install.md, "In a container"'


class Option(StrEnum):
    """An option of `docker run`, which opens what its defaults close. Source: docker-run(1), "--security-opt"."""

    SECCOMP = "--security-opt seccomp=unconfined"
    PATHS = "--security-opt systempaths=unconfined"
    APPARMOR = "--security-opt apparmor=unconfined"
    TUN = f"--device {TUN}"

    def of(self, container: Container | None) -> str:
        """How it is said to what runs the container. Source: podman-run(1), "--security-opt unmask"."""
        is_podmans = container is Container.PODMAN and self is Option.PATHS
        return "--security-opt unmask=ALL" if is_podmans else str(self)


@dataclass(frozen=True)
class Package:
    """A Debian package to install."""

    name: str


@dataclass(frozen=True)
class RootCommands:
    """Command lines for root, in order."""

    lines: tuple[str, ...]

    @classmethod
    def of(cls, *lines: str) -> RootCommands:
        """These lines."""
        return cls(lines)


@dataclass(frozen=True)
class ContainerOptions:
    """The container has to be started with these, too."""

    options: tuple[str, ...]


@dataclass(frozen=True)
class Advice:
    """What is no command here."""

    text: str


_LEAVE_CHROOT: Final = Advice("enter this system with pivot_root or a container instead")

Fix = Package | RootCommands | ContainerOptions | Advice


@dataclass(frozen=True)
class Refusal:
    """Why something is not possible here, and what fixes that."""

    reason: str
    fix: Fix


def of_namespaces(around: Surroundings, said: str) -> Refusal:
    """For a user namespace that the kernel did not make.

    Source: user_namespaces(7), unshare(2) on EPERM; Docker's default seccomp profile.
    """
    if said.startswith(CLOSED):
        return Refusal(said, Advice("open these for others (chmod o+rX), or run whodunet as an ordinary user"))
    if closed := _closed_setting(around, said):
        return closed
    if around.is_chroot:
        return Refusal(f"{said}: the kernel makes none inside a chroot", _LEAVE_CHROOT)
    if around.is_filtered:
        return _options(around, f"{said}: a seccomp filter forbids them, as a container's does", Option.SECCOMP)
    return _of_apparmor(around, said) or Refusal(f"{said}: a security module forbids them", Advice(_SEE))


def of_ids(around: Surroundings, said: str) -> Refusal:
    """For ids that could not be mapped although the user has some.

    Source: newuidmap(1); user_namespaces(7), "Defining user and group ID mappings": who writes a map needs the
    rights of the namespace's owner; a set-user-id newuidmap, which is another user, has them with CAP_SYS_ADMIN alone.
    """
    if closed := _closed_setting(around, said):
        return closed
    if around.gains_no_privileges:
        reason = f"{said}: newuidmap may not gain the right to (no-new-privileges)"
        return Refusal(reason, Advice("start the container without --security-opt no-new-privileges"))
    if not around.may_administer:
        capable = (
            "apt-get install -y libcap2-bin",
            "chmod u-s /usr/bin/newuidmap /usr/bin/newgidmap",
            "setcap cap_setuid+ep /usr/bin/newuidmap",
            "setcap cap_setgid+ep /usr/bin/newgidmap",
        )
        return Refusal(f"{said}: set-user-id gives newuidmap too little in a container", RootCommands(capable))
    return Refusal(said, Advice("newuidmap has to be set-user-id root: reinstall Debian's package uidmap"))


def of_mounts(around: Surroundings, said: str) -> Refusal:
    """For a /proc, a /sys or another mount of a lab's or of a host's.

    Source: user_namespaces(7): a new /proc may show no more than the present one; Docker's default AppArmor profile.
    """
    if closed := _closed_setting(around, said):
        return closed
    if confined := _of_apparmor(around, said):
        return confined
    if around.is_masked:
        return _options(around, f"{said}: parts of this /proc or /sys are covered", Option.PATHS)
    return Refusal(said, _LEAVE_CHROOT if around.is_chroot else Advice(_SEE))


def of_tun(around: Surroundings, said: str, *, is_closed: bool) -> Refusal:
    """For the device of delayed links; `is_closed` where its mode keeps this user, or a lab, out."""
    if is_closed:
        return Refusal(said, on_the_machine(around, f"chmod 666 {TUN}"))
    if around.container is not None:
        return _options(around, said, Option.TUN)
    return Refusal(said, on_the_machine(around, "modprobe tun"))


def of_tracking(around: Surroundings, said: str) -> Refusal:
    """For packet filters and connection tracking, which are modules of the kernel."""
    return Refusal(said, on_the_machine(around, "modprobe -a nf_tables nft_ct nf_conntrack nf_conntrack_netlink"))


def on_the_machine(around: Surroundings, *commands: str) -> Fix:
    """Commands that concern the kernel: from a container they have no effect, or are refused."""
    if around.container is not None:
        line = " && ".join(f"sudo {command}" for command in commands)
        return Advice(f"on the machine that runs the container: {line}")
    if around.is_wsl:
        return Advice(f"in PowerShell: wsl --update; or here: {as_root(*commands)}")
    return RootCommands(commands)


def _options(around: Surroundings, reason: str, option: Option) -> Refusal:
    if around.container is Container.KUBERNETES:
        return Refusal(reason, Advice(f"the pod's securityContext has to allow it, {_SEE}"))
    return Refusal(reason, ContainerOptions((option.of(around.container),)))


def _of_apparmor(around: Surroundings, said: str) -> Refusal | None:
    if around.apparmor is None:
        return None
    reason = f"{said}: the AppArmor profile {around.apparmor} forbids it"
    if around.container is None:
        return Refusal(reason, Advice("run whodunet outside this profile"))
    return _options(around, reason, Option.APPARMOR)


def _closed_setting(around: Surroundings, said: str) -> Refusal | None:
    """A kernel setting that forbids user namespaces, or to be root in them.

    Source: user_namespaces(7); the kernel's admin-guide/sysctl/user.rst; Ubuntu's release notes of 23.10.
    """
    for setting, (closed, opened) in _CLOSED.items():
        if around.settings.get(setting) != closed or (around.administers and setting != _MOST_NAMESPACES):
            continue
        otherwise = " (an AppArmor profile does, too: docs/install.md)" if setting == _APPARMORS else ""
        return Refusal(
            f"{said}: {setting} is {closed}{otherwise}", on_the_machine(around, f"sysctl {setting}={opened}")
        )
    return None
