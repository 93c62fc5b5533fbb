"""What a lab needs of the machine: a sandbox is made for real, programs are looked up where a lab does.

Nothing heavy is imported, so that it answers where half of whodunet's own dependencies are missing.
"""

from __future__ import annotations

import errno
import getpass
import importlib.util
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from whodunet.debian_program import DebianProgram
from whodunet.lab.programs import LAB_PATH, PROGRAMS, as_root, declared_programs, find_program, installing

TUN: Final = Path("/dev/net/tun")
_WIREFILTER: Final = ("wirefilter", "dpipe", "vde_plug2tap")
_PACKAGES: Final = {
    "ryu": "the controllers' framework",
    "mininet": "hosts and topologies",
    "pydantic": "what scenario files say",
}
_ID_TABLES: Final = (Path("/etc/subuid"), Path("/etc/subgid"))
_FIRST_ID: Final = 100_000  # of the first range that Debian's useradd gives
_IDS: Final = 65_536
_WIDTH: Final = 80  # columns that a terminal has at least


@dataclass(frozen=True)
class Package:
    """A fix: a Debian package to install."""

    name: str


@dataclass(frozen=True)
class RootCommands:
    """A fix: command lines for root, in order."""

    lines: tuple[str, ...]

    @classmethod
    def of(cls, *lines: str) -> RootCommands:
        """These lines."""
        return cls(lines)


@dataclass(frozen=True)
class Advice:
    """A fix that is not a command here."""

    text: str


Fix = Package | RootCommands | Advice


@dataclass(frozen=True)
class Capability:
    """One thing that a lab needs, and whether this machine has it."""

    name: str
    purpose: str
    detail: str  # where or how it was found, or why not
    fix: Fix | None = None  # None: it was found
    is_optional: bool = False  # True: only some cases need it

    @property
    def is_found(self) -> bool:
        """True where nothing has to be done."""
        return self.fix is None


@dataclass(frozen=True)
class Trial:
    """What came of making a lab's sandbox: reasons why not, None where all was well."""

    sandbox: str | None = None
    tun: str | None = None
    netem: str | None = None


def examine() -> list[Capability]:
    """Tries every capability; changes nothing on the machine."""
    ids, trial = _subordinate_ids(), try_sandbox()
    kernel = [ids, _sandbox(trial, ids), _tun(trial), _delayed_links(trial)]
    packages = {name: _package(name) for name in _PACKAGES}
    # Kinds of faults are pydantic models: without it, they cannot even say what they need.
    programs = declared_programs() if packages["pydantic"].is_found else PROGRAMS
    return [*kernel, *map(_program, programs), *packages.values()]


def missing(capabilities: Iterable[Capability]) -> list[Capability]:
    """Those that every lab needs and that were not found, in the same order."""
    return [capability for capability in capabilities if not capability.is_found and not capability.is_optional]


def render(capabilities: Iterable[Capability]) -> str:
    """One capability a line, what each missing one is for and what fixes it, the sum, and one command for all."""
    rows = list(capabilities)
    width = max((len(row.name) for row in rows), default=0)
    lines = [line for row in rows for line in _lines_of(row, width)]
    lacking, absent = missing(rows), [row for row in rows if row.is_optional and not row.is_found]
    lines.append(_sum(len(rows), len(lacking), len(absent)))
    lines += _fix_of_all(lacking, "to fix that, without starting a service")
    lines += _fix_of_all(absent, "to have those, too")
    return "\n".join(lines)


def _sum(total: int, lacking: int, absent: int) -> str:
    some = f"; {absent} more that only some cases need are not there" if absent else ""
    needed = total - absent
    return f"{lacking} of {needed} missing{some}" if lacking else f"all {needed} found{some}"


def _lines_of(row: Capability, width: int) -> list[str]:
    mark = "found  " if row.is_found else "absent " if row.is_optional else "MISSING"
    before = f"{mark}  {row.name:<{width}}  "
    # A path is never broken, nor is a name at its hyphen.
    style = textwrap.TextWrapper(_WIDTH, before, " " * len(before), break_long_words=False, break_on_hyphens=False)
    lines = style.wrap(row.detail) or [before.rstrip()]
    if row.is_found:
        return lines
    lines.append(f"{'':9}for: {row.purpose}")
    if isinstance(row.fix, RootCommands):
        lines.append(f"{'':9}fix: {as_root(*row.fix.lines)}")
    if isinstance(row.fix, Advice):
        lines.append(f"{'':9}fix: {row.fix.text}")
    return lines


def _fix_of_all(rows: Sequence[Capability], heading: str) -> list[str]:
    """The one command line that does all that commands can do; nothing where that is nothing."""
    packages = [row.fix.name for row in rows if isinstance(row.fix, Package)]
    steps = [installing(packages)] if packages else []
    steps += [line for row in rows if isinstance(row.fix, RootCommands) for line in row.fix.lines]
    return [f"{heading}:", f"  {as_root(*dict.fromkeys(steps))}"] if steps else []


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


def _tun(trial: Trial) -> Capability:
    name, purpose = str(TUN), "delayed links and VPN tunnels"
    if not TUN.exists():
        return Capability(name, purpose, "does not exist", RootCommands.of("modprobe tun"))
    try:
        os.close(os.open(TUN, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        line = f"chmod 666 {TUN}" if error.errno == errno.EACCES else "modprobe tun"
        return Capability(name, purpose, error.strerror or str(error), RootCommands.of(line))
    if trial.tun is not None:
        return Capability(name, purpose, f"in a lab: {trial.tun}", RootCommands.of(f"chmod 666 {TUN}"))
    return Capability(name, purpose, "can be opened")


def _subordinate_ids() -> Capability:
    """Source: subuid(5), newuidmap(1)."""
    name, purpose = "subordinate ids", "sshd and logins need more than one user id"
    if os.geteuid() == 0:
        return Capability(name, purpose, "not needed: root maps ids itself")
    if find_program("newuidmap") is None or find_program("newgidmap") is None:
        return Capability(name, purpose, "newuidmap is not installed (package uidmap)", Package("uidmap"))
    user = getpass.getuser()
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


def _delayed_links(trial: Trial) -> Capability:
    name, purpose = "netem or wirefilter", "links with a delay"
    if trial.netem is None and trial.sandbox is None:
        return Capability(name, purpose, "netem works")
    reason = trial.netem or "not tried"
    if all(find_program(program) for program in _WIREFILTER):
        return Capability(name, purpose, f"wirefilter (netem: {reason})")
    return Capability(name, purpose, f"no wirefilter (package vde2), no netem: {reason}", Package("vde2"))


def _sandbox(trial: Trial, ids: Capability) -> Capability:
    name, purpose = "user namespaces", "each lab is a sandbox of its own"
    if trial.sandbox is None:
        return Capability(name, purpose, "a lab's sandbox was made")
    setting = _closing_setting()
    if setting is None and not ids.is_found:
        return Capability(name, purpose, trial.sandbox, Advice(f"first the {ids.name}, then ask the doctor again"))
    reason, fix = setting or _why_refused()
    return Capability(name, purpose, f"{trial.sandbox}: {reason}", fix)


def try_sandbox() -> Trial:
    """Makes a sandbox as a lab's is, ids mapped and all, and looks around in it."""
    command = [sys.executable, "-P", "-m", "whodunet.lab.trial"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PATH": LAB_PATH}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        found = json.loads(done.stdout)
        return Trial(tun=found["tun"], netem=found["netem"])
    said = done.stderr.strip().splitlines() or [f"the trial ended with status {done.returncode}"]
    return Trial(sandbox=said[0].removeprefix("whodunet: ").partition(";")[0])


def _closing_setting() -> tuple[str, Fix] | None:
    """A kernel setting that forbids user namespaces, and its fix.

    Source: user_namespaces(7); the kernel's Documentation/admin-guide/sysctl/user.rst.
    """
    for setting, closed, opened in (
        ("user.max_user_namespaces", "0", "15000"),
        ("kernel.unprivileged_userns_clone", "0", "1"),
        ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
    ):
        if _sysctl(setting) == closed:
            return f"{setting} is {closed}", RootCommands.of(f"sysctl {setting}={opened}")
    return None


def _why_refused() -> tuple[str, Fix]:
    """The likeliest reason besides a setting why this machine refuses a sandbox, and its fix.

    Source: unshare(2) on EPERM; Docker's default seccomp profile and masked paths below /proc.
    """
    if _in_chroot():
        advice = "enter this system with pivot_root or a container instead"
        return "the kernel refuses them inside a chroot", Advice(advice)
    unconfined = "start the container with --security-opt seccomp=unconfined --security-opt systempaths=unconfined"
    if _is_filtered():
        return "a seccomp filter forbids them, as Docker's default profile does", Advice(unconfined)
    return "a container runtime or security module forbids them", Advice(f"in a container: {unconfined}")


def _sysctl(setting: str) -> str | None:
    """The value of a kernel setting; None where this kernel has no such setting."""
    path = Path("/proc/sys", *setting.split("."))
    return path.read_text(encoding="ascii").strip() if path.exists() else None


def _in_chroot() -> bool:
    """Whether the root directory is not the one of the mount namespace: then it is not a mount point here."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as mounts:
        if all(mount.split()[4] != "/" for mount in mounts):
            return True
    try:
        return not os.path.samefile("/proc/1/root", "/")
    except OSError:
        return False  # only root may look


def _is_filtered() -> bool:
    """Source: proc_pid_status(5), Seccomp: 2 is a filter."""
    status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    return any(line.split() == ["Seccomp:", "2"] for line in status.splitlines())
