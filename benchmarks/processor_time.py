"""The processor time of a command and of all that it starts, counted by a control group of its own.

wait4(2) does not count it: what still lives when a lab ends is reaped by the kernel, with all that it had waited for,
and that is half of a lab's time. Source: the kernel's zap_pid_ns_processes, and cgroup-v2.rst, "CPU Interface Files".
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from whodunet.errors import CannotRun
from whodunet.lab.waiting import wait_until

_MOUNTED_AT: Final = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))  # alone, or beside groups of version 1
_STAT: Final = "cpu.stat"


class ProcessorTime:
    """A control group, and what ran in it."""

    def __init__(self, group: Path) -> None:
        self._group = group

    def join(self) -> None:
        """Puts the calling process, and all that it will start, into the group."""
        (self._group / "command" / "cgroup.procs").write_text("0", encoding="ascii")

    @property
    def used_s(self) -> float:
        """Seconds that all of them have used up to now, those that have ended included."""
        lines = (self._group / _STAT).read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("usage_usec")) / 1e6


@contextmanager
def counted() -> Iterator[ProcessorTime]:
    """Inside the `with`, there is a group that is empty at first.

    Raises:
        CannotRun: where this user may make none.
    """
    group = _made()
    try:
        yield ProcessorTime(group)
    finally:
        with suppress(CannotRun):  # somebody still lives in it, and is found with ps(1)
            wait_until(lambda: _is_gone(group), "the control group to be empty", 2)


def _made() -> Path:
    for above in _candidates():
        group = above / f"benchmark-{os.getpid()}"
        with suppress(OSError):
            group.mkdir()
            with suppress(OSError):  # a lab makes its own group where memory is handed down: in here, and not beside it
                (group / "cgroup.subtree_control").write_text("+memory", encoding="ascii")
            (group / "command").mkdir()
            return group
    raise CannotRun("no control group can be made here, and wait4(2) does not count all of a lab: measure as root")


def _candidates() -> Iterator[Path]:
    """The group that this process is in, and those above."""
    lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    own = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), "/").lstrip("/")
    for mounted_at in _MOUNTED_AT:
        if (mounted_at / "cgroup.procs").exists():
            yield from (
                group for group in (mounted_at / own, *(mounted_at / own).parents) if _is_below(group, mounted_at)
            )


def _is_below(group: Path, mounted_at: Path) -> bool:
    return group.is_relative_to(mounted_at) and (group / "cgroup.procs").exists()


def _is_gone(group: Path) -> bool:
    for each in (*group.glob("*/"), group):
        with suppress(OSError):
            each.rmdir()
    return not group.exists()
