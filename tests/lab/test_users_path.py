"""With the PATH that Debian gives an ordinary user, which has no sbin, everything works as with root's."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
WITH_PATH: Final = ("env", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games")
TEST_SUITE: Final = """
import pytest

@pytest.mark.scenario("vpn-egress-reset")
def test_refused(lab):
    assert lab.symptom(lab.probe("client", "nc -v -w 2 10.0.1.10 22")) == "refused"
"""


def whodunet(machine: Any, *arguments: str) -> str:
    done = machine.run(*WITH_PATH, machine.command, *arguments)
    assert done.returncode == 0, done.stderr
    printed: str = done.stdout
    return printed


def test_a_lab_that_stays_comes_up_and_runs_what_is_in_sbin(machine: Any) -> None:
    whodunet(machine, "up", "healthy", "--as", "users-path")
    try:
        path = whodunet(machine, "exec", "--lab", "users-path", "client", "--", "sh", "-c", "echo $PATH; ip -br link")
        assert path.startswith("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        assert "client-eth0" in path
    finally:
        whodunet(machine, "down", "--lab", "users-path")


def test_a_scenario_is_checked(machine: Any) -> None:
    assert "1 of 1 scenarios held" in whodunet(machine, "check", "vpn-egress-reset")


def test_a_test_suite_gets_its_lab(machine: Any) -> None:
    machine.path("/tmp/home/test_mine.py").write_text(TEST_SUITE)
    python = machine.command.removesuffix("whodunet") + "python"
    done = machine.run(*WITH_PATH, python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "/tmp/home/test_mine.py")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_doctor_misses_nothing(machine: Any) -> None:
    assert "MISSING" not in whodunet(machine, "doctor")


def test_a_benchmark_measures_the_lab_and_what_it_is_compared_with(machine: Any) -> None:
    python = machine.command.removesuffix("whodunet") + "python"
    benchmark = ("-m", "benchmarks", "start", "--runs", "1")
    done = machine.run(*WITH_PATH, python, *benchmark, cwd=str(ROOT))
    assert done.stderr == ""
    assert "stock Mininet" in done.stdout
    assert "bare floor" in done.stdout


@pytest.mark.parametrize("mn", ["mn", "/usr/bin/mn"])
def test_mininet_runs_in_a_sandbox(machine: Any, mn: str) -> None:
    done = machine.run(*WITH_PATH, machine.command, "sandbox", "--", mn, "--test", "pingall")
    assert done.returncode == 0, done.stderr
    assert "0% dropped (2/2 received)" in done.stdout + done.stderr
