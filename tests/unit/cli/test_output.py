"""Where something cannot be written is told before it is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from whodunet.cli import output


def test_a_file_on_a_file_system_with_room_can_be_written_to(tmp_path: Path) -> None:
    with open(tmp_path / "report", "wb") as file:
        output.require_room(file.fileno(), "report")


def test_a_file_that_is_open_for_reading_alone_cannot(tmp_path: Path) -> None:
    (tmp_path / "report").touch()
    with open(tmp_path / "report", "rb") as file, pytest.raises(OSError, match="report") as refused:
        output.require_room(file.fileno(), "report")
    assert refused.value.strerror == "Bad file descriptor"


def test_a_full_file_system_has_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = os.statvfs(tmp_path)
    full = os.statvfs_result([*here[:3], 0, 0, *here[5:]])
    monkeypatch.setattr(os, "fstatvfs", lambda _: full)
    with open(tmp_path / "report", "wb") as file, pytest.raises(OSError, match="No space left on device: 'report'"):
        output.require_room(file.fileno(), "report")
