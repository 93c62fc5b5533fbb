"""A bare sandbox: namespaces and a private Open vSwitch, for other people's Mininet scripts and test suites."""

from __future__ import annotations

import fnmatch
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

from whodunet import catalogue
from whodunet.errors import CannotRun, WhodunetError
from whodunet.lab import linux, openvswitch, sandbox
from whodunet.lab.processes import LOGS, check, environment
from whodunet.lab.programs import LAB_PATH

_PROGRAMS: Final = Path("/run/lab/bin")
_PYTHON: Final = Path("/run/lab/python")
_MODULES: Final = Path("/run/lab/modules")
_DEBIANS_MININET: Final = Path("/usr/lib/python3/dist-packages/mininet")
# Last on the path of any Python, so that every one can import what topologies are made of, and its own comes first.
_SITE_CUSTOMIZE: Final = f"import sys\n\nsys.path.append({str(_MODULES)!r})\n"
_SCRATCH: Final = tuple(map(Path, ("/tmp", "/var/tmp", "/dev/shm")))  # noqa: S108 - the sandbox has its own
_OF_THE_SYSTEM: Final = tuple(map(Path, ("/usr", "/bin", "/sbin", "/lib", "/etc", "/dev", "/proc", "/sys", "/run")))
# Scripts ask for bridges with the kernel's datapath, which may not be there and is not ours to load.
_USERSPACE_VSCTL: Final = """\
#!/bin/bash
bridges=()
for word; do
  [ "$previous" = add-br ] && bridges+=(-- set Bridge "$word" datapath_type=netdev)
  previous=$word
done
exec /usr/bin/ovs-vsctl "$@" "${bridges[@]}"
"""
# The name of the controller that Mininet starts by default: `controller ... ptcp:PORT`, or `ptcp:` for the old port.
_LEARNING_SWITCH: Final = """\
#!/bin/bash
address=${{!#}}
port=${{address##*:}}
listen=127.0.0.1:${{port:-{old_port}}}
exec {python} -P {ryu_app} --listen $listen --app whodunet.lab.relearning_switch < <(exec sleep infinity)
"""
# Mininet looks for a remote controller with telnet, and falls over bytes of its greeting that are no UTF-8.
_TELNET: Final = """\
#!/bin/bash
/usr/bin/telnet "$@" | LC_ALL=C tr -cd '\\n\\r\\t -~'
"""
# Where a RemoteController looks: OpenFlow's port, then the one from before it had one.
_REMOTE: Final = "127.0.0.1:6653"
_OLD_PORT: Final = 6633
# Folders of /etc that scripts write to, or from which sshd takes keys of its own: Mininet's NAT adds a line to
# network/interfaces. The rest of /etc is the machine's.
_OWN_SETTINGS: Final = ("network", "ssh")
_HOST_KEYS: Final = "ssh_host_*"


def run(command: Sequence[str], controller: str | None = None) -> NoReturn:
    """Runs a command in a sandbox of its own and exits with its status; nothing of either is left.

    Besides the system it sees the current directory, the programs on the caller's PATH, and every file or folder that
    is named on the command line.

    Args:
        command: the command and its arguments.
        controller: a Ryu app, a file or a module, to run where a RemoteController looks for it.

    Raises:
        CannotRun: when the kernel refuses a namespace or a mount.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command
    # Last our own Python's: Debian has no program called python.
    directory, path = Path.cwd(), f"{os.environ.get('PATH', '')}:{LAB_PATH}:{sys.prefix}/bin"
    named = [Path(word).resolve() for word in (*command, controller or "") if os.path.exists(word)]
    loose = {file: file.open("rb") for file in _loose_files(named)}
    folders = dict.fromkeys([directory, *(place if place.is_dir() else place.parent for place in named)])
    closed = [folder for folder in folders if _is_closed(folder)]
    own = (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).resolve().parents[2])
    keep = dict.fromkeys((*own, *filter(_is_of_a_person, (*folders, *_homes_of_programs(command[0], path)))))

    def be_first() -> int:
        sandbox.hide_machine(keep)
        _open_var()
        LOGS.mkdir(parents=True)
        for folder in closed:
            linux.mount("lab", str(folder), "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=0755,size=64m")
        _copy(loose)
        child = os.fork()
        if child == 0:
            os._exit(_inside(command, directory, path, controller))
        return linux.reap_until_end_of(child)

    sys.exit(sandbox.wait(sandbox.enter(be_first, keep)))


def _open_var() -> None:
    """Has /var take new entries beside the machine's: hosts of Mininet's may have private directories there."""
    entries = list(os.scandir("/var"))
    links = {each.path: os.readlink(each) for each in entries if each.is_symlink()}
    directories = {Path(each): os.open(each, os.O_PATH) for each in entries if each.path not in links}
    sandbox.cover("/var", "16m", directories)
    for path, target in links.items():
        os.symlink(target, path)


def _loose_files(named: Sequence[Path]) -> set[Path]:
    """Files whose folder the sandbox has an own and empty one of, and the modules that lie beside them; see `_copy`."""
    loose = {file for file in named if file.is_file() and (file.parent in _SCRATCH or _is_closed(file.parent))}
    modules = {module for file in loose if file.suffix == ".py" for module in file.parent.glob("*.py")}
    return loose | {module for module in modules if module.is_file() and os.access(module, os.R_OK)}


def _is_closed(folder: Path) -> bool:
    """Whether the root of root's sandbox, who is nobody on this machine, may not enter or list a folder."""
    return os.geteuid() == 0 and folder not in _SCRATCH and folder.stat().st_mode & 0o005 != 0o005


def _copy(loose: Mapping[Path, BinaryIO]) -> None:
    """Copies files in. The machine's whole /tmp is not mounted: Mininet's own clean-up deletes there."""
    for file, content in loose.items():
        with file.open("wb") as copy:
            shutil.copyfileobj(content, copy)
        file.chmod(os.fstat(content.fileno()).st_mode & 0o777)


def _is_of_a_person(place: Path) -> bool:
    """Neither part of the system, which is there anyway, nor a whole scratch directory: the sandbox has its own."""
    return place not in (*_SCRATCH, Path("/")) and not any(place.is_relative_to(system) for system in _OF_THE_SYSTEM)


def _homes_of_programs(program: str, path: str) -> Iterator[Path]:
    """Folders in which the caller's programs lie, with the lib, the libexec or the pyvenv.cfg beside them."""
    places = [Path(entry).absolute() for entry in path.split(":") if entry and os.path.isdir(entry)]
    found = shutil.which(program, path=path)
    for place in [*places, Path(found).resolve().parent] if found else places:
        yield place if place.parent == Path.home() else place.parent


def _inside(command: Sequence[str], directory: Path, path: str, controller: str | None) -> int:
    try:
        check(["ip", "link", "set", "dev", "lo", "up"])
        _furnish_etc()
        openvswitch.start(lambda _: None, finishes_checksums=True)  # a plain Mininet's hosts leave them open
        _install("ovs-vsctl", _USERSPACE_VSCTL)
        ryu_app = catalogue.folder("controllers") / "ryu_app.py"
        _install("controller", _LEARNING_SWITCH.format(python=sys.executable, ryu_app=ryu_app, old_port=_OLD_PORT))
        _install("telnet", _TELNET)
        _install_modules()
        of_the_terminal = {"TERM": os.environ.get("TERM", "dumb"), "SHELL": "/bin/bash"}
        settings = environment(PATH=f"{_PROGRAMS}:{path}", PYTHONPATH=str(_PYTHON), **of_the_terminal)
        if controller:
            _start_controller(ryu_app, controller)
        heed_interrupts = ["env", "--default-signal=INT"]
        child = subprocess.Popen([*heed_interrupts, *command], cwd=directory, env=settings)
    except (OSError, WhodunetError) as error:
        os.write(2, f"whodunet: {error}\n".encode())
        return 3
    status = child.wait()
    return status if status >= 0 else 128 - status


def _furnish_etc() -> None:
    """Gives the sandbox's root a copy of the folders that it has to own, and sshd what it needs to start."""
    for name in _OWN_SETTINGS:
        machine, own = Path(sandbox.MACHINE_ETC, name), Path("/etc", name)
        own.unlink(missing_ok=True)
        if machine.is_dir():
            shutil.copytree(machine, own, symlinks=True, ignore=_not_readable)
        else:
            own.mkdir()
    check(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/etc/ssh/ssh_host_ed25519_key"])
    Path("/run/sshd").mkdir()


def _not_readable(folder: str, names: list[str]) -> set[str]:
    keys = fnmatch.filter(names, _HOST_KEYS)
    return {*keys, *(name for name in names if not os.access(f"{folder}/{name}", os.R_OK))}


def _start_controller(ryu_app: Path, app: str) -> None:
    """Runs a Ryu app until the sandbox ends; what it prints and logs goes to standard error, as of any other program.

    Raises:
        CannotRun: when it ends before it listens.
    """
    arguments = [sys.executable, "-P", str(ryu_app), "--listen", _REMOTE, "--app", app]
    settings = environment(PYTHONUNBUFFERED="1")  # what it prints is seen when it prints it
    child = subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=settings, start_new_session=True
    )
    assert child.stdout is not None
    if not child.stdout.readline():  # the event that it listens
        raise CannotRun(f"the Ryu app {app} ended with exit status {child.wait()} before it listened")
    listener = socket.create_server(("127.0.0.1", _OLD_PORT))
    threading.Thread(target=_pass_on, args=(listener,), daemon=True).start()


def _pass_on(listener: socket.socket) -> None:
    """Connects whoever comes to the old port with the app, which listens on the new one."""
    host, _, port = _REMOTE.partition(":")
    while True:
        switch, _ = listener.accept()
        with suppress(OSError):
            app = socket.create_connection((host, int(port)))
            for ends in ((switch, app), (app, switch)):
                threading.Thread(target=_copy_stream, args=ends, daemon=True).start()


def _copy_stream(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(1 << 16):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def _install_modules() -> None:
    for folder in (_PYTHON, _MODULES):
        folder.mkdir()
    (_PYTHON / "sitecustomize.py").write_text(_SITE_CUSTOMIZE, encoding="utf-8")
    for package in (Path(catalogue.__file__).parent, _DEBIANS_MININET):
        (_MODULES / package.name).symlink_to(package)


def _install(name: str, script: str) -> None:
    """Puts a script before the machine's programs."""
    _PROGRAMS.mkdir(parents=True, exist_ok=True)
    path = _PROGRAMS / name
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)
