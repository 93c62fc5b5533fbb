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


def page_command(page: str, beginning: str) -> str:
    """The one command line of a page that begins so."""
    lines = (CHECKOUT / "docs" / page).read_text(encoding="utf-8").splitlines()
    listings = (line.strip() for line in lines if line.startswith("    "))
    [command] = [line for line in listings if line.startswith(beginning)]
    return command


def documented_command(beginning: str) -> str:
    """The one command line of docs/install.md that begins so."""
    return page_command("install.md", beginning)


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


PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def assert_works_from_elsewhere(whodunet: Path, home: Path) -> None:
    """It is this version, knows the cases and their answers, and plays one; nothing of it comes from the checkout."""
    assert run([str(whodunet), "--version"], home, cwd=home).split() == ["whodunet", PROJECT["version"]]
    assert "vpn-egress-reset" in run([str(whodunet), "list"], home, cwd=home)
    assert run([str(whodunet), "truth", "vpn-egress-reset"], home, cwd=home).startswith("cause    egress-reset\n")
    checked = run([str(whodunet), "check", "vpn-egress-reset"], home, cwd=home)
    assert "1 of 1 scenarios held" in checked
    python = whodunet.resolve().with_name("python")
    where = run([str(python), "-c", "import whodunet; print(whodunet.__file__)"], home, cwd=home)
    assert not Path(where).is_relative_to(CHECKOUT)


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution, as docs/releasing.md has them built."""
    directory = tmp_path_factory.mktemp("release")
    build = page_command("releasing.md", "uv build").replace("dist", str(directory / "dist"))
    run(["bash", "-c", build], directory, cwd=CHECKOUT)
    return directory / "dist"


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    """The built wheel."""
    [wheel] = dist.glob("*.whl")
    return wheel


def test_the_wheel_works_from_any_directory_when_uv_installs_it(home: Path, wheel: Path) -> None:
    command = documented_command("uv tool install").removesuffix(".") + str(wheel)
    run(["bash", "-c", command], home, cwd=CHECKOUT)
    assert_works_from_elsewhere(home / ".local/bin/whodunet", home)


def test_the_wheel_works_from_any_directory_when_pip_installs_it(home: Path, wheel: Path) -> None:
    command = documented_command("python3 -m venv").removesuffix(".") + str(wheel)
    run(["bash", "-c", command], home, cwd=CHECKOUT)
    assert_works_from_elsewhere(home / "whodunet/bin/whodunet", home)


def test_pipx_takes_the_command_of_the_page(home: Path) -> None:
    command = documented_command("PIP_CONSTRAINT").replace("pipx ", "uvx pipx==1.8.0 ")
    environment = f"PIPX_HOME={home}/.local/pipx PIPX_BIN_DIR={home}/.local/bin "
    run(["bash", "-c", environment + command], home, cwd=CHECKOUT)
    installed = home / ".local/bin/whodunet"
    assert run([str(installed), "--version"], home, cwd=home).split() == ["whodunet", PROJECT["version"]]


def test_wheel_and_source_distribution_are_fit_for_an_index(dist: Path) -> None:
    assert sorted(path.name for path in dist.iterdir() if path.suffix != "") == [
        f"whodunet-{PROJECT['version']}-py3-none-any.whl",
        f"whodunet-{PROJECT['version']}.tar.gz",
    ]
    check = page_command("releasing.md", "uvx twine").replace("dist/", f"{dist}/")
    assert run(["bash", "-c", check], dist.parent, cwd=CHECKOUT).count("PASSED") == 2


def test_the_wheel_carries_every_topology_controller_scenario_and_page(wheel: Path) -> None:
    carried = set(zipfile.ZipFile(wheel).namelist())
    for folder, pattern in (
        *(("topologies", "*.py"), ("controllers", "*.py")),
        *(("scenarios", "*.yaml"), ("docs", "*.md")),
    ):
        expected = {f"whodunet/{folder}/{path.name}" for path in (CHECKOUT / folder).glob(pattern)}
        assert expected, f"{folder} is empty"
        assert expected <= carried


def test_the_wheel_carries_the_installer_of_packages(wheel: Path) -> None:
    assert "whodunet/lab/apt_install.sh" in zipfile.ZipFile(wheel).namelist()


def test_a_wheel_that_is_made_from_the_source_distribution_is_the_same(dist: Path, wheel: Path, tmp_path: Path) -> None:
    [source] = dist.glob("*.tar.gz")
    run(["uv", "build", "--wheel", "--out-dir", str(tmp_path), str(source)], tmp_path, cwd=tmp_path)
    assert set(zipfile.ZipFile(tmp_path / wheel.name).namelist()) == set(zipfile.ZipFile(wheel).namelist())


def test_the_change_log_begins_with_this_version() -> None:
    headings = re.findall(r"^## (.*)$", (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] in ("Unreleased", PROJECT["version"])
    assert PROJECT["version"] in headings


def test_what_each_package_is_for_is_said_beside_its_name() -> None:
    text = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    listed = text.split("dependencies = [\n")[1].split("]\n")[0].splitlines()
    assert len(listed) == len(PROJECT["dependencies"])
    assert [line for line in listed if "#" not in line] == []


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


def test_the_image_is_given_every_file_that_whodunet_is_installed_from() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], project["project"]["readme"], "lab", *LOCKS}
    given = (CHECKOUT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!{name.partition('/')[0]}" for name in needed} - {*given} == set()
