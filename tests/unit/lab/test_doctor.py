"""The doctor tells what is missing, what for, and the one command that fixes all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from whodunet.lab import doctor, programs
from whodunet.lab.doctor import Capability, Trial
from whodunet.lab.fixes import Advice, ContainerOptions, Package, RootCommands
from whodunet.lab.surroundings import Container, Surroundings
from whodunet.lab.trial import Step

DEBIANS_USER_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"


@pytest.fixture
def bin_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory in which a lab finds programs; empty."""
    monkeypatch.setattr(programs, "LAB_PATH", str(tmp_path))
    return tmp_path


@pytest.fixture
def ordinary_user(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(doctor, "own_names", lambda: ("ann", "1000"))
    return "ann"


ALL_DONE: dict[Step, str | None] = dict.fromkeys(Step)


@pytest.fixture(autouse=True)
def allowing_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that allows everything, unless a test says otherwise."""
    be_on(monkeypatch, ALL_DONE)


def be_on(monkeypatch: pytest.MonkeyPatch, trial: Trial, around: Surroundings | None = None) -> None:
    """A machine on which a trial comes to this."""
    monkeypatch.setattr(doctor, "try_sandbox", lambda: trial)
    monkeypatch.setattr(doctor, "look_around", lambda: around or Surroundings())


def up_to(refused: Step, said: str) -> dict[Step, str | None]:
    """A trial that ended with the refusal of a step."""
    steps = list(Step)
    return {**dict.fromkeys(steps[: steps.index(refused)]), refused: said}


def install(directory: Path, *names: str) -> None:
    for name in names:
        (directory / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (directory / name).chmod(0o755)


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


def test_a_netem_that_works_delays_links(bin_directory: Path) -> None:
    assert by_name()["delayed links"].detail == "netem, seen to delay"


def test_links_are_delayed_without_netem_too(monkeypatch: pytest.MonkeyPatch) -> None:
    be_on(monkeypatch, ALL_DONE | {Step.NETEM: "Error: Specified qdisc kind is unknown."})
    links = by_name()["delayed links"]
    assert links.is_found
    assert links.detail == "in user space (netem: Specified qdisc kind is unknown), seen to delay"


def test_a_link_that_delays_too_little_is_told_as_it_was_measured(
    bin_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_on(monkeypatch, up_to(Step.DELAY, "a link of 5 ms each way: 0.1 ms"))
    assert by_name()["delayed links"].detail == "a link of 5 ms each way: 0.1 ms"
    assert not by_name()["delayed links"].is_found


@pytest.mark.parametrize(
    ("setting", "value", "fix"),
    [
        ("user.max_user_namespaces", "0", "sysctl user.max_user_namespaces=15000"),
        ("kernel.unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
        ("kernel.apparmor_restrict_unprivileged_userns", "1", "sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
    ],
)
@pytest.mark.parametrize("step", [Step.NAMESPACES, Step.IDS, Step.MOUNTS, Step.HOSTS])
def test_a_kernel_setting_that_forbids_user_namespaces_is_named_with_its_fix(
    setting: str, value: str, fix: str, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    be_on(monkeypatch, up_to(step, "Operation not permitted"), Surroundings(settings={setting: value}))
    [blamed] = doctor.missing(doctor.examine()[:5])
    assert blamed.detail.startswith(f"Operation not permitted: {setting} is {value}")
    assert blamed.fix == RootCommands.of(fix)


def test_a_trial_that_no_step_of_is_told_blames_the_first() -> None:
    trial = doctor.read_trial("", "whodunet: unshare: Operation not permitted; `whodunet doctor` says more\n", 3)
    assert trial == {Step.NAMESPACES: "unshare: Operation not permitted"}


def test_a_trial_that_ends_blames_the_first_step_that_is_not_told() -> None:
    told = '["namespaces", null]\n["ids", null]\n'
    said = "newuidmap: write failed\nPermissionError: [Errno 1] mount /proc: Operation not permitted\n"
    assert doctor.read_trial(told, said, 3)[Step.MOUNTS] == "newuidmap: write failed"
    python = said.splitlines()[1]
    assert doctor.read_trial(told, python, 3)[Step.MOUNTS] == "mount /proc: Operation not permitted"


def test_a_trial_that_went_well_blames_nothing() -> None:
    assert doctor.read_trial('["namespaces", null]\n', "a warning", 0) == {Step.NAMESPACES: None}


def test_what_could_not_be_tried_is_neither_found_nor_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    be_on(monkeypatch, up_to(Step.NAMESPACES, "refused"))
    kernel = doctor.examine()[:6]
    assert [row.name for row in doctor.missing(kernel)] == ["user namespaces"]
    lines = doctor.render(kernel).splitlines()
    assert "untried  connection tracking  something else has to be there first" in lines
    assert "1 of 6 missing; 4 more could not be tried: fix these, and ask again" in lines


def test_a_container_hears_at_once_of_all_options_that_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(doctor, "open_refusal", lambda device: "No such file or directory")
    container = Surroundings(Container.DOCKER, is_filtered=True, is_masked=True)
    be_on(monkeypatch, up_to(Step.NAMESPACES, "unshare: Operation not permitted"), container)
    assert doctor.render(doctor.examine()[:6]).splitlines()[-2:] == [
        "the container has to be started with:",
        "  --security-opt seccomp=unconfined --security-opt systempaths=unconfined --device /dev/net/tun",
    ]


def test_a_host_whose_sys_is_refused_is_a_mount_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    be_on(monkeypatch, up_to(Step.HOSTS, "mount /sys: refused"), Surroundings(Container.DOCKER, is_masked=True))
    assert by_name()["own /proc and /sys"].fix == ContainerOptions(("--security-opt systempaths=unconfined",))


def test_connection_tracking_that_is_refused_does_not_hide_that_links_are_delayed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    be_on(monkeypatch, ALL_DONE | {Step.TRACKING: "Could not process rule"})
    assert not by_name()["connection tracking"].is_found
    assert by_name()["delayed links"].is_found


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


def test_a_tun_device_that_does_not_exist_is_fixed_by_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "open_refusal", lambda device: "No such file or directory")
    tun = by_name()["/dev/net/tun"]
    assert (tun.detail, tun.fix) == ("No such file or directory", RootCommands.of("modprobe tun"))


def test_a_tun_device_that_only_a_lab_cannot_open_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "open_refusal", lambda device: None)
    monkeypatch.setattr(os.path, "exists", lambda path: True)
    be_on(monkeypatch, ALL_DONE | {Step.TUN: "Permission denied"})
    tun = by_name()["/dev/net/tun"]
    assert (tun.detail, tun.fix) == ("in a lab: Permission denied", RootCommands.of("chmod 666 /dev/net/tun"))


@pytest.mark.usefixtures("bin_directory")
def test_a_user_without_an_account_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    monkeypatch.setattr(doctor, "own_names", lambda: ("4242",))
    monkeypatch.setattr(doctor, "find_program", Path)
    assert by_name()["subordinate ids"].detail == "user 4242 has no account here"


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
    netem = Capability("delayed links", "", "in user space (netem: Error: Specified qdisc kind is unknown.), by far")

    lines = doctor.render([netem, Capability("tool", "", path)]).splitlines()

    assert lines[:3] == [
        "found    delayed links  in user space (netem: Error: Specified qdisc kind is",
        "                        unknown.), by far",
        f"found    tool           {path}",
    ]
