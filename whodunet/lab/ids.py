"""Which ids of the machine stand behind the ids 0 to 65535 of a sandbox: never those that somebody else has.

An ordinary user's sandbox has the user as its root, and the user's subordinate ids. Root's has ids that nobody uses.
Source: user_namespaces(7), subuid(5), newuidmap(1).
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from whodunet.errors import CannotRun
from whodunet.lab.programs import require_program

KINDS: Final = ("uid", "gid")
_COUNT: Final = 65536
_NOBODY: Final = 65534
_ROOTS_FIRST: Final = 2_000_000  # behind what Debian hands out as subordinate ids to the first users
_FIX: Final = "`whodunet doctor` says what this machine lacks"


@dataclass(frozen=True)
class Extent:
    """A line of an id map: `count` ids from `inside` on are those from `outside` on."""

    inside: int
    outside: int
    count: int

    def __str__(self) -> str:
        return f"{self.inside} {self.outside} {self.count}\n"


def extents(kind: str) -> list[Extent]:
    """The id map of the user namespace that this process is in."""
    lines = Path(f"/proc/self/{kind}_map").read_text(encoding="ascii").splitlines()
    return [Extent(*map(int, line.split())) for line in lines]


def identity_map(kind: str) -> str:
    """The map that maps every id of this user namespace to itself; no line of it may cross a border of the own map."""
    return "".join(str(Extent(each.inside, each.inside, each.count)) for each in extents(kind))


def map_sandbox(pid: int) -> None:
    """Maps ids into the user namespace that a process has just made.

    Raises:
        CannotRun: when this user has no ids to give, or the kernel refuses them.
    """
    try:
        if os.geteuid() == 0:
            for kind in KINDS:
                taken = _subordinate_ranges(kind)
                lines = unused_ids(extents(kind), taken)
                Path(f"/proc/{pid}/{kind}_map").write_text("".join(map(str, lines)), encoding="ascii")
        else:
            for kind, own in (("uid", os.getuid()), ("gid", os.getgid())):
                _map_own_and_subordinate(pid, kind, own)
    except OSError as error:
        raise CannotRun(f"user and group ids could not be mapped into a user namespace: {error}; {_FIX}") from error


def unused_ids(available: Sequence[Extent], taken: Iterable[range]) -> list[Extent]:
    """A sandbox's map of ids that nobody uses.

    Args:
        available: the map of the namespace that the ids are to come from.
        taken: ranges that are somebody's.

    Returns:
        65536 ids beyond all users' where there are so many, else the upper half of what there is: in a container that
        was given 65536 itself, nobody is there.
    """
    taken = list(taken)
    last = max(each.inside + each.count for each in available)
    for first in count(_ROOTS_FIRST, _COUNT):
        wanted = range(first, first + _COUNT)
        if wanted.stop > last:
            break
        if _is_within(wanted, available) and not any(_overlap(wanted, each) for each in taken):
            return [Extent(0, first, _COUNT)]
    widest = max(available, key=lambda each: each.count)
    half = min(widest.count // 2, _NOBODY)
    first = widest.inside + widest.count - half
    return [Extent(0, first, half - 1), Extent(_NOBODY, first + half - 1, 1)]


def _is_within(wanted: range, available: Sequence[Extent]) -> bool:
    return any(each.inside <= wanted.start and wanted.stop <= each.inside + each.count for each in available)


def _overlap(one: range, other: range) -> bool:
    return one.start < other.stop and other.start < one.stop


def own_names() -> tuple[str, ...]:
    """By what /etc/subuid may call this user: the name, where the user has an account, and the number."""
    number = os.getuid()
    with suppress(KeyError):
        return (pwd.getpwuid(number).pw_name, str(number))
    return (str(number),)


def _map_own_and_subordinate(pid: int, kind: str, own: int) -> None:
    names = own_names()
    for owner, found in _subordinate_lines(kind):
        if owner in names:
            mapping = ["0", str(own), "1", "1", str(found.start), str(len(found))]
            program = str(require_program(f"new{kind}map"))
            if status := os.spawnv(os.P_WAIT, program, [program, str(pid), *mapping]):  # noqa: S606 - no shell
                raise CannotRun(f"{program} {pid} {' '.join(mapping)} ended with exit status {status}; {_FIX}")
            return
    raise CannotRun(f"/etc/sub{kind} has no line for {names[0]}; {_FIX}")


def _subordinate_ranges(kind: str) -> list[range]:
    return [found for _, found in _subordinate_lines(kind)]


def _subordinate_lines(kind: str) -> Iterator[tuple[str, range]]:
    path = Path(f"/etc/sub{kind}")
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        owner, *numbers = line.split(":")
        if len(numbers) == 2 and all(number.isdecimal() for number in numbers):
            first, length = map(int, numbers)
            yield owner, range(first, first + length)
