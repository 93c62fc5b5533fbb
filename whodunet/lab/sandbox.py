"""The sandbox: namespaces in which everything of one lab lives, and with which all of it ends.

Three processes make it. The launcher stays outside and maps ids; a second one enters the namespaces; its child is their
first process. That dies with the launcher; and with it the kernel ends every process, interface and mount.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, NoReturn

from whodunet.errors import CannotRun
from whodunet.lab import linux
from whodunet.lab.accounts import account_tables
from whodunet.lab.ids import map_sandbox
from whodunet.lab.waiting import wait_until

MACHINE_ETC: Final = "/run/machine-etc"
HOME: Final = "/run/root"  # of the sandbox's root, to whom the machine's /root may be closed
HOST_ROOT: Final = "/run/lab/root"  # where each host builds, in a mount namespace of its own, what becomes its root
# Directories that a lab writes to; it sees them empty and keeps nothing in them.
_SCRATCH_BYTES: Final = {"/run": "64m", "/tmp": "64m", "/var/tmp": "16m", "/var/log": "16m", "/dev/shm": "16m"} | {
    "/etc": "16m"
}
_STAGE: Final = "/dev/stage"  # on the lab's own /dev
_DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty", "net/tun")
# What of /proc changes the machine besides /proc/sys. Source: the default read-only paths of container runtimes.
_MACHINE_PROC: Final = ("bus", "fs", "irq", "sysrq-trigger")
_FOR_EVERYONE: Final = ("/tmp", "/var/tmp", "/dev/shm")
_WRITTEN_S: Final = 10.0
FIX: Final = "`whodunet doctor` says what this machine lacks"
CLOSED: Final = "this root may not mount, and others may not use"  # how the reason begins, followed by what
_TUN_DEVICE: Final = os.makedev(10, 200)  # Source: the kernel's Documentation/networking/tuntap.rst


def enter(
    first_process: Callable[[], int],
    visible: Iterable[Path] = (),
    before_start: Callable[[int], object] = lambda pid: None,
) -> int:
    """Starts `first_process` as the first process of a new sandbox; returns a process to wait for.

    That one ends with the first process's exit status, see `wait`. The caller becomes the launcher.

    Args:
        first_process: called inside, as root there, with the machine's files still as they are: see `hide_machine`.
        visible: directories that the sandbox's root has to be able to read, although they lie in the real root's home.
        before_start: told the process id of what all of the sandbox will descend from, before it has a descendant.

    Raises:
        CannotRun: when the kernel refuses a namespace.
    """
    entered_r, entered_w = os.pipe()
    mapped_r, mapped_w = os.pipe()
    launcher_alive, held_by_launcher = os.pipe()
    entering = os.fork()
    if entering == 0:
        os.close(held_by_launcher)
        os.close(entered_r)
        os.close(mapped_w)
        _enter(first_process, tuple(visible), entered_w, mapped_r, launcher_alive)
    for descriptor in (entered_w, mapped_r, launcher_alive):
        os.close(descriptor)
    try:
        refusal = os.read(entered_r, 4096)
        if refusal:
            raise CannotRun(f"{refusal.decode()}; {FIX}")
        before_start(entering)
        map_sandbox(entering)
        os.write(mapped_w, b"!")
    except CannotRun:
        os.close(mapped_w)
        os.waitpid(entering, 0)
        raise
    finally:
        os.close(entered_r)
    os.close(mapped_w)
    os.set_inheritable(held_by_launcher, False)  # stays open for as long as the launcher lives
    return entering


def wait(entered: int) -> int:
    """Waits for a sandbox to end; returns the exit status of its first process."""
    _, status = os.waitpid(entered, 0)
    return os.waitstatus_to_exitcode(status) & 0xFF


def _enter(
    first_process: Callable[[], int], visible: tuple[Path, ...], entered: int, mapped: int, launcher_alive: int
) -> NoReturn:
    """Makes the namespaces, has the ids mapped, and waits for the first process."""
    try:
        linux.die_with_parent()
        linux.join_new_keyring()
        if os.geteuid() == 0:
            _open_up(visible)
        linux.unshare(linux.CLONE_NEWUSER)
    except OSError as error:
        os.write(entered, (error.strerror or str(error)).encode())
        os._exit(1)
    linux.set_dumpable(True)  # or the launcher may not write this process's id maps
    os.close(entered)
    if not os.read(mapped, 1):
        os._exit(1)
    try:
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        os.setgroups([])
        others = linux.CLONE_NEWNET | linux.CLONE_NEWNS | linux.CLONE_NEWPID | linux.CLONE_NEWIPC
        linux.unshare(others | linux.CLONE_NEWUTS | linux.CLONE_NEWCGROUP)
        linux.die_with_parent()  # a change of user has taken the wish away
        first = os.fork()
    except OSError as error:
        os.write(2, f"whodunet: {error.strerror or error}; {FIX}\n".encode())
        os._exit(3)
    if first == 0:
        _be_first_process(first_process, launcher_alive)
    _, status = os.waitpid(first, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _open_up(visible: Iterable[Path]) -> None:
    """As the real root: lets the sandbox's root, who is nobody on this machine, reach what it needs.

    In a mount namespace of its own, so the machine itself is not touched. Where nothing has to be opened there is none:
    a container's root may not make one.

    Raises:
        OSError: when the kernel refuses, with what is closed.
    """
    closed: dict[Path, list[Path]] = {}
    for path in dict.fromkeys(path.resolve() for path in visible):
        first_closed = next((each for each in (*reversed(path.parents), path) if not _is_open_to_all(each)), None)
        if first_closed is not None:
            closed.setdefault(first_closed, []).append(path)
    is_tun_closed = _is_device(linux.TUN) and os.stat(linux.TUN).st_mode & 0o006 != 0o006
    if not closed and not is_tun_closed:
        return
    try:
        linux.unshare(linux.CLONE_NEWNS)
    except OSError as error:
        places = ", ".join([*map(str, closed), *([linux.TUN] if is_tun_closed else [])])
        raise OSError(error.errno, f"{CLOSED} {places}") from error
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    if is_tun_closed:
        linux.mount("lab", os.path.dirname(linux.TUN), "tmpfs", linux.MS_NOSUID, "mode=0755,size=64k")
        os.mknod(linux.TUN, stat.S_IFCHR, _TUN_DEVICE)
        os.chmod(linux.TUN, 0o666)  # as Debian has it; it makes interfaces only where one may
    for directory, inside in closed.items():
        _cover_but_for(directory, {path: os.open(path, os.O_PATH) for path in inside})


def _is_device(path: str) -> bool:
    return os.path.exists(path) and stat.S_ISCHR(os.stat(path).st_mode)


def _is_open_to_all(directory: Path) -> bool:
    return directory.stat().st_mode & 0o005 == 0o005 if directory.is_dir() else True


def _cover_but_for(directory: Path, inside: dict[Path, int]) -> None:
    """Covers a directory that only its owner may enter with one that has nothing but these paths below it."""
    linux.mount("lab", str(directory), "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=0755,size=1m")
    for path, descriptor in sorted(inside.items()):
        if path != directory and not path.exists():
            path.mkdir(mode=0o755, parents=True)
            linux.mount(f"/proc/self/fd/{descriptor}", str(path), flags=linux.MS_BIND | linux.MS_REC)
        os.close(descriptor)


def _be_first_process(first_process: Callable[[], int], launcher_alive: int) -> NoReturn:
    status = 70
    try:
        linux.die_with_parent()
        _exit_if_closed(launcher_alive)
        status = first_process()
    except Exception as error:
        os.write(2, f"whodunet: {type(error).__name__}: {error}; {FIX}\n".encode())
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


def hide_machine(keep: Iterable[Path] = ()) -> None:
    """Turns what is mounted into a read-only machine with scratch directories, an own /proc and an own /etc.

    Args:
        keep: directories that have to stay visible, wherever on the machine they lie.

    Raises:
        OSError: when the kernel refuses a mount.
    """
    kept = {path: os.open(path, os.O_PATH) for path in keep if _is_below(path, _SCRATCH_BYTES)}
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    _make_machine_read_only()
    mount_devices("/dev")
    for directory, size in _SCRATCH_BYTES.items():
        if directory == "/etc":
            _keep_machine_etc()
        cover(directory, size, {path: held for path, held in kept.items() if path.is_relative_to(directory)})
    linux.mount("devpts", "/dev/pts", "devpts", options="newinstance,ptmxmode=0666,mode=0620,gid=5")
    mount_proc("/proc")
    lock_proc("/proc")
    _furnish()


def cover(directory: str, size: str, kept: Mapping[Path, int]) -> None:
    """Covers a directory with an empty one in which only what is kept is to be found.

    At one blow: what is kept may be the modules that another process of the lab is just importing.

    Args:
        size: of what is written there, e.g. "64m".
        kept: what stays, below the directory, each with a descriptor of it, which is closed.
    """
    os.mkdir(_STAGE)
    mode = "1777" if directory in _FOR_EVERYONE else "0755"
    linux.mount("lab", _STAGE, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, f"mode={mode},size={size}")
    for path, descriptor in sorted(kept.items()):
        place = Path(_STAGE, path.relative_to(directory))
        if path == Path(directory) or not place.exists():  # else it is there with the folder around it
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                place.mkdir(parents=True, exist_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.touch()
            linux.mount(f"/proc/self/fd/{descriptor}", str(place), flags=linux.MS_BIND | linux.MS_REC)
        os.close(descriptor)
    linux.mount(_STAGE, directory, flags=linux.MS_MOVE)
    os.rmdir(_STAGE)


def _make_machine_read_only() -> None:
    """Tries again while something is being written: what imports meanwhile may just be keeping a compiled module."""

    def is_made() -> bool:
        try:
            linux.make_read_only("/")
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            return False
        return True

    wait_until(is_made, "nobody to write to the machine's files any more", _WRITTEN_S)


def mount_devices(at: str) -> None:
    """Mounts a /dev without the machine's disks and consoles; what is in it is taken from the present one."""
    devices = {name: os.open(f"/dev/{name}", os.O_PATH) for name in _DEVICES if os.path.exists(f"/dev/{name}")}
    linux.mount("lab", at, "tmpfs", linux.MS_NOSUID, "mode=0755,size=64k")
    for directory in ("net", "pts", "shm"):
        os.mkdir(f"{at}/{directory}")
    for name, descriptor in devices.items():
        Path(at, name).touch()
        linux.mount(f"/proc/self/fd/{descriptor}", f"{at}/{name}", flags=linux.MS_BIND)
        os.close(descriptor)
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
    for name, target in links.items():
        os.symlink(target, f"{at}/{name}")


def _is_below(path: Path, directories: Iterable[str]) -> bool:
    return any(path.is_relative_to(directory) for directory in directories)


def _keep_machine_etc() -> None:
    Path(MACHINE_ETC).mkdir()
    linux.mount("/etc", MACHINE_ETC, flags=linux.MS_BIND | linux.MS_REC)


def mount_proc(at: str) -> None:
    """Mounts a /proc of the PID namespace that this process is in."""
    linux.mount("proc", at, "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)


def lock_proc(at: str) -> None:
    """Has only the settings of the own network be changed in a /proc, not the machine's."""
    own_sysctls = os.open(f"{at}/sys/net", os.O_PATH)
    linux.mount(f"{at}/sys", f"{at}/sys", flags=linux.MS_BIND)
    linux.make_read_only(f"{at}/sys")
    for path in (f"{at}/{name}" for name in _MACHINE_PROC if os.path.exists(f"{at}/{name}")):
        linux.mount(path, path, flags=linux.MS_BIND)
        linux.make_read_only(path)
    linux.mount(f"/proc/self/fd/{own_sysctls}", f"{at}/sys/net", flags=linux.MS_BIND)
    os.close(own_sysctls)


def _furnish() -> None:
    """Fills /etc: the machine's files as links, and files that the lab has to own in their place."""
    own = account_tables(HOME) | {"hosts": "127.0.0.1 localhost\n", "resolv.conf": "", "hostname": "lab\n"}
    for name in os.listdir(MACHINE_ETC):
        if name not in own:
            os.symlink(f"{MACHINE_ETC}/{name}", f"/etc/{name}")
    for name, text in own.items():
        Path("/etc", name).write_text(text, encoding="utf-8")
    Path("/etc/shadow").chmod(0o600)
    for directory in ("/run/lock", "/run/openvswitch", "/var/log/openvswitch", HOST_ROOT, HOME):
        Path(directory).mkdir(parents=True, mode=0o755, exist_ok=True)
    os.environ.update(HOME=HOME, USER="root", LOGNAME="root")
