"""Programs are looked up where a lab does, and a case says which it lacks with the one command that installs them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from whodunet import catalogue, engine
from whodunet.catalogue import Catalogue
from whodunet.debian_program import AWS_CLI, DebianProgram
from whodunet.errors import CannotRun
from whodunet.faults.clock_skew import ClockSkew
from whodunet.lab import doctor, programs
from whodunet.loading.library import Library, find_scenario

CHECKOUT = Path(__file__).parents[3]
SCRIPT = Path(programs.__file__).with_name("apt_install.sh")


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without any of a lab's programs, on which one is root."""
    monkeypatch.setattr(programs, "LAB_PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def test_a_labs_path_has_the_directories_that_debian_leaves_out_of_an_ordinary_users() -> None:
    assert {"/usr/local/sbin", "/usr/sbin", "/sbin"} <= set(programs.LAB_PATH.split(":"))


def test_the_callers_path_does_not_decide_what_a_lab_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert programs.find_program("sh") is not None


@pytest.mark.usefixtures("nothing_installed")
def test_a_required_program_that_is_missing_cannot_run_and_says_the_fix() -> None:
    with pytest.raises(CannotRun) as refused:
        programs.require_program("nft")
    assert str(refused.value) == f"the program nft is not installed; fix: bash {SCRIPT} nftables"


def test_every_program_has_a_purpose_and_is_listed_once() -> None:
    declared = programs.declared_programs()
    names = [program.name for program in declared]
    assert len(names) == len(set(names))
    assert {"ovs-vswitchd", "sshd", "dnsmasq", "faketime", "aws"} <= set(names)
    assert all(program.purpose and program.package for program in declared)


@pytest.mark.usefixtures("nothing_installed")
@pytest.mark.parametrize(
    ("needs", "commands", "packages"),
    [
        ((), {"ssh ec2-user@10.0.1.10"}, ""),
        ((), {"printf 'exit\\n' | script -qec 'aws ssm start-session' /dev/null"}, "awscli"),
        ((), {"ls ~/.aws", "ping aws.example"}, ""),
        (ClockSkew.needs, {"date"}, "faketime"),
        ((*ClockSkew.needs, AWS_CLI), {"aws sts get-caller-identity", "w3m -dump https://sso"}, "faketime awscli w3m"),
    ],
)
def test_a_case_needs_what_its_faults_declare_and_its_commands_name(
    needs: tuple[DebianProgram, ...], commands: set[str], packages: str
) -> None:
    if not packages:
        programs.require_programs_of_case(needs, commands)
        return
    with pytest.raises(CannotRun, match=re.escape(f"fix: bash {SCRIPT} {packages}") + "$"):
        programs.require_programs_of_case(needs, commands)


@pytest.mark.usefixtures("nothing_installed")
def test_no_lab_is_planned_for_a_case_whose_program_is_missing() -> None:
    library = Library()
    lacking = r"dnsmasq, sshd and aws, not installed here; fix: bash .* dnsmasq-base openssh-server awscli"
    with pytest.raises(CannotRun, match=f"^this case needs {lacking}$"):
        engine.plan_for(library.scenario(find_scenario("ssm-session")), library)


OWN_FILES = {
    "services/gopher.py": """
from whodunet.debian_program import DebianProgram
from whodunet.lab.service import Listener

class Gopher(Listener):
    needs = (DebianProgram("pygopherd", "pygopherd", "a server of menus"),)
    port = 70

    def prepare(self, host): ...

    def command(self, host):
        return ["pygopherd"]

SERVICE = Gopher
""",
    "faults/full_disk.py": """
from typing import ClassVar, Literal
from whodunet.cases.fault import NodeFault
from whodunet.debian_program import DebianProgram

class FullDisk(NodeFault):
    needs: ClassVar[tuple[DebianProgram, ...]] = (DebianProgram("fallocate-all", "fillers", "fills disks"),)
    kind: Literal["full-disk"] = "full-disk"
    inject = remove = signs = lambda self, *_: ()
""",
    "topologies/menus.py": """
from whodunet.lab_topo import LabTopo

class Menus(LabTopo):
    baseline = ("client", "10.1.0.2")

    def build(self):
        self.host("client", "client")
        self.host("server", "server", services={"gopher": {}})
        self.connect("client", "server", addresses=("10.1.0.1/24", "10.1.0.2/24"))

topos = {"menus": Menus}
""",
    "case.yaml": """
title: t
story: s
topology: menus
faults: [{kind: full-disk, node: server}]
probes: {nc: {host: client, command: nc -vz 10.1.0.2 70}}
answer:
  cause: unlisted
  cause_title: The disk is full
  culprit: server
  symptoms: {nc: {symptom: timed out}}
  repaired: {symptoms: {nc: {symptom: connected}}}
""",
}


def test_what_ones_own_service_and_fault_declare_is_asked_for_and_known_to_the_doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in OWN_FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    library = Library(Catalogue())
    lacking = "pygopherd and fallocate-all, not installed here; fix: .* pygopherd fillers"
    with pytest.raises(CannotRun, match=lacking):
        engine.plan_for(library.scenario(tmp_path / "case.yaml"), library)

    monkeypatch.setattr(catalogue, "_given", [tmp_path])
    absent = {each.name: each.detail for each in doctor.missing(doctor.examine())}
    assert absent["pygopherd"] == "not installed (package pygopherd)"
    assert absent["fallocate-all"] == "not installed (package fillers)"


def test_the_install_command_bears_a_path_with_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_APT_INSTALL", Path("/home/ann/my lab/apt_install.sh"))
    assert shlex.split(programs.installing(["nftables", "nftables"])) == [
        "bash",
        "/home/ann/my lab/apt_install.sh",
        "nftables",
    ]


def test_the_lab_script_installs_every_package_and_what_is_optional_only_on_demand() -> None:
    script = (CHECKOUT / "lab").read_text(encoding="utf-8")
    [needs] = re.findall(r"^needs=\((.*?)\)", script, re.DOTALL | re.MULTILINE)
    table = [need.partition(":") for need in needs.split()]
    always, there = {package for package, _, _ in table}, {program for _, _, program in table}
    declared = programs.declared_programs()
    needed = {each.package for each in declared if not each.is_optional and each.name not in there}
    optional = {program.package for program in declared if program.is_optional}
    assert needed <= always
    assert not optional & always
    assert optional <= set(re.findall(r"[\w.-]+", script))


def test_the_installer_refuses_whoever_is_not_root() -> None:
    user = [] if os.geteuid() else ["setpriv", "--reuid=65534", "--clear-groups"]
    refused = subprocess.run(
        [*user, "bash", "-s", "nftables"], input=SCRIPT.read_text(), capture_output=True, text=True, check=False
    )
    assert (refused.returncode, refused.stderr) == (3, "apt_install.sh: only root can install packages\n")


@pytest.fixture
def old_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with one program, which tells its version as the AWS CLI does."""
    monkeypatch.setattr(programs, "LAB_PATH", f"{tmp_path}:/usr/bin:/bin")
    programs._version_of.cache_clear()
    script = tmp_path / "cloud-cli"
    script.write_text("#!/bin/sh\necho cloud-cli/2.9.19 Python/3.11.2\n")
    script.chmod(0o755)


@pytest.mark.usefixtures("old_program")
@pytest.mark.parametrize(
    ("oldest", "lacking"),
    [
        ("2.9", None),
        ("2.9.19", None),
        ("2", None),
        ("2.12", "takes cloud-cli 2.12 or newer, and here is 2.9.19"),
        ("3", "takes cloud-cli 3 or newer, and here is 2.9.19"),
    ],
)
def test_versions_are_compared_number_by_number(oldest: str, lacking: str | None) -> None:
    assert programs.lacking_version({"cloud-cli": oldest}) == lacking


@pytest.mark.usefixtures("old_program")
def test_a_case_that_takes_a_newer_program_or_one_that_is_missing_cannot_run() -> None:
    programs.require_versions({"cloud-cli": "2.9"})
    with pytest.raises(CannotRun, match=r"this case takes cloud-cli 2\.12 or newer, and here is 2\.9\.19"):
        programs.require_versions({"cloud-cli": "2.12"})
    with pytest.raises(CannotRun, match="this case takes no-such-cli 1 or newer, which is not here"):
        programs.require_versions({"no-such-cli": "1"})
