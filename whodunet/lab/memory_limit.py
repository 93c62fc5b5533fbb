"""A limit to the memory of a whole lab: a control group of its own, where this machine lets us make one.

Elsewhere each process has its own limit (`whodunet.lab.host_process`), and nobody counts their sum.
Source: the kernel's Documentation/admin-guide/cgroup-v2.rst, "Delegation" and "No Internal Process Constraint".
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from whodunet.errors import CannotRun
from whodunet.lab.waiting import wait_until

LAB_BYTES: Final = 2 << 30
_MOUNTED_AT: Final = Path("/sys/fs/cgroup")
_PREFIX: Final = "whodunet-"
_GONE_S: Final = 2.0


class MemoryLimit:
    """The control group of one lab; none where nothing is delegated to this user."""

    def __init__(self, own_groups: str | None = None, mounted_at: Path = _MOUNTED_AT) -> None:
        """Makes the group, still empty.

        Args:
            own_groups: what /proc/self/cgroup holds.
        """
        own_groups = own_groups or Path("/proc/self/cgroup").read_text(encoding="utf-8")
        self._group = next(filter(None, map(self._make_below, _delegated(own_groups, mounted_at))), None)

    @staticmethod
    def _make_below(parent: Path) -> Path | None:
        for left in parent.glob(f"{_PREFIX}*"):
            with suppress(OSError):  # a lab is in it
                left.rmdir()
        group = parent / f"{_PREFIX}{os.getpid()}"
        try:
            group.mkdir()
            (group / "memory.max").write_text(str(LAB_BYTES), encoding="ascii")
        except OSError:
            with suppress(OSError):
                group.rmdir()
            return None
        return group

    def take_in(self, pid: int) -> bool:
        """Puts a process, and all that it will start, under the limit; False where there is none."""
        if self._group is None:
            return False
        try:
            (self._group / "cgroup.procs").write_text(str(pid), encoding="ascii")
        except OSError:
            return False
        return True

    def remove(self) -> None:
        """Removes the group, once the kernel has taken the last process out of it."""
        group = self._group

        def is_gone() -> bool:
            with suppress(OSError):
                if group is not None:
                    group.rmdir()
            return group is None or not group.exists()

        with suppress(CannotRun):  # the next lab removes it
            wait_until(is_gone, "the control group to be empty", _GONE_S)


def _delegated(own_groups: str, mounted_at: Path) -> Iterator[Path]:
    """Groups in which this user may make others that have a limit of memory: the own one, and those above."""
    paths = [line.removeprefix("0::") for line in own_groups.splitlines() if line.startswith("0::")]
    for path in paths:
        own = mounted_at / path.lstrip("/")
        for group in (own, *own.parents):
            if not group.is_relative_to(mounted_at):
                return
            if os.access(group, os.W_OK) and "memory" in _handed_down(group):
                yield group


def _handed_down(group: Path) -> list[str]:
    with suppress(OSError):
        return (group / "cgroup.subtree_control").read_text(encoding="ascii").split()
    return []
