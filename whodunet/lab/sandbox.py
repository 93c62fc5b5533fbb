"""The sandbox: namespaces in which everything of one lab lives, and with which all of it ends.

Three processes make it. The launcher enters the namespaces; PID 1 reaps orphans; the server is the lab. PID 1 ends when
the server ends, and dies with the launcher; and with PID 1 the kernel ends every process, interface and mount.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from whodunet.core.errors import CannotRun
from whodunet.lab import linux
from whodunet.lab.programs import require_program

HOMES: Final = "/run/home"
MACHINE_ETC: Final = "/run/machine-etc"
# Directories that a lab writes to; it sees them empty and keeps nothing in them.
_SCRATCH: Final = ("/run", "/tmp", "/var/tmp", "/var/log", "/dev/shm", "/etc")
_DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty", "net/tun")
# What of /proc changes the machine besides /proc/sys. Source: the default read-only paths of container runtimes.
_MACHINE_PROC: Final = ("bus", "fs", "irq", "sysrq-trigger")
_FOR_EVERYONE: Final = ("/tmp", "/var/tmp", "/dev/shm")
_FIX: Final = "`whodunet doctor` says what this machine lacks"
_TABLES: Final = ("passwd", "group", "shadow", "services", "protocols")


@dataclass(frozen=True)
class Account:
    """A user of every host of the lab; the id is the same everywhere."""

    name: str
    uid: int
    home: str
    shell: str = "/usr/sbin/nologin"

    @property
    def has_files(self) -> bool:
        """True when each host keeps a home directory for it."""
        return self.home.startswith(HOMES)


ACCOUNTS: Final = {
    account.name: account
    for account in (
        Account("root", 0, f"{HOMES}/root", "/bin/bash"),
        Account("sshd", 100, "/run/sshd"),
        Account("tcpdump", 101, "/nonexistent"),  # what tcpdump becomes once its socket is open
        Account("ec2-user", 1000, f"{HOMES}/ec2-user", "/bin/bash"),
        Account("ssm-user", 1001, f"{HOMES}/ssm-user", "/bin/sh"),  # whose shell Session Manager opens
        Account("nobody", 65534, "/nonexistent"),
    )
}


def launch(server: Callable[[], int], keep: Iterable[Path]) -> NoReturn:
    """Runs `server` as the lab of a new sandbox; the calling process becomes its launcher and exits with its status.

    Args:
        server: called inside; what it returns is the exit status.
        keep: directories that have to stay visible inside, wherever on the machine they lie.

    Raises:
        CannotRun: when the kernel refuses a namespace or a mount.
    """
    _enter_user_namespace()
    try:
        others = linux.CLONE_NEWNET | linux.CLONE_NEWNS | linux.CLONE_NEWPID | linux.CLONE_NEWIPC
        linux.unshare(others | linux.CLONE_NEWUTS | linux.CLONE_NEWCGROUP)
    except OSError as error:
        raise linux.errors_as_cannot_run(error, _FIX) from error
    launcher_alive, held_by_launcher = os.pipe()
    first = os.fork()
    if first == 0:
        os.close(held_by_launcher)
        _be_first_process(server, tuple(keep), launcher_alive)
    os.close(launcher_alive)
    _, status = os.waitpid(first, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _enter_user_namespace() -> None:
    """Becomes root of a new user namespace whose ids are mapped from outside, where that right is."""
    entered_r, entered_w = os.pipe()
    launcher = os.getpid()
    mapper = os.fork()
    if mapper == 0:
        os.close(entered_w)
        os._exit(_map_ids_when_entered(entered_r, launcher))
    try:
        linux.unshare(linux.CLONE_NEWUSER)
    except OSError as error:
        os.kill(mapper, 9)
        os.waitpid(mapper, 0)
        raise linux.errors_as_cannot_run(error, _FIX) from error
    os.write(entered_w, b"!")
    os.close(entered_w)
    os.close(entered_r)
    _, status = os.waitpid(mapper, 0)
    if status != 0:
        raise CannotRun(f"user and group ids could not be mapped into a user namespace; {_FIX}")
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    os.setgroups([])


def _map_ids_when_entered(entered: int, launcher: int) -> int:
    if not os.read(entered, 1):
        return 1  # the launcher died before it entered
    try:
        if os.geteuid() == 0:
            for kind, mapping in linux.read_identity_maps().items():
                Path(f"/proc/{launcher}/{kind}_map").write_text(mapping, encoding="ascii")
        else:
            _map_subordinate_ids(launcher)
    except (OSError, subprocess.CalledProcessError, CannotRun) as error:
        os.write(2, f"whodunet: {error}\n".encode())
        return 1
    return 0


def _map_subordinate_ids(launcher: int) -> None:
    """Maps the user to root and its subordinate ids to 1 and up. Source: newuidmap(1), subuid(5)."""
    own_ids = {"uid": os.getuid(), "gid": os.getgid()}
    for kind, own in own_ids.items():
        first, count = _subordinate_range(kind)
        mapping = ["0", str(own), "1", "1", str(first), str(count)]
        program = require_program(f"new{kind}map")
        subprocess.run([str(program), str(launcher), *mapping], check=True)


def _subordinate_range(kind: str) -> tuple[int, int]:
    import pwd

    account = pwd.getpwuid(os.getuid())
    path = Path(f"/etc/sub{kind}")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for owner, first, count in (line.split(":") for line in lines if line.count(":") == 2):
        if owner in (account.pw_name, str(account.pw_uid)):
            return int(first), int(count)
    raise CannotRun(f"{path} has no line for {account.pw_name}; {_FIX}")


def _be_first_process(server: Callable[[], int], keep: tuple[Path, ...], launcher_alive: int) -> NoReturn:
    """PID 1: prepares the mounts, starts the server, reaps orphans, ends with the server."""
    status = 70
    try:
        linux.die_with_parent()
        _exit_if_closed(launcher_alive)
        _prepare_mounts(keep)
        child = os.fork()
        if child == 0:
            os._exit(server())  # an exception here is reported below
        status = linux.reap_until_end_of(child)
    except Exception as error:
        os.write(2, f"whodunet: {type(error).__name__}: {error}; {_FIX}\n".encode())
    finally:
        os._exit(status)


def _exit_if_closed(pipe: int) -> None:
    """Ends this process when the launcher died before the death signal was asked for."""
    os.set_blocking(pipe, False)
    try:
        if os.read(pipe, 1) == b"":
            os._exit(1)
    except BlockingIOError:
        return


def _prepare_mounts(keep: tuple[Path, ...]) -> None:
    """A read-only machine with scratch directories, an own /proc and an own /etc."""
    kept = {path: os.open(path, os.O_PATH) for path in keep if _is_below(path, _SCRATCH)}
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    linux.make_read_only("/")
    _mount_devices()
    for directory in _SCRATCH:
        if directory == "/etc":
            _keep_machine_etc()
        mode = "1777" if directory in _FOR_EVERYONE else "0755"
        linux.mount("lab", directory, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, f"mode={mode}")
    for path, descriptor in kept.items():
        path.mkdir(parents=True, exist_ok=True)
        linux.mount(f"/proc/self/fd/{descriptor}", str(path), flags=linux.MS_BIND | linux.MS_REC)
    linux.mount("devpts", "/dev/pts", "devpts", options="newinstance,ptmxmode=0666,mode=0620,gid=5")
    _mount_proc()
    _furnish()


def _mount_devices() -> None:
    """A /dev without the machine's disks and consoles, which the machine's root could write to from inside."""
    there = [name for name in _DEVICES if os.path.exists(f"/dev/{name}")]
    devices = {name: os.open(f"/dev/{name}", os.O_PATH) for name in there}
    linux.mount("lab", "/dev", "tmpfs", linux.MS_NOSUID, "mode=0755")
    for directory in ("net", "pts", "shm"):
        os.mkdir(f"/dev/{directory}")
    for name, descriptor in devices.items():
        Path("/dev", name).touch()
        linux.mount(f"/proc/self/fd/{descriptor}", f"/dev/{name}", flags=linux.MS_BIND)
        os.close(descriptor)
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
    for name, target in links.items():
        os.symlink(target, f"/dev/{name}")


def _is_below(path: Path, directories: Iterable[str]) -> bool:
    return any(path.is_relative_to(directory) for directory in directories)


def _keep_machine_etc() -> None:
    Path(MACHINE_ETC).mkdir()
    linux.mount("/etc", MACHINE_ETC, flags=linux.MS_BIND | linux.MS_REC)


def _mount_proc() -> None:
    """An own /proc, in which only the settings of the lab's own networks can be changed, not the machine's."""
    linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV)
    own_sysctls = os.open("/proc/sys/net", os.O_PATH)
    linux.mount("/proc/sys", "/proc/sys", flags=linux.MS_BIND)
    linux.make_read_only("/proc/sys")
    for path in (f"/proc/{name}" for name in _MACHINE_PROC if os.path.exists(f"/proc/{name}")):
        linux.mount(path, path, flags=linux.MS_BIND)
        linux.make_read_only(path)
    linux.mount(f"/proc/self/fd/{own_sysctls}", "/proc/sys/net", flags=linux.MS_BIND)


def _furnish() -> None:
    """Fills /etc: the machine's entries as links, and files that the lab has to own in their place."""
    own = _own_files()
    for name in os.listdir(MACHINE_ETC):
        if name not in _own_names(own):
            os.symlink(f"{MACHINE_ETC}/{name}", f"/etc/{name}")
    for name, text in own.items():
        path = Path("/etc", name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    Path("/etc/shadow").chmod(0o600)
    for directory in ("/run/sshd", "/run/lock", "/run/openvswitch", "/var/log/openvswitch", "/run/lab/log"):
        Path(directory).mkdir(parents=True, mode=0o755, exist_ok=True)
    for account in (account for account in ACCOUNTS.values() if account.has_files):
        Path(account.home).mkdir(parents=True, mode=0o700)
        os.chown(account.home, account.uid, account.uid)
    os.environ.update(HOME=f"{HOMES}/root", USER="root", LOGNAME="root")


def _own_names(own: Iterable[str]) -> set[str]:
    return {name.partition("/")[0] for name in own}


def _own_files() -> dict[str, str]:
    """Accounts, because an ordinary user cannot read the machine's; names, because each host has its own."""
    accounts = ACCOUNTS.values()
    return {
        "passwd": "".join(f"{one.name}:x:{one.uid}:{one.uid}::{one.home}:{one.shell}\n" for one in accounts),
        "group": "".join(f"{one.name}:x:{one.uid}:\n" for one in accounts) + "tty:x:5:\n",
        "shadow": "".join(f"{one.name}:*:19000::::::\n" for one in accounts),
        "nsswitch.conf": "".join(f"{table}: files\n" for table in _TABLES) + "hosts: files dns\n",
        "hosts": "127.0.0.1 localhost\n",
        "resolv.conf": "",
        "hostname": "lab\n",
        "host.conf": "multi on\n",
        # ssh refuses the machine's file where its owner has no id in the lab, as in an ordinary user's.
        "ssh/ssh_config": "Host *\n    HashKnownHosts no\n",
    }
