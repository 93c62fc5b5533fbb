"""The programs that a lab runs: where they are, what they are for, and which Debian package brings them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

from whodunet.debian_program import AWS_CLI, DebianProgram
from whodunet.errors import CannotRun

# Where a lab looks its programs up. Never the caller's PATH: Debian leaves an ordinary user's without the daemons', and
# a lab is the same whoever starts it.
LAB_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_VERSION: Final = re.compile(r"\d+(?:\.\d+)+")
_TELLS_WITHIN_S: Final = 60.0
_APT_INSTALL: Final = Path(__file__).with_name("apt_install.sh")


# What every lab needs, and what commands of cases name; kinds of faults and services declare what they need.
# Source: the packages of Debian 12 and 13.
PROGRAMS: Final = (
    DebianProgram("ovsdb-server", "openvswitch-switch", "each lab's own switch database"),
    DebianProgram("ovs-vswitchd", "openvswitch-switch", "each lab's own switches"),
    DebianProgram("ovs-vsctl", "openvswitch-switch", "sets the switches up"),
    DebianProgram("ovs-ofctl", "openvswitch-switch", "reads the flow tables"),
    DebianProgram("ovsdb-tool", "openvswitch-switch", "makes the switch database"),
    DebianProgram("mnexec", "mininet", "starts programs on a host"),
    DebianProgram("ip", "iproute2", "interfaces, addresses and routes of the hosts"),
    DebianProgram("tc", "iproute2", "loss and rate of the links"),
    DebianProgram("nft", "nftables", "packet filters and NAT on hosts and gateways"),
    DebianProgram("conntrack", "conntrack", "reads connection tracking"),
    DebianProgram("ethtool", "ethtool", "switches checksum offload off"),
    DebianProgram("sysctl", "procps", "kernel settings of the hosts"),
    DebianProgram("ping", "iputils-ping", "probe"),
    DebianProgram("traceroute", "traceroute", "probe"),
    DebianProgram("ssh", "openssh-client", "probe"),
    DebianProgram("ssh-keygen", "openssh-client", "each lab's own keys"),
    DebianProgram("nc.openbsd", "netcat-openbsd", "probe"),
    DebianProgram("ncat", "ncat", "probe"),
    DebianProgram("curl", "curl", "probe"),
    DebianProgram("tcpdump", "tcpdump", "shows packets on a host"),
    DebianProgram("dig", "bind9-dnsutils", "probe"),
    AWS_CLI,
    DebianProgram("w3m", "w3m", "opens the page that approves a sign-on", is_optional=True),
)


def find_program(name: str) -> Path | None:
    """Where a lab finds a program; None where it is not installed."""
    found = shutil.which(name, path=LAB_PATH)
    return Path(found) if found else None


def as_root(*commands: str) -> str:
    """The command line with which the caller runs commands as root, each if the one before succeeded."""
    if os.geteuid() == 0:
        return " && ".join(commands)
    if find_program("sudo"):
        return " && ".join(f"sudo {command}" for command in commands)
    return f"su - -c {shlex.quote(' && '.join(commands))}"


def installing(packages: Iterable[str]) -> str:
    """The command with which root installs Debian packages and starts no service of theirs."""
    return f"bash {shlex.quote(str(_APT_INSTALL))} {' '.join(dict.fromkeys(packages))}"


def declared_programs() -> tuple[DebianProgram, ...]:
    """Every program that may be needed, each once: by every lab, by a command, by a kind of fault, by a service.

    Raises:
        InvalidInput: when a file of a folder that was given holds no fault or service.
    """
    from whodunet import catalogue, faults
    from whodunet.lab import running_services

    places = catalogue.given()
    of_services = (running_services.kind(name, places).needs for name in places.files("services", ".py"))
    of_faults = (fault.needs for fault in faults.kinds(places).values())
    return _each_once(PROGRAMS, *of_services, *of_faults)


def _each_once(*needs: Iterable[DebianProgram]) -> tuple[DebianProgram, ...]:
    by_name: dict[str, DebianProgram] = {}
    for program in chain(*needs):
        by_name.setdefault(program.name, program)
    return tuple(by_name.values())


def require_programs_of_case(needs: Iterable[DebianProgram], commands: Collection[str]) -> None:
    """A case's own programs are installed, besides those of every lab.

    Args:
        needs: what its faults and its topology's services declare.
        commands: the shell commands of its probes.

    Raises:
        CannotRun: when some are not; names the one command that installs them.
    """
    words = {word for command in commands for word in re.findall(r"[\w.+-]+", command)}
    named = (program for program in PROGRAMS if program.is_optional and program.name in words)
    lacking = [program for program in _each_once(needs, named) if find_program(program.name) is None]
    if lacking:
        *others, last = [program.name for program in lacking]
        names = f"{', '.join(others)} and {last}" if others else last
        fix = as_root(installing(program.package for program in lacking))
        raise CannotRun(f"this case needs {names}, not installed here; fix: {fix}")


def require_versions(requires: Mapping[str, str]) -> None:
    """Programs of the machine are not older than a case takes; those that are missing are told elsewhere.

    Args:
        requires: by program its oldest version that will do.

    Raises:
        CannotRun: names the version that it takes and the one that is installed.
    """
    told = lacking_version(requires)
    if told is not None:
        raise CannotRun(f"this case {told}")


def lacking_version(requires: Mapping[str, str]) -> str | None:
    """What a case takes that is newer than what is installed here, in words; None where all will do."""
    for program, oldest in requires.items():
        found = None if find_program(program) is None else _version_of(program)
        if found is None or _numbers(found) < _numbers(oldest):
            here = "which is not here" if found is None else f"and here is {found}"
            return f"takes {program} {oldest} or newer, {here}"
    return None


@cache
def _version_of(program: str) -> str | None:
    """The first number with points in it that a program prints when it is asked for its version."""
    try:
        told = subprocess.run(
            [str(find_program(program)), "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            stdin=subprocess.DEVNULL,
            env={"PATH": LAB_PATH, "LC_ALL": "C.UTF-8"},
            timeout=_TELLS_WITHIN_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(told.stdout + told.stderr)
    return None if found is None else found[0]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def require_program(name: str) -> Path:
    """Where a program is.

    Raises:
        CannotRun: when it is not installed; names the command that installs it.
    """
    found = find_program(name)
    if found is None:
        fixes = [f"fix: {as_root(installing([program.package]))}" for program in PROGRAMS if program.name == name]
        raise CannotRun("; ".join([f"the program {name} is not installed", *fixes]))
    return found
