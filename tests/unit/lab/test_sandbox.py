"""The machine is made read-only although somebody may just be writing to it; root opens up no more than it has to."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from whodunet.lab import linux, sandbox


def refuse(times: int, code: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Has the kernel refuse so often; the mounts that it was asked for."""
    asked: list[str] = []

    def make_read_only(target: str) -> None:
        asked.append(target)
        if len(asked) <= times:
            raise OSError(code, "refused")

    monkeypatch.setattr(linux, "make_read_only", make_read_only)
    return asked


def test_a_machine_that_is_just_written_to_is_made_read_only_a_moment_later(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = refuse(2, errno.EBUSY, monkeypatch)
    sandbox._make_machine_read_only()
    assert asked == ["/"] * 3


def test_a_kernel_that_cannot_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = refuse(1, errno.EPERM, monkeypatch)
    with pytest.raises(OSError, match="refused"):
        sandbox._make_machine_read_only()
    assert asked == ["/"]


@pytest.fixture
def root_who_may_not_mount(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a container's: with no device that is closed."""

    def refuse(flags: int) -> None:
        raise PermissionError(errno.EPERM, "unshare: Operation not permitted")

    monkeypatch.setattr(linux, "unshare", refuse)
    monkeypatch.setattr(sandbox, "_is_device", lambda path: False)


@pytest.mark.usefixtures("root_who_may_not_mount")
def test_where_all_is_open_root_need_not_be_able_to_mount() -> None:
    sandbox._open_up([Path("/usr")])


@pytest.mark.usefixtures("root_who_may_not_mount")
def test_a_root_who_may_not_mount_is_told_what_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_is_open_to_all", lambda directory: directory != tmp_path)
    with pytest.raises(OSError, match=f"this root may not mount, and others may not use {tmp_path}$"):
        sandbox._open_up([tmp_path / "checkout"])
