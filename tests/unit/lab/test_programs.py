"""Programs are looked up where a lab does, and a case says which it lacks with the one command that installs them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from whodunet import engine
from whodunet.errors import CannotRun
from whodunet.lab import programs
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
    names = [program.name for program in programs.PROGRAMS]
    assert len(names) == len(set(names))
    assert all(program.purpose and program.package for program in programs.PROGRAMS)


@pytest.mark.usefixtures("nothing_installed")
@pytest.mark.parametrize(
    ("faults", "commands", "packages"),
    [
        (set(), {"ssh ec2-user@10.0.1.10"}, ""),
        (set(), {"printf 'exit\\n' | script -qec 'aws ssm start-session' /dev/null"}, "awscli"),
        (set(), {"ls ~/.aws", "ping aws.example"}, ""),
        ({"clock-skew"}, {"date"}, "faketime"),
        ({"clock-skew"}, {"aws sts get-caller-identity", "w3m -dump https://sso"}, "awscli faketime w3m"),
    ],
)
def test_a_case_needs_the_programs_of_its_faults_and_commands(
    faults: set[str], commands: set[str], packages: str
) -> None:
    if not packages:
        programs.require_programs_of_case(faults, commands)
        return
    with pytest.raises(CannotRun, match=re.escape(f"fix: bash {SCRIPT} {packages}") + "$"):
        programs.require_programs_of_case(faults, commands)


@pytest.mark.usefixtures("nothing_installed")
def test_no_lab_is_planned_for_a_case_whose_program_is_missing() -> None:
    library = Library()
    with pytest.raises(CannotRun, match=r"^this case needs aws, not installed here; fix: bash .* awscli$"):
        engine.plan_for(library.scenario(find_scenario("ssm-session")), library)
    engine.plan_for(library.scenario(find_scenario("healthy")), library)


def test_the_install_command_bears_a_path_with_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_APT_INSTALL", Path("/home/ann/my lab/apt_install.sh"))
    assert shlex.split(programs.installing(["vde2", "vde2"])) == ["bash", "/home/ann/my lab/apt_install.sh", "vde2"]


def test_the_lab_script_installs_every_package_and_what_is_optional_only_on_demand() -> None:
    script = (CHECKOUT / "lab").read_text(encoding="utf-8")
    [always] = re.findall(r"^packages=\((.*?)\)", script, re.DOTALL | re.MULTILINE)
    needed = {program.package for program in programs.PROGRAMS if not program.is_optional}
    optional = {program.package for program in programs.PROGRAMS if program.is_optional}
    assert needed <= set(always.split())
    assert not optional & set(always.split())
    assert optional <= set(re.findall(r"[\w.-]+", script))


def test_the_installer_refuses_whoever_is_not_root() -> None:
    user = [] if os.geteuid() else ["setpriv", "--reuid=65534", "--clear-groups"]
    refused = subprocess.run(
        [*user, "bash", "-s", "vde2"], input=SCRIPT.read_text(), capture_output=True, text=True, check=False
    )
    assert (refused.returncode, refused.stderr) == (3, "apt_install.sh: only root can install packages\n")
