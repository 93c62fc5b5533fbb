"""What is seen from a host: a root of its own, with the machine's programs read-only and nothing else of the machine.

Everything here happens in the lab's user namespace, before the host has one of its own: so whoever is root on the host
finds these mounts locked, and can neither change nor lift them. Source: mount_namespaces(7), "Restrictions on mounts".
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from whodunet.evidence.topology import Family
from whodunet.lab import linux, sandbox
from whodunet.lab.accounts import HOST_USERS, TERMINALS_GROUP, account_tables

ROOT_BYTES: Final = "256m"  # files of one host: /home, /tmp, /var, /run, /etc and /root together
ROOT_FILES: Final = 50_000
PROGRAMS: Final = Path("/run/lab/programs")  # commands that the lab adds to every host's, as the lab sees them
TEMPLATE: Final = Path("/run/lab/etc")  # what every host has in /etc without owning it, as the lab sees it
OWN: Final = "/opt/whodunet"  # where a host has what the lab adds
PYTHON: Final = f"{OWN}/venv/bin/python"  # runs whodunet's own programs on a host
TRUSTED: Final = "/etc/ssl/certs/ca-certificates.crt"
_OWN_PYTHON: Final = f"{OWN}/python"  # the interpreter, where it is not among the machine's programs
_MERGED: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")  # links into /usr since Debian 12
# How programs are set up that the machine has installed. No accounts, keys, names or addresses.
_PROGRAMS_SETTINGS: Final = (
    "alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "services", "protocols",
    "rpc", "ethertypes", "mime.types", "terminfo", "inputrc", "debian_version",
)  # fmt: skip
_AUTHORITIES: Final = Path("/usr/share/ca-certificates")
_HIDDEN_PROC: Final = ("kcore", "keys", "key-users", "timer_list", "sched_debug", "kallsyms", "kmsg", "modules")
_DIRECTORIES: Final = {
    "/etc": 0o755,
    "/home": 0o755,
    "/mnt": 0o755,
    "/opt": 0o755,
    "/root": 0o700,
    "/run/lock": 0o1777,
    "/run/sshd": 0o755,
    "/tmp": 0o1777,
    "/usr": 0o755,
    "/var/cache": 0o755,
    "/var/empty": 0o755,
    "/var/lib": 0o755,
    "/var/log": 0o755,
    "/var/tmp": 0o1777,
}
# The key exchange that takes ten times less of the processor than the one that is the first by default; that one, and
# all others, are offered as well. Source: ssh_config(5), KexAlgorithms
_SSH_CONFIG: Final = "Host *\n    HashKnownHosts no\n    KexAlgorithms ^curve25519-sha256\n"
_BASHRC: Final = r"""PS1='\u@\h:\w\$ '
alias ll='ls -l'
"""


@dataclass(frozen=True)
class Shared:
    """A directory or file of the machine that a person wants to see on the hosts."""

    source: str  # as the lab sees it
    path: str  # where the hosts see it
    writable: bool = False


# Which address of a name programs try first. Source: gai.conf(5); without such a line, IPv6 comes before IPv4.
_PREFERENCES: Final[Mapping[Family, str]] = {"ipv4": "precedence ::ffff:0:0/96 100\n", "ipv6": ""}


def machine_authorities() -> bytes:
    """The certificate authorities that the machine's packages bring along, in PEM."""
    return b"".join(path.read_bytes() for path in sorted(_AUTHORITIES.rglob("*.crt")))


def prepare_template(family: Family, authorities: bytes) -> None:
    """Makes, once for all hosts of the lab, what they have in /etc without owning it.

    Args:
        family: where a name has an address of each, programs try that one first.
        authorities: whose certificates their programs trust, in PEM.
    """
    TEMPLATE.mkdir(parents=True)
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    machine = Path(sandbox.MACHINE_ETC)
    for name in _PROGRAMS_SETTINGS:
        if (machine / name).is_dir():
            shutil.copytree(machine / name, TEMPLATE / name, symlinks=True)
        elif (machine / name).is_file():
            shutil.copyfile(machine / name, TEMPLATE / name)
    (TEMPLATE / "gai.conf").write_text(_PREFERENCES[family], encoding="ascii")
    (TEMPLATE / "ssl/certs").mkdir(parents=True)
    if (machine / "ssl/openssl.cnf").is_file():
        shutil.copyfile(machine / "ssl/openssl.cnf", TEMPLATE / "ssl/openssl.cnf")
    trust(authorities)


def trust(certificates: bytes) -> None:
    """Sets the certificate authorities that the programs of every host trust, in PEM."""
    (TEMPLATE / TRUSTED.removeprefix("/etc/")).write_bytes(certificates)


def build(host: str, shared: Iterable[Shared]) -> str:
    """Mounts a host's root in the present mount namespace; returns where. `finish` is still to come.

    Its /proc is the host's first process's to mount: it shows the PID namespace of whoever mounts it.

    Raises:
        OSError: when the kernel refuses a mount.
    """
    root = sandbox.HOST_ROOT
    limits = f"mode=0755,size={ROOT_BYTES},nr_inodes={ROOT_FILES}"
    linux.mount("lab", root, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, limits)
    for directory, mode in _DIRECTORIES.items():
        os.makedirs(root + directory)
        os.chmod(root + directory, mode)
    for directory in ("dev", "proc", "sys"):
        os.mkdir(f"{root}/{directory}")
    _bind("/usr", f"{root}/usr")
    for name in _MERGED:
        _merge(f"/{name}", f"{root}/{name}")
    os.symlink("/run", f"{root}/var/run")
    os.symlink("/run/lock", f"{root}/var/lock")
    _furnish_etc(host, root)
    _furnish_homes(root)
    _place_own_programs(root)
    sandbox.mount_devices(f"{root}/dev")
    terminals = f"newinstance,ptmxmode=0666,mode=0620,gid={TERMINALS_GROUP},max=64"
    linux.mount("devpts", f"{root}/dev/pts", "devpts", linux.MS_NOSUID | linux.MS_NOEXEC, terminals)
    os.mkdir(f"{root}/run/shm")
    os.chmod(f"{root}/run/shm", 0o1777)
    linux.mount(f"{root}/run/shm", f"{root}/dev/shm", flags=linux.MS_BIND)
    for each in shared:
        _share(each, root)
    return root


def finish(root: str) -> None:
    """Mounts /sys, which shows the interfaces of the network namespace that this process is in, and locks /proc.

    Raises:
        OSError: when the kernel refuses a mount.
    """
    sandbox.lock_proc(f"{root}/proc")
    for name in _HIDDEN_PROC:
        if os.path.isfile(f"{root}/proc/{name}"):
            linux.mount("/dev/null", f"{root}/proc/{name}", flags=linux.MS_BIND)
    # Read-only from the first: in a container that sees /sys so, the kernel refuses any other way.
    # Source: user_namespaces(7); the kernel's fs/namespace.c, mount_too_revealing
    without = linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
    linux.mount("sysfs", f"{root}/sys", "sysfs", without)
    if os.path.isdir(f"{root}/sys/firmware"):
        linux.mount("lab", f"{root}/sys/firmware", "tmpfs", linux.MS_RDONLY, "mode=0555,size=4k")


def _bind(source: str, target: str, *, writable: bool = False) -> None:
    """Shows a directory or file in a second place, without devices or set-user-id bits."""
    linux.mount(source, target, flags=linux.MS_BIND | linux.MS_REC)
    linux.make_harmless(target, writable=writable)


def _merge(machine: str, here: str) -> None:
    if os.path.islink(machine):
        os.symlink(os.readlink(machine), here)
    elif os.path.isdir(machine):
        os.mkdir(here)
        _bind(machine, here)


def _furnish_etc(host: str, root: str) -> None:
    own = account_tables() | {
        "hosts": f"127.0.0.1 localhost\n127.0.1.1 {host}\n::1 localhost ip6-localhost ip6-loopback\n",
        "hostname": f"{host}\n",
        "host.conf": "multi on\n",
        "resolv.conf": "",
        "shells": "/bin/sh\n/bin/bash\n",
        "bash.bashrc": _BASHRC,
        "ssh/ssh_config": _SSH_CONFIG,
    }
    folders, files = _template()
    os.mkdir(f"{root}/etc/ssh")
    for name, text in own.items():
        _write(f"{root}/etc/{name}", text.encode())
    for name, content in files.items():
        _write(f"{root}/etc/{name}", content)
    os.chmod(f"{root}/etc/shadow", 0o600)
    os.symlink("../proc/self/mounts", f"{root}/etc/mtab")
    os.symlink("../usr/lib/os-release", f"{root}/etc/os-release")
    for name in folders:
        os.mkdir(f"{root}/etc/{name}")
        _bind(str(TEMPLATE / name), f"{root}/etc/{name}")


@cache
def _template() -> tuple[list[str], dict[str, bytes]]:
    """Folders of the template, and its files with what they hold: read once for all hosts."""
    found = list(TEMPLATE.iterdir())
    return [path.name for path in found if path.is_dir()], {
        path.name: path.read_bytes() for path in found if path.is_file()
    }


def _write(path: str, content: bytes) -> None:
    """As Path.write_bytes, which takes several times as long, and this is done some thirty times for each host."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.write(file, content)
    finally:
        os.close(file)


def _furnish_homes(root: str) -> None:
    for account in (account for account in HOST_USERS.values() if account.logs_in):
        home = Path(root + account.home)
        for directory in (home, home / ".ssh"):
            directory.mkdir(mode=0o700, exist_ok=True)
            os.chown(directory, account.uid, account.uid)
        for name, text in ((".bashrc", _BASHRC), (".bash_profile", ". ~/.bashrc\n")):
            _write(f"{home}/{name}", text.encode())
            os.chown(home / name, account.uid, account.uid)


def _place_own_programs(root: str) -> None:
    """What the lab itself adds to a host: its commands, and a Python that finds the modules of those, and no others.

    The checkout is not there, for it says what is wrong in this lab.
    """
    own = f"{root}{OWN}"
    packages = f"{own}/venv/lib/python{sysconfig.get_python_version()}/site-packages"
    for directory in (f"{own}/bin", f"{own}/packages", f"{own}/whodunet", f"{own}/venv/bin", packages):
        os.makedirs(directory)
    _bind(str(PROGRAMS), f"{own}/bin")
    _bind(_installed(), f"{own}/packages")
    if os.path.isdir(f"{own}/packages/whodunet"):  # an installed one has its scenarios in it
        linux.mount("lab", f"{own}/packages/whodunet", "tmpfs", options="mode=0555,size=4k")
    home = f"{sys.base_prefix}/bin"
    if not sys.base_prefix.startswith("/usr"):
        os.mkdir(f"{root}{_OWN_PYTHON}")
        _bind(sys.base_prefix, f"{root}{_OWN_PYTHON}")
        home = f"{_OWN_PYTHON}/bin"
    os.symlink(f"{home}/python{sysconfig.get_python_version()}", f"{own}/venv/bin/python")
    Path(own, "venv/pyvenv.cfg").write_text(f"home = {home}\n", encoding="utf-8")
    Path(packages, "own.pth").write_text(f"{OWN}/whodunet\n{OWN}/packages\n", encoding="utf-8")
    package = Path(__file__).resolve().parents[1]
    os.makedirs(f"{own}/whodunet/whodunet/aws")
    _bind(str(package / "aws"), f"{own}/whodunet/whodunet/aws")
    Path(own, "whodunet/whodunet/__init__.py").write_text((package / "__init__.py").read_text(encoding="utf-8"))


@cache
def _installed() -> str:
    """Where the packages lie that whodunet uses; Python takes half a millisecond to tell."""
    return sysconfig.get_path("purelib")


def _share(shared: Shared, root: str) -> None:
    target = root + os.path.normpath(shared.path)
    if os.path.isdir(shared.source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        Path(target).touch()
    _bind(shared.source, target, writable=shared.writable)
