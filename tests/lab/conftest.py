"""Live labs that tests share, and a machine of namespaces in which whatever a lab leaves behind stands out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Protocol

import pytest

from whodunet import catalogue, engine
from whodunet.errors import CannotRun
from whodunet.lab.sandboxed import SandboxedLab
from whodunet.lab.waiting import wait_until
from whodunet.loading.library import Library

ROOT: Final = Path(__file__).resolve().parents[2]
_SCRATCH: Final = ("/tmp", "/var/tmp", "/dev/shm", "/run")
_RUNTIME_FOLDER: Final = re.compile(r"/run/whodunet|/tmp/whodunet-\d+")  # stays for the user's next lab
_NUMBERS: Final = count(1)

# Bash, because it reaps the orphans that the kernel gives to a first process. It ends with its standard input.
_FIRST_PROCESS: Final = """
set -e
ip link set dev lo up
holds=()
for path in "$@"; do exec {fd}<"$path"; holds+=("$fd"); done
for directory in SCRATCH; do mount -t tmpfs -o mode=1777 machine "$directory"; done
for path in "$@"; do
    fd=${holds[0]}; holds=("${holds[@]:1}")
    case $path in /tmp/*|/var/tmp/*|/dev/shm/*|/run/*)
        mkdir -p "$path"
        mount --no-canonicalize --rbind "/proc/self/fd/$fd" "$path";;
    esac
    exec {fd}<&-
done
mkdir /tmp/home
echo ready
read -r || true
""".replace("SCRATCH", " ".join(_SCRATCH))

# A user who exists on this machine of namespaces alone; the real one's accounts and devices stay as they are.
_SETTLE: Final = """
set -e
mkdir -p /tmp/etc /tmp/guest
for file in passwd group subuid subgid; do touch /etc/$file; cp /etc/$file /tmp/etc/$file; done
echo 'guest:x:4242:4242::/tmp/guest:/bin/bash' >>/tmp/etc/passwd
echo 'guest:x:4242:' >>/tmp/etc/group
for file in subuid subgid; do echo 'guest:300000:65536' >>/tmp/etc/$file; done
for file in passwd group subuid subgid; do mount --bind /tmp/etc/$file /etc/$file; done
chown 4242:4242 /tmp/guest
mknod -m 666 /tmp/tun c 10 200
mount --bind /tmp/tun /dev/net/tun
"""
_AS_GUEST: Final = ("setpriv", "--reuid=4242", "--regid=4242", "--init-groups", "env", "HOME=/tmp/guest", "USER=guest")

Snapshot = Mapping[str, frozenset[str]]


class Machine:
    """A machine of its own for a test: it has its own processes, network, sockets, mounts and scratch directories.

    So labs that others run on the real machine neither disturb a comparison nor are disturbed by `down --all`.
    """

    command: Final = str(Path(sys.executable).with_name("whodunet"))

    def __init__(self) -> None:
        """Starts it."""
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user", "--map-auto"]
        own = [*user, "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc"]
        keep = dict.fromkeys(map(str, (ROOT, sys.prefix, sys.base_prefix)))
        command = ["unshare", *own, "bash", "-c", _FIRST_PROCESS, "bash", *keep]
        self._unshare = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._unshare.stdout is not None
        assert self._unshare.stdout.readline() == b"ready\n", "the machine of namespaces could not be made"
        self.first = children(self._unshare.pid)[0]
        self._enter = ["nsenter", f"--target={self.first}", *(["--user", "--preserve-credentials"] if user else [])]
        self._enter += ["--mount", "--pid", "--net", "--ipc", "--uts", "--"]

    def end(self) -> None:
        """Ends it, with everything in it."""
        self._unshare.kill()
        self._unshare.communicate()

    def path(self, path: str) -> Path:
        """A path of the machine, as it can be opened from here."""
        return Path(f"/proc/{self.first}/root{path}")

    def popen(self, *command: str, cwd: str = "/tmp", **options: Any) -> subprocess.Popen[str]:
        """Starts a command on the machine, in a session of its own; it heeds the signals that we may not (nohup, &)."""
        at_home = ["env", "--default-signal", "sh", "-c", 'cd "$0" && exec "$@"', cwd]
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "PYTEST_"))}
        more: dict[str, Any] = {"stdin": subprocess.DEVNULL, "env": environment | {"HOME": "/tmp/home"}} | options
        whole = [*self._enter, *at_home, *command]
        child: subprocess.Popen[str] = subprocess.Popen(whole, text=True, start_new_session=True, **more)
        return child

    def run(self, *command: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs a command on the machine to its end."""
        child = self.popen(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        out, err = child.communicate(timeout=120)
        return subprocess.CompletedProcess(command, child.returncode, out, err)

    def whodunet(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs `whodunet ARGUMENTS` on the machine."""
        return self.run(self.command, *arguments, **options)

    def interrupt(self, command: subprocess.Popen[str], number: int) -> None:
        """Signals the processes of a command as a terminal does: all of its group (not nsenter, which is our own)."""
        for process in children(command.pid):
            for member in (process, *descendants(process)):
                with suppress(ProcessLookupError):
                    if os.getpgid(member) == command.pid:
                        os.kill(member, number)

    def snapshot(self) -> Snapshot:
        """All that a lab could leave behind: compare it before and after."""
        processes = [path for path in self.path("/proc").iterdir() if path.name.isdigit()]
        return {
            "process": frozenset(filter(None, map(_describe_process, processes))),
            "namespace": frozenset(namespace for process in processes for namespace in _namespaces(process)),
            "interface": frozenset(_lines(f"/proc/{self.first}/net/dev", r"^\s*(\S+):")),
            "mount": frozenset(_lines(f"/proc/{self.first}/mountinfo", r" - .*|^\S+ \S+ \S+ \S+ (\S+)")),
            "unix socket": frozenset(_lines(f"/proc/{self.first}/net/unix", r" (\S*(?:whodunet|left-socket)\S*)$")),
            "cgroup": frozenset(folder for own in _own_cgroups() for folder, _, _ in os.walk(own)),
            "file": frozenset(file for place in _SCRATCH for file in self._files(place)),
        }

    def _files(self, place: str) -> Iterator[str]:
        root = self.path(place)
        for folder, folders, files in os.walk(root):
            here = Path(folder)
            folders[:] = [name for name in folders if not _is_kept(Path(place) / (here / name).relative_to(root))]
            found = (str(Path(place) / (here / name).relative_to(root)) for name in (*folders, *files))
            yield from (path for path in found if not _RUNTIME_FOLDER.fullmatch(path))


def settle_guest(machine: Machine) -> tuple[str, ...]:
    """Gives a machine an ordinary user; returns the words before a command that is to be that one's."""
    if not machine.path("/tmp/guest").exists():
        settled = machine.run("bash", "-c", _SETTLE)
        assert settled.returncode == 0, settled.stderr
    return _AS_GUEST


def as_ordinary_user(machine: Machine, *command: str) -> subprocess.CompletedProcess[str]:
    """As the guest, or as oneself where the suite runs as an ordinary user."""
    if os.geteuid() != 0:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    return machine.run(*settle_guest(machine), *command)


def _own_cgroups() -> Iterator[str]:
    """The control groups that this process is in; beside them the machine may make others meanwhile."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        yield from (f"/sys/fs/cgroup/{name}{path}" for name in (controllers.removeprefix("name="), "unified"))


def _is_kept(path: Path) -> bool:
    """True of what is not a lab's: the project itself, what scapy keeps for its next import."""
    return path.name in (".cache", ".config") or path in (ROOT, Path(sys.prefix), Path(sys.base_prefix))


def _describe_process(process: Path) -> str | None:
    try:
        state = re.search(r"State:\s+(\S)", (process / "status").read_text())
        command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200]
        zombie = " (zombie)" if state and state.group(1) == "Z" else ""
        return f"{process.name} {(process / 'comm').read_text().strip()}{zombie} {command}"
    except OSError:
        return None  # it has just ended


def _namespaces(process: Path) -> list[str]:
    try:
        return [os.readlink(link) for link in (process / "ns").iterdir()]
    except OSError:
        return []


def _lines(path: str, pattern: str) -> Iterator[str]:
    for line in Path(path).read_text(errors="replace").splitlines():
        found = re.search(pattern, line)
        if found:
            yield found.group(found.lastindex or 0)


def _by_parent() -> dict[int, list[int]]:
    """The children of each process, the older ones first.

    /proc/PID/task/TID/children would be quicker, and leaves some out while a thread that has made one ends.
    """
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):  # it has just ended
                after_name = (folder / "stat").read_bytes().rpartition(b")")[2].split()
                found.append((int(after_name[19]), int(folder.name), int(after_name[1])))
    by_parent: dict[int, list[int]] = {}
    for _, pid, parent in sorted(found):
        by_parent.setdefault(parent, []).append(pid)
    return by_parent


def children(pid: int) -> list[int]:
    """Processes that a process has made and not yet waited for."""
    return _by_parent().get(pid, [])


def descendants(pid: int) -> list[int]:
    """Children, their children, and so on; parents first."""
    by_parent = _by_parent()

    def below(pid: int) -> list[int]:
        direct = by_parent.get(pid, [])
        return direct + [grandchild for child in direct for grandchild in below(child)]

    return below(pid)


def command_line(pid: int) -> str:
    """A process's arguments, each with a NUL after it; nothing where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


def launcher_of(lab: str, among: Iterable[int]) -> int:
    """The launcher of a lab. Its children's command lines are its own: it is the first from above."""
    for pid in among:
        line = command_line(pid)
        if "whodunet.lab.server" in line and line.rstrip("\0").endswith(f"\0{lab}"):
            return pid
    raise AssertionError(f"{lab} has no launcher")


def left_behind(before: Snapshot, after: Snapshot) -> dict[str, list[str]]:
    """What is there now and was not before."""
    new = {kind: sorted(after[kind] - before[kind]) for kind in before}
    return {kind: things for kind, things in new.items() if things}


@contextmanager
def _leaving_nothing(machine: Machine, but: str = "$^") -> Iterator[None]:
    """Fails when something is left on the machine afterwards, other than what matches `but`."""
    before = machine.snapshot()
    yield
    left: dict[str, list[str]] = {}

    def nothing_is_left() -> bool:
        left.clear()
        for kind, things in left_behind(before, machine.snapshot()).items():
            left[kind] = [thing for thing in things if not re.search(but, thing)]
        return not any(left.values())

    with suppress(CannotRun):  # the kernel takes namespaces apart in the background
        wait_until(nothing_is_left, "the machine to be as it was before", 10)
    assert {kind: things for kind, things in left.items() if things} == {}


@pytest.fixture(scope="session")
def leaving_nothing() -> Callable[..., AbstractContextManager[None]]:
    """A context in which nothing may be left on a machine."""
    return _leaving_nothing


@pytest.fixture(scope="session")
def process_tree() -> SimpleNamespace:
    """Looks at the processes of this machine and of all within it."""
    return SimpleNamespace(
        children=children, descendants=descendants, command_line=command_line, launcher_of=launcher_of
    )


@pytest.fixture(scope="session", name="as_ordinary_user")
def _as_ordinary_user() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command on a machine as a user who is not root."""
    return as_ordinary_user


@pytest.fixture(scope="session", name="settle_guest")
def _settle_guest() -> Callable[..., tuple[str, ...]]:
    """Gives a machine an ordinary user."""
    return settle_guest


class StartLab(Protocol):
    """Brings a scenario's lab up."""

    def __call__(self, scenario: str, *, faults: bool = False, **more: Any) -> SandboxedLab: ...


def start_lab(scenario: str, *, faults: bool = False, **more: Any) -> SandboxedLab:
    """A lab of a scenario under a name that nobody else has."""
    library = Library()
    case = library.scenario(catalogue.folder("scenarios") / f"{scenario}.yaml")
    plan = engine.plan_for(case, library, f"test-{os.getpid()}-{next(_NUMBERS)}", **more)
    lab = SandboxedLab.start(plan)
    for fault in case.staging.faults if faults else ():
        lab.inject(fault)
    return lab


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """A machine that tests of the command line share."""
    machine = Machine()
    yield machine
    machine.end()


@pytest.fixture(scope="module")
def fresh_machine() -> Iterator[Machine]:
    """A machine that the tests of one file have for themselves."""
    machine = Machine()
    yield machine
    machine.end()


@pytest.fixture
def spare_machine() -> Iterator[Machine]:
    """A machine for one test to spoil."""
    machine = Machine()
    yield machine
    machine.end()


@pytest.fixture(scope="session")
def open_lab() -> Iterator[SandboxedLab]:
    """A healthy lab for tests that only look."""
    with start_lab("healthy") as lab:
        yield lab


@pytest.fixture
def own_lab() -> Iterator[SandboxedLab]:
    """A healthy lab for a test that changes it."""
    with start_lab("healthy") as lab:
        yield lab


@pytest.fixture(scope="session", name="start_lab")
def _start_lab() -> StartLab:
    """Brings labs up for the tests of a whole file."""
    return start_lab


@pytest.fixture
def new_lab() -> StartLab:
    """Brings labs up that the test itself has to stop."""
    return start_lab
