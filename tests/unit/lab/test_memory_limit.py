"""A lab's memory is limited where a control group may be made, and nothing is left of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from whodunet.lab.memory_limit import LAB_BYTES, MemoryLimit

OWN = "1:name=systemd:/\n0::/user.slice/session.scope\n"


@pytest.fixture
def mounted_at(tmp_path: Path) -> Path:
    """A folder that looks like a mounted hierarchy, of which the slice is delegated."""
    for group, enabled in (("", ""), ("user.slice", "cpu memory pids"), ("user.slice/session.scope", "")):
        folder = tmp_path / group
        folder.mkdir(exist_ok=True)
        (folder / "cgroup.subtree_control").write_text(enabled)
    return tmp_path


def test_the_group_is_made_in_the_nearest_that_hands_the_limit_down(mounted_at: Path) -> None:
    limit = MemoryLimit(OWN, mounted_at)

    group = mounted_at / f"user.slice/whodunet-{os.getpid()}"
    assert (group / "memory.max").read_text() == str(LAB_BYTES)
    assert limit.take_in(4711)
    assert (group / "cgroup.procs").read_text() == "4711"


def test_an_empty_group_that_a_killed_lab_has_left_is_removed(mounted_at: Path) -> None:
    left = mounted_at / "user.slice/whodunet-1"
    left.mkdir()

    MemoryLimit(OWN, mounted_at)

    assert not left.exists()


@pytest.mark.parametrize("own", ["", "1:name=systemd:/\n", "0::/\n", "0::/../../elsewhere\n"])
def test_without_a_delegated_group_nothing_is_made_and_nothing_fails(own: str, mounted_at: Path) -> None:
    before = sorted(mounted_at.rglob("*"))
    limit = MemoryLimit(own or "\n", mounted_at)

    assert not limit.take_in(4711)
    limit.remove()
    assert sorted(mounted_at.rglob("*")) == before
