"""The README's commands run and print what it shows, in its order; its files are the ones that they run on.

A ```console block holds commands after `$ ` and lines that have to appear in their output, in that order. There `...`
stands for anything, times and numbers that differ from run to run for others of their form, and `# exits with N` for a
status. What such a test would take too long for stands in ```sh and ```text blocks.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
PROGRAMS = Path(sys.executable).parent
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DEADLINE_S = 120.0  # for each command; on an idle machine all take less than a minute together
# What differs from run to run, as it looks in the README, and what stands for it.
VARIES = (
    (r"\d\d:\d\d:\d\d\.\d{6}", r"\d\d:\d\d:\d\d\.\d{6}"),  # tcpdump's clock
    (r"(?<=10\.8\.0\.10\.)\d{5}", r"\d+"),  # the client's port
    (r"\b\d{8,10}\b", r"\d+"),  # a sequence number
    (r"(?<![\d.])\d+\.\d(?![\d.])", r"\d+\.\d"),  # milliseconds, seconds
    (r"(?<=after )\d+(?= ms)", r"\d+"),
    (r"─+", "─+"),  # as wide as the numbers left of it let it be
    (r"\.\.\.", ".*"),
)


@dataclass(frozen=True)
class Command:
    """A command of the README, with what it shows of it."""

    text: str
    shown: tuple[str, ...]

    @property
    def exit_status(self) -> int:
        """The status that it has to end with."""
        said = re.search(r"# exits with (\d+)$", self.text)
        return int(said[1]) if said else 0


def commands() -> Iterator[Command]:
    """All commands, in the README's order."""
    for language, body in FENCED.findall(README):
        if language == "console":
            for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                text, *shown = part.splitlines()
                yield Command(text, tuple(line for line in shown if line.strip() not in ("", "...")))


def pattern(line: str) -> str:
    """A line of the README as a regular expression; runs of blanks count as one."""
    one_of = re.compile("|".join(f"({form})" for form, _ in VARIES))
    found: list[str] = []
    place = 0
    for match in one_of.finditer(line):
        found += [re.escape(line[place : match.start()]), VARIES[(match.lastindex or 1) - 1][1]]
        place = match.end()
    found.append(re.escape(line[place:]))
    return re.sub(r"(\\ )+", r"\\s+", "".join(found).strip())


def missing(shown: tuple[str, ...], printed: str) -> list[str]:
    """The shown lines that the output lacks, or has too early."""
    lines = iter(printed.splitlines())
    return [line for line in shown if not any(re.search(pattern(line.strip()), each) for each in lines)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with the files that the README gives a name in their first line."""
    for _, body in FENCED.findall(README):
        named = re.match(r"# ([\w.-]+)\n", body)
        if named:
            (tmp_path / named[1]).write_text(body, encoding="utf-8")
    return tmp_path


def run(text: str, home: Path) -> subprocess.CompletedProcess[str]:
    """What a command does; `./lab` is the installed one, and its labs are in a folder that nobody else's are in."""
    environment = os.environ | {
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "XDG_STATE_HOME": str(home / "state"),
        "WHODUNET_RUNTIME_DIR": str(home / "labs"),
        "WHODUNET_CALLED_AS": "./lab",
        "COLUMNS": "80",
        "PYTHONUTF8": "1",
    }
    return subprocess.run(
        ["bash", "-c", re.sub(r"^\./lab ", "whodunet ", text)],
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def test_the_commands_run_in_order_and_print_what_is_shown(home: Path) -> None:
    try:
        for command in commands():
            done = run(command.text, home)
            assert done.returncode == command.exit_status, f"{command.text}\n{done.stdout}"
            assert not missing(command.shown, done.stdout), f"{command.text}\n{done.stdout}"
    finally:
        run("whodunet down --all", home)


def test_the_drawing_is_the_topologys_own() -> None:
    source = (CHECKOUT / "topologies" / "corporate_vpn.py").read_text(encoding="utf-8")
    [drawing] = [body for _, body in FENCED.findall(README) if body.lstrip().startswith("corp-dns")]

    assert drawing in source


def test_every_file_that_is_pointed_to_exists() -> None:
    pages = [CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))]

    assert [
        f"{page.name}: {link}" for page, link in links if "://" not in link and not (page.parent / link).exists()
    ] == []


def test_a_line_that_does_not_appear_is_noticed() -> None:
    assert missing(("a 1.5 ms b", "c"), "a 27.0 ms b\nc\n") == []
    assert missing(("a 1.5 ms b", "c"), "c\na 27.0 ms b\n") == ["c"]
    assert missing(("10.0.1.10 via",), "10.0.1.11 via\n") == ["10.0.1.10 via"]
