"""The doctor tells what is missing, what for, and what fixes it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from whodunet.core.errors import CannotRun
from whodunet.lab import doctor, programs
from whodunet.lab.doctor import Capability


@pytest.fixture
def bin_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory in which programs are found; empty."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "_SYSTEM_DIRECTORIES", ())
    return tmp_path


@pytest.fixture
def ordinary_user(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    return "ann"


def install(directory: Path, *names: str) -> None:
    for name in names:
        (directory / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (directory / name).chmod(0o755)


def refuse_namespaces(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    """A machine that refuses, outside any chroot or filter, with these kernel settings (`__` for the dot)."""
    by_name = {name.replace("__", "."): value for name, value in settings.items()}
    monkeypatch.setattr(doctor, "_attempt", lambda trial: "Operation not permitted")
    monkeypatch.setattr(doctor, "_in_chroot", lambda: False)
    monkeypatch.setattr(doctor, "_is_filtered", lambda: False)
    monkeypatch.setattr(doctor, "_sysctl", by_name.get)


def found_by_name() -> dict[str, Capability]:
    return {capability.name: capability for capability in doctor.examine()}


@pytest.mark.usefixtures("bin_directory")
def test_a_missing_program_names_the_command_that_installs_its_package() -> None:
    switch = found_by_name()["ovs-vswitchd"]
    assert not switch.found
    assert switch.fix == "sudo apt-get install openvswitch-switch"


def test_a_program_on_the_path_is_found_there(bin_directory: Path) -> None:
    install(bin_directory, "tcpdump")
    tcpdump = found_by_name()["tcpdump"]
    assert tcpdump == Capability("tcpdump", "shows packets on a host", True, str(bin_directory / "tcpdump"), "")


def test_a_program_outside_an_ordinary_users_path_is_found_where_debian_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "ovsdb-server")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(programs, "_SYSTEM_DIRECTORIES", (str(tmp_path),))
    assert programs.find_program("ovsdb-server") == tmp_path / "ovsdb-server"


@pytest.mark.usefixtures("bin_directory")
def test_a_required_program_that_is_missing_cannot_run_and_says_the_mend() -> None:
    with pytest.raises(CannotRun, match=r"^the program nft is not installed; sudo apt-get install nftables$"):
        programs.require_program("nft")


def test_every_program_has_a_purpose_and_is_listed_once() -> None:
    names = [program.name for program in programs.PROGRAMS]
    assert len(names) == len(set(names))
    assert all(program.purpose and program.package for program in programs.PROGRAMS)


def test_wirefilter_does_where_netem_does_not_work(bin_directory: Path) -> None:
    install(bin_directory, "wirefilter", "dpipe", "vde_plug2tap")  # and no tc
    links = found_by_name()["netem or wirefilter"]
    assert links.found
    assert links.detail.startswith("wirefilter (netem does not work here: ")


@pytest.mark.usefixtures("bin_directory")
def test_neither_netem_nor_wirefilter_is_mended_by_vde2() -> None:
    assert found_by_name()["netem or wirefilter"].fix == "sudo apt-get install vde2"


@pytest.mark.parametrize(
    ("setting", "value", "fix"),
    [
        ("user.max_user_namespaces", "0", "sudo sysctl user.max_user_namespaces=15000"),
        ("kernel.unprivileged_userns_clone", "0", "sudo sysctl kernel.unprivileged_userns_clone=1"),
        (
            "kernel.apparmor_restrict_unprivileged_userns",
            "1",
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ],
)
def test_a_kernel_setting_that_forbids_user_namespaces_is_named_with_its_mend(
    setting: str, value: str, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_namespaces(monkeypatch, **{setting.replace(".", "__"): value})
    capability = found_by_name()["user namespaces"]
    assert capability.detail == f"Operation not permitted: {setting} is {value}"
    assert capability.fix == fix


def test_settings_that_permit_user_namespaces_are_not_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_namespaces(monkeypatch, user__max_user_namespaces="15000", kernel__unprivileged_userns_clone="1")
    assert "container" in found_by_name()["user namespaces"].detail


def test_a_chroot_is_blamed_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_namespaces(monkeypatch, user__max_user_namespaces="0")
    monkeypatch.setattr(doctor, "_in_chroot", lambda: True)
    assert "chroot" in found_by_name()["user namespaces"].detail


def test_root_needs_no_subordinate_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert found_by_name()["subordinate ids"].found


@pytest.mark.usefixtures("bin_directory")
def test_an_ordinary_user_without_newuidmap_is_told_to_install_uidmap(ordinary_user: str) -> None:
    assert found_by_name()["subordinate ids"].fix == "sudo apt-get install uidmap"


def test_an_ordinary_user_without_a_range_is_told_how_to_get_one(
    bin_directory: Path, ordinary_user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(bin_directory, "newuidmap", "newgidmap")
    monkeypatch.setattr(doctor, "_has_range", lambda path, user: path == Path("/etc/subuid"))
    ids = found_by_name()["subordinate ids"]
    assert ids.detail == "ann has none in /etc/subgid"
    assert ids.fix == "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ann"


@pytest.mark.parametrize(("line", "has_one"), [("ann:100000:65536", True), ("annabel:100000:65536", False)])
def test_a_range_belongs_to_the_user_of_exactly_that_name(line: str, has_one: bool, tmp_path: Path) -> None:
    (tmp_path / "subuid").write_text(f"{line}\n", encoding="utf-8")
    assert doctor._has_range(tmp_path / "subuid", "ann") is has_one


def test_a_tun_device_that_does_not_exist_is_mended_by_its_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "TUN", tmp_path / "tun")
    tun = found_by_name()[str(tmp_path / "tun")]
    assert (tun.detail, tun.fix) == ("does not exist", "sudo modprobe tun")


def test_a_trial_reports_what_was_refused_in_the_kernels_words() -> None:
    def refused() -> None:
        os.open("/nonexistent/file", os.O_RDONLY)

    assert doctor._call_in_child(refused) == "No such file or directory"


def test_a_trial_that_crashes_is_reported_and_does_not_return_twice() -> None:
    def crash() -> None:
        raise ZeroDivisionError

    assert doctor._call_in_child(crash) == "ZeroDivisionError()"


def test_a_trial_that_works_reports_nothing() -> None:
    assert doctor._call_in_child(lambda: None) is None


def test_the_table_has_the_mend_below_what_is_missing_and_ends_with_the_sum() -> None:
    found = Capability("ip", "interfaces", True, "/usr/sbin/ip", "")
    lacking = Capability("ssh-keygen", "keys", False, "not installed", "sudo apt-get install openssh-client")
    assert doctor.missing([found, lacking]) == [lacking]
    assert doctor.render([found, lacking]).splitlines() == [
        "found    ip          interfaces  /usr/sbin/ip",
        "MISSING  ssh-keygen  keys        not installed",
        "         fix: sudo apt-get install openssh-client",
        "1 of 2 missing",
    ]


def test_the_table_says_so_when_nothing_is_missing() -> None:
    assert doctor.render([Capability("ip", "interfaces", True, "", "")]).splitlines()[-1] == "all 1 found"


def test_examining_imports_neither_ryu_nor_scapy() -> None:
    code = "import sys; from whodunet.lab import doctor; doctor.examine(); print({'ryu', 'scapy'} & {*sys.modules})"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed == "set()\n"
