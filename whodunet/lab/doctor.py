"""What a lab needs of the machine: a sandbox is made for real, programs are looked up where a lab does.

Nothing heavy is imported, so that it answers where half of whodunet's own dependencies are missing.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from whodunet.debian_program import DebianProgram
from whodunet.lab.fixes import (
    Advice,
    ContainerOptions,
    Fix,
    Package,
    Refusal,
    RootCommands,
    of_ids,
    of_mounts,
    of_namespaces,
    of_tracking,
    of_tun,
)
from whodunet.lab.ids import own_names
from whodunet.lab.links import open_refusal
from whodunet.lab.linux import TUN
from whodunet.lab.programs import LAB_PATH, PROGRAMS, as_root, declared_programs, find_program, installing
from whodunet.lab.surroundings import Surroundings, look_around
from whodunet.lab.trial import Step

_PACKAGES: Final = {
    "ryu": "the controllers' framework",
    "mininet": "hosts and topologies",
    "pydantic": "what scenario files say",
}
_OF_PYTHON: Final = re.compile(r"\w+Error: (\[Errno \d+\] )?")
_ID_TABLES: Final = (Path("/etc/subuid"), Path("/etc/subgid"))
_FIRST_ID: Final = 100_000  # of the first range that Debian's useradd gives
_IDS: Final = 65_536
_WIDTH: Final = 80  # columns that a terminal has at least


@dataclass(frozen=True)
class Capability:
    """One thing that a lab needs, and whether this machine has it."""

    name: str
    purpose: str
    detail: str  # where or how it was found, or why not
    fix: Fix | None = None  # None: it was found
    is_optional: bool = False  # True: only some cases need it
    is_tried: bool = True  # False: something else is missing before, and nobody knows

    @property
    def is_found(self) -> bool:
        """True where nothing has to be done."""
        return self.fix is None and self.is_tried


Trial = Mapping[Step, str | None]  # why each step that was tried was refused; None where it was not


def examine() -> list[Capability]:
    """Tries every capability; changes nothing on the machine."""
    kernel = _Kernel(look_around(), try_sandbox()).capabilities()
    packages = {name: _package(name) for name in _PACKAGES}
    # Kinds of faults are pydantic models: without it, they cannot even say what they need.
    programs = declared_programs() if packages["pydantic"].is_found else PROGRAMS
    return [*kernel, *map(_program, programs), *packages.values()]


def missing(capabilities: Iterable[Capability]) -> list[Capability]:
    """Those that every lab needs and that were not found, in the same order; what was not tried is none of them."""
    return [row for row in capabilities if row.is_tried and not row.is_found and not row.is_optional]


def render(capabilities: Iterable[Capability]) -> str:
    """One capability a line, what each missing one is for and what fixes it, the sum, and one command for all."""
    rows = list(capabilities)
    width = max((len(row.name) for row in rows), default=0)
    lines = [line for row in rows for line in _lines_of(row, width)]
    lacking, absent = missing(rows), [row for row in rows if row.is_optional and not row.is_found]
    lines.append(_sum(len(rows), len(lacking), len(absent), sum(not row.is_tried for row in rows)))
    lines += _fix_of_all(lacking, "to fix that, without starting a service")
    lines += _fix_of_all(absent, "to have those, too")
    return "\n".join(lines)


def _sum(total: int, lacking: int, absent: int, untried: int) -> str:
    some = f"; {absent} more that only some cases need are not there" if absent else ""
    later = f"; {untried} more could not be tried: fix these, and ask again" if untried else ""
    needed = total - absent
    return f"{lacking} of {needed} missing{some}{later}" if lacking else f"all {needed} found{some}"


def _lines_of(row: Capability, width: int) -> list[str]:
    mark = "found  " if row.is_found else "absent " if row.is_optional else "MISSING" if row.is_tried else "untried"
    before = f"{mark}  {row.name:<{width}}  "
    # A path is never broken, nor is a name at its hyphen.
    style = textwrap.TextWrapper(_WIDTH, before, " " * len(before), break_long_words=False, break_on_hyphens=False)
    lines = style.wrap(row.detail) or [before.rstrip()]
    if row.is_found or not row.is_tried:
        return lines
    lines.append(f"{'':9}for: {row.purpose}")
    if isinstance(row.fix, RootCommands):
        lines.append(f"{'':9}fix: {as_root(*row.fix.lines)}")
    if isinstance(row.fix, ContainerOptions):
        lines.append(f"{'':9}fix: start the container with {' '.join(row.fix.options)}")
    if isinstance(row.fix, Advice):
        lines += textwrap.TextWrapper(_WIDTH, f"{'':9}fix: ", " " * 14, break_on_hyphens=False).wrap(row.fix.text)
    return lines


def _fix_of_all(rows: Sequence[Capability], heading: str) -> list[str]:
    """The one command line that does all that commands can do, and all options; nothing where that is nothing."""
    packages = [row.fix.name for row in rows if isinstance(row.fix, Package)]
    steps = [installing(packages)] if packages else []
    steps += [line for row in rows if isinstance(row.fix, RootCommands) for line in row.fix.lines]
    lines = [f"{heading}:", f"  {as_root(*dict.fromkeys(steps))}"] if steps else []
    options = [option for row in rows if isinstance(row.fix, ContainerOptions) for option in row.fix.options]
    return lines + (
        ["the container has to be started with:", f"  {' '.join(dict.fromkeys(options))}"] if options else []
    )


def _program(program: DebianProgram) -> Capability:
    path = find_program(program.name)
    detail = str(path) if path else f"not installed (package {program.package})"
    fix = None if path else Package(program.package)
    return Capability(program.name, program.purpose, detail, fix, program.is_optional)


def _package(name: str) -> Capability:
    """A Python package, found without importing it: scapy and Ryu never meet in one process (docs/licences.md)."""
    purpose = _PACKAGES[name]
    if importlib.util.find_spec(name) is None:
        return Capability(
            f"Python: {name}", purpose, "not installed", Advice("install whodunet as docs/install.md says")
        )
    return Capability(f"Python: {name}", purpose, "importable")


def _subordinate_ids() -> Capability:
    """Source: subuid(5), newuidmap(1)."""
    name, purpose = "subordinate ids", "sshd and logins need more than one user id"
    if os.geteuid() == 0:
        return Capability(name, purpose, "root's, which nobody else has")
    if find_program("newuidmap") is None or find_program("newgidmap") is None:
        return Capability(name, purpose, "newuidmap is not installed (package uidmap)", Package("uidmap"))
    user = own_names()[0]
    if user.isdecimal():
        advice = "run it as a user of /etc/passwd; a container, without --user"
        return Capability(name, purpose, f"user {user} has no account here", Advice(advice))
    without = [path for path in _ID_TABLES if not _has_range(path, user)]
    if without:
        detail = f"{user} has none in {' and '.join(map(str, without))}"
        return Capability(name, purpose, detail, RootCommands(_commands_that_give_ids(user)))
    return Capability(name, purpose, f"{user} has a range")


def _commands_that_give_ids(user: str) -> tuple[str, ...]:
    first = max([_FIRST_ID, *(end for path in _ID_TABLES for end in _ends_of_ranges(path))])
    given = f"{first}-{first + _IDS - 1}"
    absent = [str(path) for path in _ID_TABLES if not path.exists()]
    make = [f"touch {' '.join(absent)}"] if absent else []  # usermod refuses where there are none
    return (*make, f"usermod --add-subuids {given} --add-subgids {given} {user}")


def _lines(path: Path) -> list[list[str]]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line.split(":") for line in lines]


def _has_range(path: Path, user: str) -> bool:
    return any(owner in (user, str(os.getuid())) for owner, *_ in _lines(path))


def _ends_of_ranges(path: Path) -> list[int]:
    ranges = [line[1:] for line in _lines(path) if len(line) == 3 and all(map(str.isdigit, line[1:]))]
    return [int(first) + int(count) for first, count in ranges]


class _Kernel:
    """What of the kernel a lab needs, as one was made and tried."""

    def __init__(self, around: Surroundings, trial: Trial) -> None:
        self._around = around
        self._trial = trial
        self._ids = _subordinate_ids()

    def capabilities(self) -> list[Capability]:
        """In the order in which a lab needs them."""
        return [
            self._needed(Step.NAMESPACES, "user namespaces", "each lab is a sandbox of its own", "made", of_namespaces),
            self._mapped_ids(),
            self._mounts(),
            self._tun(),
            self._needed(
                Step.TRACKING, "connection tracking", "packet filters and NAT", "a connection was listed", of_tracking
            ),
            self._delayed_links(),
        ]

    def _needed(
        self,
        step: Step,
        name: str,
        purpose: str,
        done: str,
        refused: Callable[[Surroundings, str], Refusal],
    ) -> Capability:
        if step not in self._trial:
            return Capability(name, purpose, "something else has to be there first", is_tried=False)
        said = self._trial[step]
        if said is None:
            return Capability(name, purpose, done)
        refusal = refused(self._around, said)
        return Capability(name, purpose, refusal.reason, refusal.fix)

    def _mapped_ids(self) -> Capability:
        if not self._ids.is_found:
            return self._ids
        return self._needed(Step.IDS, self._ids.name, self._ids.purpose, self._ids.detail, of_ids)

    def _mounts(self) -> Capability:
        name, purpose = "own /proc and /sys", "what a lab and its hosts see of the machine"
        around = self._around
        if Step.MOUNTS not in self._trial and around.container and (around.is_masked or around.apparmor):
            refusal = of_mounts(around, "not tried")  # so that all that a container lacks is told at once
            return Capability(name, purpose, refusal.reason, refusal.fix)
        step = Step.HOSTS if self._trial.get(Step.MOUNTS, "") is None else Step.MOUNTS
        return self._needed(step, name, purpose, "mounted", of_mounts)

    def _tun(self) -> Capability:
        """Looked at as the caller, too: where there is no sandbox, nothing was tried in one."""
        purpose = "delayed links and VPN tunnels"
        refusal = open_refusal(TUN)
        place = ""
        if refusal is None and Step.TUN in self._trial:
            refusal, place = self._trial[Step.TUN], "in a lab: "
        if refusal is None:
            return Capability(TUN, purpose, "can be opened")
        is_closed = os.path.exists(TUN) and "Permission denied" in refusal
        fixed = of_tun(self._around, f"{place}{refusal}", is_closed=is_closed)
        return Capability(TUN, purpose, fixed.reason, fixed.fix)

    def _delayed_links(self) -> Capability:
        name, purpose = "delayed links", "paths as long as in life"
        refused = self._trial.get(Step.DELAY)
        if Step.DELAY in self._trial and refused is None:
            netem = self._trial[Step.NETEM]
            means = "netem" if netem is None else f"in user space (netem: {netem.removeprefix('Error: ').rstrip('.')})"
            return Capability(name, purpose, f"{means}, seen to delay")
        return Capability(name, purpose, refused or "something else has to be there first", is_tried=False)


def try_sandbox() -> Trial:
    """Makes a sandbox with hosts as a lab's are, and looks around in it."""
    command = [sys.executable, "-P", "-m", "whodunet.lab.trial"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PATH": LAB_PATH}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return read_trial(done.stdout, done.stderr, done.returncode)


def read_trial(told: str, said: str, exit_status: int) -> Trial:
    """What came of a trial.

    Args:
        told: its standard output: a line of JSON for each step.
        said: its standard error; its first line is the reason why it ended early.
    """
    trial = {Step(step): refusal for step, refusal in map(json.loads, told.splitlines())}
    untold = next((step for step in Step if step not in trial), None)
    if exit_status != 0 and untold is not None:
        reason = (said.strip().splitlines() or [f"the trial ended with status {exit_status}"])[0]
        trial[untold] = _OF_PYTHON.sub("", reason.removeprefix("whodunet: ").partition("; `whodunet doctor`")[0])
    return trial
