"""The install commands of docs/install.md do what is said there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory in which nothing is installed."""
    directory = tmp_path / "home"
    directory.mkdir()
    return directory


def documented_command(beginning: str) -> str:
    """The one command line of docs/install.md that begins so."""
    lines = (CHECKOUT / "docs" / "install.md").read_text(encoding="utf-8").splitlines()
    [command] = [line.strip() for line in lines if line.startswith(f"    {beginning}")]
    return command


def run(command: list[str], home: Path, cwd: Path) -> str:
    """Runs as a person with that home who has the tests' Python and uv on the PATH; fails with all that was printed."""
    own_home = Path.home()
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    environment |= {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(own_home / ".cache")),  # spares the downloads
        "XDG_CONFIG_HOME": os.environ.get("XDG_CONFIG_HOME", str(own_home / ".config")),  # which package index
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_BIN_HOME": str(home / ".local/bin"),
    }
    finished = subprocess.run(
        command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def assert_works_from_elsewhere(whodunet: Path, home: Path) -> None:
    assert run([str(whodunet), "--version"], home, cwd=home).split() == ["whodunet", "0.1.0"]
    assert "vpn-egress-reset" in run([str(whodunet), "list"], home, cwd=home)


def test_the_uv_command_installs_a_whodunet_that_works_from_any_directory(home: Path) -> None:
    run(["bash", "-c", documented_command("uv tool install")], home, cwd=CHECKOUT)
    assert_works_from_elsewhere(home / ".local/bin/whodunet", home)


def test_the_pip_command_installs_a_whodunet_that_works_from_any_directory(home: Path) -> None:
    run(["bash", "-c", documented_command("python3 -m venv")], home, cwd=CHECKOUT)
    assert_works_from_elsewhere(home / "whodunet/bin/whodunet", home)


def test_the_wheel_carries_every_topology_controller_and_scenario(home: Path) -> None:
    run(["uv", "build", "--wheel", "--out-dir", str(home)], home, cwd=CHECKOUT)
    [wheel] = home.glob("*.whl")
    carried = set(zipfile.ZipFile(wheel).namelist())
    for folder, pattern in (("topologies", "*.py"), ("controllers", "*.py"), ("scenarios", "*.yaml")):
        expected = {f"whodunet/{folder}/{path.name}" for path in (CHECKOUT / folder).glob(pattern)}
        assert expected, f"{folder} is empty"
        assert expected <= carried


LOCKS = ("requirements.lock", "requirements-dev.lock")


@pytest.mark.parametrize("lock", LOCKS)
def test_the_locks_name_no_package_index(lock: str) -> None:
    assert "://" not in (CHECKOUT / lock).read_text(encoding="utf-8")


def pinned(lock: str) -> dict[str, str]:
    """Version by package."""
    text = (CHECKOUT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))


def test_the_locks_agree_and_developers_tools_are_in_theirs_alone() -> None:
    runtime, developers = (pinned(lock) for lock in LOCKS)
    assert {name: developers[name] for name in runtime.keys() & developers.keys()} == {
        name: runtime[name] for name in runtime.keys() & developers.keys()
    }
    assert not {"mypy", "pytest", "ruff", "uv"} & runtime.keys()
    assert {"mypy", "pytest", "ruff", "uv"} <= developers.keys()


def test_every_dependency_of_the_project_is_pinned_within_its_bounds() -> None:
    metadata = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = (metadata["project"]["dependencies"], metadata["dependency-groups"]["dev"])
    for lock, wanted in zip(LOCKS, groups, strict=True):
        versions = pinned(lock)
        for requirement in map(Requirement, wanted):
            assert versions[canonicalize_name(requirement.name)] in requirement.specifier, requirement


def test_every_pin_has_hashes() -> None:
    for lock in LOCKS:
        text = (CHECKOUT / lock).read_text(encoding="utf-8")
        for pin in re.split(r"\n(?=[\w.-]+==)", text)[1:]:
            assert "--hash=sha256:" in pin, pin


def test_the_commands_of_the_page_made_the_locks() -> None:
    page = " ".join((CHECKOUT / "docs" / "install.md").read_text(encoding="utf-8").replace("\\\n", " ").split())
    for lock in LOCKS:
        made_by = (CHECKOUT / lock).read_text(encoding="utf-8").splitlines()[1].removeprefix("#").strip()
        assert made_by in page


def test_the_wheel_carries_the_installer_of_packages(home: Path) -> None:
    run(["uv", "build", "--wheel", "--out-dir", str(home)], home, cwd=CHECKOUT)
    [wheel] = home.glob("*.whl")
    assert "whodunet/lab/apt_install.sh" in zipfile.ZipFile(wheel).namelist()
