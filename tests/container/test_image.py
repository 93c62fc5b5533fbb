"""The image runs labs without `--privileged`, with README's options; the doctor names what is left out."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from typing import Final

import pytest

from tests.container.oci import CHECKOUT, Run

Docker = Callable[..., subprocess.CompletedProcess[str]]

SECCOMP: Final = "--security-opt seccomp=unconfined"
PATHS: Final = "--security-opt systempaths=unconfined"
TUN: Final = "--device /dev/net/tun"
USERS: Final = ("whodunet", "root")


def documented(privileged: bool) -> str:
    """The options of README's one `docker run` line of this kind."""
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    lines: list[str] = re.findall(r"^docker run (.*) whodunet demo$", text, re.MULTILINE)
    [options] = [line for line in lines if ("--privileged" in line) is privileged]
    return options


def named(doctor: str) -> set[str]:
    """The options that the doctor says a container has to be started with."""
    said = re.findall(r"^the container has to be started with:\n(.*)$", doctor, re.MULTILINE)
    return {f"--{option.strip()}" for line in said for option in line.split("--")[1:]}


@pytest.mark.parametrize("user", USERS)
def test_scenarios_hold_with_readmes_options(user: str, docker: Docker) -> None:
    check = docker(f"docker run {documented(False)} --user {user} whodunet check healthy vpn-egress-reset")
    assert (check.returncode, check.stderr) == (0, ""), check.stdout
    assert "2 of 2 scenarios held" in check.stdout


@pytest.mark.parametrize("user", USERS)
def test_the_demo_plays_with_readmes_options(user: str, docker: Docker) -> None:
    demo = docker(f"docker run {documented(False)} --user {user} whodunet demo --no-pause")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert [*re.findall(r"(\d+) of \1 claims held", demo.stdout)] == ["17", "9"]


def test_the_doctor_finds_all_that_any_case_needs_in_the_image(docker: Docker) -> None:
    doctor = docker(f"docker run {documented(False)} whodunet doctor")
    assert doctor.returncode == 0, doctor.stdout
    assert not re.findall(r"^(?!found|all|  ).+", doctor.stdout, re.MULTILINE)


@pytest.mark.parametrize("user", USERS)
def test_a_privileged_container_runs_labs_too(user: str, docker: Docker) -> None:
    check = docker(f"docker run {documented(True)} --user {user} whodunet check healthy")
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.mark.parametrize(
    ("left_out", "user"),
    [
        *(((option,), "whodunet") for option in (SECCOMP, PATHS, TUN)),
        *(((SECCOMP, PATHS, TUN), user) for user in USERS),
    ],
)
def test_the_doctor_names_the_options_that_a_container_lacks(
    left_out: tuple[str, ...], user: str, docker: Docker
) -> None:
    given = " ".join({SECCOMP, PATHS, TUN} - {*left_out})
    doctor = docker(f"docker run {given} --user {user} whodunet doctor")
    assert (doctor.returncode, doctor.stderr) == (3, ""), doctor.stdout
    assert named(doctor.stdout) == {*left_out}


@pytest.mark.parametrize("left_out", [SECCOMP, PATHS, TUN])
def test_a_lab_that_an_option_is_left_out_for_says_so_in_one_sentence(left_out: str, docker: Docker) -> None:
    given = " ".join({SECCOMP, PATHS, TUN} - {left_out})
    up = docker(f"docker run {given} whodunet up healthy")
    assert (up.returncode, up.stdout) == (3, "")
    assert re.fullmatch(r"whodunet: [^\n]*(\n {2,}[^\n]*)*`whodunet doctor`[^`]*\n", up.stderr), up.stderr


def test_the_doctor_says_how_to_give_newuidmap_file_capabilities(docker: Docker) -> None:
    as_debian_has_it = "setcap -r /usr/bin/newuidmap; setcap -r /usr/bin/newgidmap; chmod u+s /usr/bin/new[ug]idmap"
    doctor = docker(f"docker run {SECCOMP} {PATHS} {TUN} whodunet doctor", as_debian_has_it)
    assert "setcap cap_setuid+ep /usr/bin/newuidmap" in doctor.stdout, doctor.stdout
    [commands] = re.findall(r"^  su - -c '(apt-get .*)'$", doctor.stdout, re.MULTILINE)
    without_apt = commands.partition(" && ")[2]  # what it would install is in the image
    repaired = docker(f"docker run {SECCOMP} {PATHS} {TUN} whodunet doctor", as_debian_has_it, without_apt)
    assert repaired.returncode == 0, repaired.stdout


def test_the_doctor_blames_no_new_privileges(docker: Docker) -> None:
    line = f"docker run {SECCOMP} {PATHS} {TUN} --security-opt no-new-privileges whodunet doctor"
    assert "without --security-opt no-new-privileges" in " ".join(docker(line).stdout.split())


def test_the_doctor_tells_a_user_without_an_account_that_it_needs_one(docker: Docker) -> None:
    doctor = docker(f"docker run {SECCOMP} {PATHS} {TUN} --user 4242 whodunet doctor")
    assert (doctor.returncode, doctor.stderr) == (3, "")
    assert "4242 has no account here" in doctor.stdout


def test_the_devcontainer_is_started_as_readme_says() -> None:
    settings = json.loads((CHECKOUT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    words = [word.replace("${localWorkspaceFolder}/", "") for word in settings["runArgs"]]
    of_readme = Run.of(["docker", "run", *documented(False).split(), "whodunet"])
    assert Run.of(["docker", "run", *words, "whodunet"]) == of_readme
    assert (CHECKOUT / ".devcontainer" / settings["build"]["dockerfile"]).resolve() == CHECKOUT / "Containerfile"
