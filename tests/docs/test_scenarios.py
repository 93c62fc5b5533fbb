"""The whole example of docs/scenarios.md, as it stands there, in a folder of its own, is a case that holds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

PAGE: Final = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text(encoding="utf-8")
FILE: Final = re.compile(r"^### [^\n]*`(?P<path>[^`\n]+)`\n\n```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
WHODUNET: Final = str(Path(sys.executable).with_name("whodunet"))


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The folder with the page's files."""
    for found in FILE.finditer(PAGE):
        file = tmp_path / found["path"]
        file.parent.mkdir(exist_ok=True)
        file.write_text(found["text"], encoding="utf-8")
    return tmp_path


def whodunet(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([WHODUNET, *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


def test_the_example_has_every_file_that_the_page_lists(example: Path) -> None:
    listed = re.findall(r"^      (?!whodunet)(\S+\.(?:py|yaml))", PAGE, re.MULTILINE)
    assert len(listed) == 9
    assert all((example / path).is_file() for path in listed)


def test_the_case_holds_with_what_lies_beside_it_and_its_record_can_be_told_elsewhere(example: Path) -> None:
    played = whodunet("run", "somewhere-on-the-way.yaml", "--keep", "record", cwd=example)
    assert played.returncode == 0, played.stdout + played.stderr
    assert "A router throws away what is for the destination, at router." in played.stdout
    elsewhere = example.parent
    (example / "record").rename(elsewhere / "record")
    shown = whodunet("show", str(elsewhere / "record"), cwd=elsewhere)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "A router throws away what is for the destination, at router." in shown.stdout


def test_the_case_holds_with_a_folder_that_is_given(example: Path) -> None:
    (example / "scenarios").mkdir()
    (example / "somewhere-on-the-way.yaml").rename(example / "scenarios/somewhere-on-the-way.yaml")
    assert whodunet("list", cwd=example).stdout.count("somewhere-on-the-way") == 0
    assert whodunet("--with", ".", "list", cwd=example).stdout.count("somewhere-on-the-way") == 1
    checked = whodunet("check", "somewhere-on-the-way", "--with", ".", cwd=example)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_case_holds_with_a_seed_and_over_ipv6(example: Path) -> None:
    checked = whodunet("check", "./somewhere-on-the-way.yaml", "--seed", "3", "--family", "ipv6", cwd=example)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "held              somewhere-on-the-way --seed 3 --family ipv6 (" in checked.stdout


def test_its_lab_knows_the_controller_that_lies_beside_the_case(example: Path) -> None:
    lab = f"page-{os.getpid()}"
    brought_up = whodunet("up", "./somewhere-on-the-way.yaml", "--as", lab, cwd=example)
    assert brought_up.returncode == 0, brought_up.stderr
    try:
        changed = whodunet("policy", "--lab", lab, "gate", "closed=[22]", cwd=example)
        assert (changed.returncode, changed.stdout) == (0, "gate has confirmed 3 flow entries\n"), changed.stderr
        refused = whodunet("policy", "--lab", lab, "gate", "open=[22]", cwd=example)
        assert refused.returncode == 2
        assert "unknown key 'open'" in refused.stderr
    finally:
        whodunet("down", "--lab", lab, cwd=example)
