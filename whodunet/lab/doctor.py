"""What a lab needs of the machine: each capability tried for real, with the command that fixes its absence.

Nothing heavy is imported, so that it answers where half of whodunet's own dependencies are missing.
"""

from __future__ import annotations

import errno
import getpass
import importlib.util
import os
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from whodunet.lab import linux
from whodunet.lab.programs import PROGRAMS, Program, find_program

TUN: Final = Path("/dev/net/tun")
_WIREFILTER: Final = ("wirefilter", "dpipe", "vde_plug2tap")
_SUBORDINATE_IDS: Final = "100000-165535"  # the first range that Debian's useradd gives


@dataclass(frozen=True)
class Capability:
    """One thing that a lab needs, and whether this machine has it."""

    name: str
    purpose: str
    found: bool
    detail: str  # where or how it was found, or why not
    fix: str  # the command that brings it; empty where it was found


def examine() -> list[Capability]:
    """Tries every capability; changes nothing on the machine."""
    kernel = [_user_namespaces(), _subordinate_ids(), _tun(), _delayed_links()]
    return kernel + [_program(program) for program in PROGRAMS] + [_package("ryu"), _package("mininet")]


def missing(capabilities: Iterable[Capability]) -> list[Capability]:
    """Those that were not found, in the same order."""
    return [capability for capability in capabilities if not capability.found]


def render(capabilities: Iterable[Capability]) -> str:
    """A table with one capability a line, the fix below each that is missing, and the sum."""
    rows = list(capabilities)
    name_width = max((len(row.name) for row in rows), default=0)
    purpose_width = max((len(row.purpose) for row in rows), default=0)
    lines = []
    for row in rows:
        mark = "found  " if row.found else "MISSING"
        lines.append(f"{mark}  {row.name:<{name_width}}  {row.purpose:<{purpose_width}}  {row.detail}".rstrip())
        if not row.found:
            lines.append(f"{'':7}  fix: {row.fix}")
    lacking = len(missing(rows))
    lines.append(f"{lacking} of {len(rows)} missing" if lacking else f"all {len(rows)} found")
    return "\n".join(lines)


def _capability(name: str, purpose: str, detail: str, fix: str) -> Capability:
    """One that is missing where there is a fix."""
    return Capability(name, purpose, found=not fix, detail=detail, fix=fix)


def _program(program: Program) -> Capability:
    path = find_program(program.name)
    if path is None:
        return _capability(program.name, program.purpose, f"not installed (package {program.package})", program.fix)
    return _capability(program.name, program.purpose, str(path), "")


def _package(name: str) -> Capability:
    """A Python package, found without importing it: scapy and Ryu never meet in one process (docs/licences.md)."""
    purpose = {"ryu": "the controllers' framework", "mininet": "hosts and topologies"}[name]
    if importlib.util.find_spec(name) is None:
        return _capability(f"Python: {name}", purpose, "not installed", "install whodunet as docs/install.md says")
    return _capability(f"Python: {name}", purpose, "importable", "")


def _tun() -> Capability:
    name, purpose = str(TUN), "delayed links and VPN tunnels"
    if not TUN.exists():
        return _capability(name, purpose, "does not exist", "sudo modprobe tun")
    try:
        os.close(os.open(TUN, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        fix = f"sudo chmod 666 {TUN}" if error.errno == errno.EACCES else "sudo modprobe tun"
        return _capability(name, purpose, error.strerror or str(error), fix)
    return _capability(name, purpose, "can be opened", "")


def _subordinate_ids() -> Capability:
    """Source: subuid(5), newuidmap(1)."""
    name, purpose = "subordinate ids", "sshd and logins need more than one user id"
    if os.geteuid() == 0:
        return _capability(name, purpose, "not needed: root maps ids itself", "")
    if find_program("newuidmap") is None or find_program("newgidmap") is None:
        return _capability(name, purpose, "newuidmap is not installed", "sudo apt-get install uidmap")
    user = getpass.getuser()
    without = [path for path in ("/etc/subuid", "/etc/subgid") if not _has_range(Path(path), user)]
    if without:
        fix = f"sudo usermod --add-subuids {_SUBORDINATE_IDS} --add-subgids {_SUBORDINATE_IDS} {user}"
        return _capability(name, purpose, f"{user} has none in {' and '.join(without)}", fix)
    return _capability(name, purpose, f"{user} has a range", "")


def _has_range(path: Path, user: str) -> bool:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return any(line.split(":")[0] in (user, str(os.getuid())) for line in lines)


def _delayed_links() -> Capability:
    name, purpose = "netem or wirefilter", "links with a delay"
    netem_error = _attempt(_add_netem)
    if netem_error is None:
        return _capability(name, purpose, "netem works", "")
    if all(find_program(program) for program in _WIREFILTER):
        return _capability(name, purpose, f"wirefilter (netem does not work here: {netem_error})", "")
    return _capability(name, purpose, f"no netem ({netem_error}), no wirefilter", "sudo apt-get install vde2")


def _add_netem() -> None:
    tc = find_program("tc")
    if tc is None:
        raise OSError(errno.ENOENT, "tc is not installed")
    command = [str(tc), "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]
    trial = subprocess.run(command, capture_output=True, text=True, check=False)
    if trial.returncode != 0:
        reason = trial.stderr.strip().splitlines() or [f"tc exited with {trial.returncode}"]
        raise OSError(errno.EOPNOTSUPP, reason[0])


def _user_namespaces() -> Capability:
    name, purpose = "user namespaces", "each lab is a sandbox of its own"
    error = _attempt(_mount_proc)
    if error is None:
        return _capability(name, purpose, "can be made", "")
    reason, fix = _why_refused()
    return _capability(name, purpose, f"{error}: {reason}", fix)


def _mount_proc() -> None:
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("proc", "/proc", "proc")


def _why_refused() -> tuple[str, str]:
    """The likeliest reason why this machine refuses user namespaces, and its fix.

    Source: user_namespaces(7), unshare(2) on EPERM; the kernel's Documentation/admin-guide/sysctl/user.rst;
    Docker's default seccomp profile and masked paths below /proc.
    """
    if _in_chroot():
        return "the kernel refuses them inside a chroot", "enter this system with pivot_root or a container instead"
    for setting, closed in (
        ("user.max_user_namespaces", "0"),
        ("kernel.unprivileged_userns_clone", "0"),
        ("kernel.apparmor_restrict_unprivileged_userns", "1"),
    ):
        if _sysctl(setting) == closed:
            opened = {"0": "1", "1": "0"}[closed] if setting.startswith("kernel.") else "15000"
            return f"{setting} is {closed}", f"sudo sysctl {setting}={opened}"
    unconfined = "start the container with --security-opt seccomp=unconfined --security-opt systempaths=unconfined"
    if _is_filtered():
        return "a seccomp filter forbids them, as Docker's default profile does", unconfined
    return "a container runtime or security module forbids them", f"in a container: {unconfined}"


def _sysctl(setting: str) -> str | None:
    """The value of a kernel setting; None where this kernel has no such setting."""
    path = Path("/proc/sys", *setting.split("."))
    return path.read_text(encoding="ascii").strip() if path.exists() else None


def _in_chroot() -> bool:
    """Whether the root directory is not the one of the mount namespace: then it is no mount point here."""
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


def _attempt(trial: Callable[[], None]) -> str | None:
    """Calls `trial` as root of throw-away user, mount, network and PID namespaces.

    Returns:
        What was refused, in the kernel's words; None when all of it worked.
    """
    return _call_in_child(lambda: _enter_namespaces_and_call(trial))


def _call_in_child(trial: Callable[[], None]) -> str | None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os._exit(_report(writing, trial))
    os.close(writing)
    with open(reading, encoding="utf-8") as report:
        error = report.read()
    _, status = os.waitpid(child, 0)
    return error or (f"the trial ended with status {status}" if status else None)


def _report(writing: int, trial: Callable[[], None]) -> int:
    """Runs in a forked child: no exception may leave it."""
    try:
        trial()
    except OSError as error:
        os.write(writing, (error.strerror or str(error)).encode())
        return 1
    except BaseException as error:  # whatever it is, the parent has to hear of it
        os.write(writing, repr(error).encode())
        return 1
    return 0


def _enter_namespaces_and_call(trial: Callable[[], None]) -> None:
    maps = {"setgroups": "deny", "uid_map": f"0 {os.geteuid()} 1", "gid_map": f"0 {os.getegid()} 1"}
    linux.unshare(linux.CLONE_NEWUSER)
    for name, text in maps.items():
        Path("/proc/self", name).write_text(text, encoding="ascii")
    linux.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWNET | linux.CLONE_NEWPID)
    error = _call_in_child(trial)  # a new PID namespace begins with the next child
    if error:
        raise OSError(errno.EPERM, error)
