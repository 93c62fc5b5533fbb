"""The machine is made read-only although somebody may just be writing to it."""

from __future__ import annotations

import errno

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
