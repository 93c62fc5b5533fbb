"""Where a machine refuses a lab something, the fix is one for that machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whodunet.lab import fixes
from whodunet.lab.fixes import Advice, ContainerOptions, RootCommands
from whodunet.lab.sandbox import CLOSED
from whodunet.lab.surroundings import Container, Surroundings

APPARMORS = "kernel.apparmor_restrict_unprivileged_userns"
MACHINE = Surroundings()
DOCKER = Surroundings(Container.DOCKER, is_filtered=True, is_masked=True, may_administer=False)
WSL = Surroundings(is_wsl=True)


def test_a_seccomp_filter_of_a_container_is_opened_by_its_option() -> None:
    assert fixes.of_namespaces(DOCKER, "refused").fix == ContainerOptions(("--security-opt seccomp=unconfined",))


def test_covered_paths_are_opened_by_an_option_that_podman_calls_otherwise() -> None:
    podman = replace(DOCKER, container=Container.PODMAN)
    assert fixes.of_mounts(DOCKER, "refused").fix == ContainerOptions(("--security-opt systempaths=unconfined",))
    assert fixes.of_mounts(podman, "refused").fix == ContainerOptions(("--security-opt unmask=ALL",))


def test_an_apparmor_profile_of_a_container_is_blamed_before_covered_paths_and_named() -> None:
    refusal = fixes.of_mounts(replace(DOCKER, apparmor="docker-default"), "Permission denied")
    assert refusal.reason == "Permission denied: the AppArmor profile docker-default forbids it"
    assert refusal.fix == ContainerOptions(("--security-opt apparmor=unconfined",))


def test_a_pod_is_opened_by_its_description() -> None:
    assert "securityContext" in str(fixes.of_mounts(replace(DOCKER, container=Container.KUBERNETES), "refused").fix)


def test_a_profile_outside_a_container_is_left_by_running_elsewhere() -> None:
    assert fixes.of_namespaces(replace(MACHINE, apparmor="firefox"), "refused").fix == Advice(
        "run whodunet outside this profile"
    )


def test_a_chroot_is_blamed_before_a_filter() -> None:
    assert "chroot" in fixes.of_namespaces(replace(DOCKER, is_chroot=True), "refused").reason


def test_a_kernel_setting_is_opened_on_the_machine_that_runs_the_container() -> None:
    refusal = fixes.of_namespaces(replace(DOCKER, settings={APPARMORS: "1"}), "refused")
    assert refusal.fix == Advice(f"on the machine that runs the container: sudo sysctl {APPARMORS}=0")


def test_a_root_who_may_not_mount_opens_what_is_closed_and_no_filter_is_blamed() -> None:
    refusal = fixes.of_namespaces(DOCKER, f"{CLOSED} /root")
    assert refusal.reason == f"{CLOSED} /root"
    assert "chmod o+rX" in str(refusal.fix)


@pytest.mark.parametrize(
    "settings", [{APPARMORS: "0"}, {"user.max_user_namespaces": "15000"}, {"kernel.unprivileged_userns_clone": "1"}]
)
def test_a_setting_that_permits_is_not_blamed(settings: dict[str, str]) -> None:
    assert "security module" in fixes.of_namespaces(replace(MACHINE, settings=settings), "refused").reason


def test_settings_for_ordinary_users_are_not_blamed_for_what_root_is_refused() -> None:
    root = Surroundings(administers=True, settings={APPARMORS: "1", "kernel.unprivileged_userns_clone": "0"})
    assert "kernel." not in fixes.of_mounts(root, "refused").reason


def test_ubuntus_setting_has_another_way_that_the_docs_describe() -> None:
    assert "AppArmor profile" in fixes.of_namespaces(replace(MACHINE, settings={APPARMORS: "1"}), "refused").reason


def test_newuidmap_gets_file_capabilities_where_set_user_id_gives_it_too_little() -> None:
    fix = fixes.of_ids(DOCKER, "newuidmap: write to uid_map failed").fix
    assert isinstance(fix, RootCommands)
    assert "setcap cap_setuid+ep /usr/bin/newuidmap" in fix.lines


def test_newuidmap_that_may_gain_no_privileges_is_not_given_more() -> None:
    fix = fixes.of_ids(replace(DOCKER, gains_no_privileges=True), "refused").fix
    assert fix == Advice("start the container without --security-opt no-new-privileges")


def test_newuidmap_on_a_machine_is_reinstalled() -> None:
    assert "uidmap" in str(fixes.of_ids(MACHINE, "refused").fix)


def test_a_container_is_given_the_device_and_a_machine_loads_its_module() -> None:
    said = "No such file or directory"
    assert fixes.of_tun(DOCKER, said, is_closed=False).fix == ContainerOptions(("--device /dev/net/tun",))
    assert fixes.of_tun(MACHINE, said, is_closed=False).fix == RootCommands.of("modprobe tun")


def test_a_device_that_is_closed_in_a_container_is_opened_outside() -> None:
    assert fixes.of_tun(DOCKER, "Permission denied", is_closed=True).fix == Advice(
        "on the machine that runs the container: sudo chmod 666 /dev/net/tun"
    )


def test_a_module_that_is_missing_under_wsl_comes_with_a_newer_kernel() -> None:
    fix = fixes.of_tracking(WSL, "refused").fix
    assert isinstance(fix, Advice)
    assert fix.text.startswith("in PowerShell: wsl --update; or here: ")
    assert "modprobe -a nf_tables nft_ct nf_conntrack" in fix.text
