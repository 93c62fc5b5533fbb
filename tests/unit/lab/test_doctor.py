"""The doctor tells what is missing, what for, and the one command that fixes all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from whodunet.lab import doctor, programs
from whodunet.lab.doctor import Advice, Capability, Package, RootCommands, Trial

DEBIANS_USER_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"


@pytest.fixture
def bin_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory in which a lab finds programs; empty."""
    monkeypatch.setattr(programs, "LAB_PATH", str(tmp_path))
    return tmp_path


@pytest.fixture
def ordinary_user(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    return "ann"


@pytest.fixture(autouse=True)
def trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that allows everything, unless a test says otherwise."""
    allow(monkeypatch, Trial())


def allow(monkeypatch: pytest.MonkeyPatch, trial: Trial) -> None:
    monkeypatch.setattr(doctor, "try_sandbox", lambda: trial)


def install(directory: Path, *names: str) -> None:
    for name in names:
        (directory / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (directory / name).chmod(0o755)


def refuse_namespaces(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    """A machine that refuses, outside any chroot or filter, with these kernel settings (`__` for the dot)."""
    by_name = {name.replace("__", "."): value for name, value in settings.items()}
    allow(monkeypatch, Trial(sandbox="Operation not permitted"))
    monkeypatch.setattr(doctor, "_in_chroot", lambda: False)
    monkeypatch.setattr(doctor, "_is_filtered", lambda: False)
    monkeypatch.setattr(doctor, "_sysctl", by_name.get)


def by_name() -> dict[str, Capability]:
    return {capability.name: capability for capability in doctor.examine()}


@pytest.mark.usefixtures("bin_directory")
def test_a_missing_program_names_its_package() -> None:
    switch = by_name()["ovs-vswitchd"]
    assert switch.fix == Package("openvswitch-switch")
    assert switch.detail == "not installed (package openvswitch-switch)"


def test_a_program_on_a_labs_path_is_found_there(bin_directory: Path) -> None:
    install(bin_directory, "tcpdump")
    tcpdump = by_name()["tcpdump"]
    assert tcpdump == Capability("tcpdump", "shows packets on a host", str(bin_directory / "tcpdump"))
    assert tcpdump.is_found


def test_the_doctor_looks_where_a_lab_does_and_not_on_the_callers_path(
    bin_directory: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_the_caller = tmp_path_factory.mktemp("bin")
    install(of_the_caller, "tcpdump")
    install(bin_directory, "sshd")
    monkeypatch.setenv("PATH", str(of_the_caller))
    assert (by_name()["tcpdump"].is_found, by_name()["sshd"].is_found) == (False, True)


def test_an_optional_program_that_is_absent_is_no_reason_to_fail(bin_directory: Path) -> None:
    assert "aws" not in [capability.name for capability in doctor.missing(doctor.examine())]
    assert by_name()["aws"].fix == Package("awscli")


def test_a_netem_that_works_needs_no_wirefilter(bin_directory: Path) -> None:
    assert by_name()["netem or wirefilter"].detail == "netem works"


def test_wirefilter_does_where_netem_does_not_work(bin_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, Trial(netem="Error: Specified qdisc kind is unknown."))
    install(bin_directory, "wirefilter", "dpipe", "vde_plug2tap")
    links = by_name()["netem or wirefilter"]
    assert links.is_found
    assert links.detail == "wirefilter (netem: Error: Specified qdisc kind is unknown.)"


@pytest.mark.usefixtures("bin_directory")
def test_neither_netem_nor_wirefilter_is_fixed_by_vde2(monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, Trial(netem="refused"))
    assert by_name()["netem or wirefilter"].fix == Package("vde2")


@pytest.mark.parametrize(
    ("setting", "value", "fix"),
    [
        ("user.max_user_namespaces", "0", "sysctl user.max_user_namespaces=15000"),
        ("kernel.unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
        ("kernel.apparmor_restrict_unprivileged_userns", "1", "sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
    ],
)
def test_a_kernel_setting_that_forbids_user_namespaces_is_named_with_its_fix(
    setting: str, value: str, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_namespaces(monkeypatch, **{setting.replace(".", "__"): value})
    capability = by_name()["user namespaces"]
    assert capability.detail == f"Operation not permitted: {setting} is {value}"
    assert capability.fix == RootCommands.of(fix)


def test_settings_that_permit_user_namespaces_are_not_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_namespaces(monkeypatch, user__max_user_namespaces="15000", kernel__unprivileged_userns_clone="1")
    assert "container" in by_name()["user namespaces"].detail


def test_a_chroot_is_blamed_before_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_namespaces(monkeypatch)
    monkeypatch.setattr(doctor, "_in_chroot", lambda: True)
    assert "chroot" in by_name()["user namespaces"].detail


@pytest.mark.usefixtures("bin_directory", "ordinary_user")
def test_a_sandbox_that_lacks_ids_alone_is_not_blamed_on_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_namespaces(monkeypatch)
    assert by_name()["user namespaces"].fix == Advice("first the subordinate ids, then ask the doctor again")


def test_root_needs_no_subordinate_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert by_name()["subordinate ids"].is_found


@pytest.mark.usefixtures("bin_directory", "ordinary_user")
def test_an_ordinary_user_without_newuidmap_is_told_to_install_uidmap() -> None:
    assert by_name()["subordinate ids"].fix == Package("uidmap")


def test_an_ordinary_user_without_a_range_gets_one_that_nobody_has(
    bin_directory: Path, ordinary_user: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(bin_directory, "newuidmap", "newgidmap")
    subuid, subgid = (tmp_path_factory.mktemp("etc") / name for name in ("subuid", "subgid"))
    subuid.write_text("ann:100000:65536\nbob:165536:65536\n", encoding="utf-8")
    monkeypatch.setattr(doctor, "_ID_TABLES", (subuid, subgid))
    ids = by_name()["subordinate ids"]
    assert ids.detail == f"ann has none in {subgid}"
    give = "usermod --add-subuids 231072-296607 --add-subgids 231072-296607 ann"
    assert ids.fix == RootCommands.of(f"touch {subgid}", give)


@pytest.mark.parametrize(("line", "has_one"), [("ann:100000:65536", True), ("annabel:100000:65536", False)])
def test_a_range_belongs_to_the_user_of_exactly_that_name(line: str, has_one: bool, tmp_path: Path) -> None:
    (tmp_path / "subuid").write_text(f"{line}\n", encoding="utf-8")
    assert doctor._has_range(tmp_path / "subuid", "ann") is has_one


def test_a_tun_device_that_does_not_exist_is_fixed_by_its_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "TUN", tmp_path / "tun")
    tun = by_name()[str(tmp_path / "tun")]
    assert (tun.detail, tun.fix) == ("does not exist", RootCommands.of("modprobe tun"))


def test_a_tun_device_that_only_a_lab_cannot_open_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tun = tmp_path / "tun"
    tun.touch()
    monkeypatch.setattr(doctor, "TUN", tun)
    allow(monkeypatch, Trial(tun="Permission denied"))
    assert by_name()[str(tun)].detail == "in a lab: Permission denied"


FOUND = Capability("ip", "interfaces", "/usr/sbin/ip")
LACKING = Capability("sshd", "a service", "not installed", Package("openssh-server"))
OPTIONAL = Capability("w3m", "pages", "not installed", Package("w3m"), is_optional=True)
WITHOUT_IDS = Capability("ids", "logins", "none", RootCommands.of("touch /etc/subuid", "usermod ann"))
IN_A_CONTAINER = Capability("namespaces", "walls", "refused", Advice("another container"))


@pytest.fixture
def sudo(bin_directory: Path) -> None:
    install(bin_directory, "sudo")


@pytest.mark.usefixtures("sudo", "ordinary_user")
def test_everything_that_commands_can_fix_is_one_line_to_copy() -> None:
    text = doctor.render([FOUND, LACKING, WITHOUT_IDS, IN_A_CONTAINER, OPTIONAL])
    script = Path(programs.__file__).with_name("apt_install.sh")
    assert text.splitlines() == [
        "found    ip          /usr/sbin/ip",
        "MISSING  sshd        not installed",
        "         for: a service",
        "MISSING  ids         none",
        "         for: logins",
        "         fix: sudo touch /etc/subuid && sudo usermod ann",
        "MISSING  namespaces  refused",
        "         for: walls",
        "         fix: another container",
        "absent   w3m         not installed",
        "         for: pages",
        "3 of 4 missing; 1 more that only some cases need are not there",
        "to fix that, without starting a service:",
        f"  sudo bash {script} openssh-server && sudo touch /etc/subuid && sudo usermod ann",
        "to have those, too:",
        f"  sudo bash {script} w3m",
    ]


@pytest.mark.usefixtures("bin_directory", "ordinary_user")
def test_without_sudo_the_line_asks_for_roots_password_once() -> None:
    last = doctor.render([LACKING, WITHOUT_IDS]).splitlines()[-1]
    assert last.startswith("  su - -c 'bash ")
    assert last.endswith(" openssh-server && touch /etc/subuid && usermod ann'")


def test_root_needs_no_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert doctor.render([LACKING]).splitlines()[-1].startswith("  bash ")


def test_the_table_says_so_when_nothing_is_missing() -> None:
    assert doctor.render([FOUND]).splitlines()[-1] == "all 1 found"
    assert doctor.missing([FOUND, OPTIONAL]) == []


def test_examining_imports_neither_ryu_nor_scapy() -> None:
    code = "import sys; from whodunet.lab import doctor; doctor.examine(); print({'ryu', 'scapy'} & {*sys.modules})"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed == "set()\n"


def test_the_doctor_finds_with_debians_path_of_an_ordinary_user_what_it_finds_with_roots() -> None:
    command = [str(Path(sys.executable).with_name("whodunet")), "doctor"]
    with_path = {
        path: subprocess.run(
            command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
        ).stdout
        for path in (DEBIANS_USER_PATH, programs.LAB_PATH, "/nowhere")
    }
    assert len(set(with_path.values())) == 1, with_path


def test_a_long_reason_goes_on_below_itself_and_a_path_is_not_broken() -> None:
    path = "/a/path/" + "longer-than-what-is-left-of-the-line/" * 2
    netem = Capability("netem or wirefilter", "", "wirefilter (netem: Error: Specified qdisc kind is unknown.)")

    lines = doctor.render([netem, Capability("tool", "", path)]).splitlines()

    assert lines[:3] == [
        "found    netem or wirefilter  wirefilter (netem: Error: Specified qdisc kind is",
        "                              unknown.)",
        f"found    tool                 {path}",
    ]
