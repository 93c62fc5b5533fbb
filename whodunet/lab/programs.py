"""The programs that a lab runs: where they are, what they are for, and which Debian package brings them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from whodunet.errors import CannotRun

# Where a lab looks its programs up. Never the caller's PATH: Debian leaves an ordinary user's without the daemons', and
# a lab is the same whoever starts it.
LAB_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_APT_INSTALL: Final = Path(__file__).with_name("apt_install.sh")


@dataclass(frozen=True)
class Program:
    """A program by the name that is typed, and what a person who lacks it needs to know."""

    name: str
    package: str
    purpose: str
    is_optional: bool = False  # True: only some cases need it
    fault: str | None = None  # the kind of fault that needs it, besides commands that name it

    def is_needed_by(self, faults: Collection[str], commands: Collection[str]) -> bool:
        """Whether a case with these kinds of fault and these shell commands needs it."""
        words = {word for command in commands for word in re.findall(r"[\w.+-]+", command)}
        return self.name in words or (self.fault is not None and self.fault in faults)


# Source: the packages of Debian 12 and 13.
PROGRAMS: Final = (
    Program("ovsdb-server", "openvswitch-switch", "each lab's own switch database"),
    Program("ovs-vswitchd", "openvswitch-switch", "each lab's own switches"),
    Program("ovs-vsctl", "openvswitch-switch", "sets the switches up"),
    Program("ovs-ofctl", "openvswitch-switch", "reads the flow tables"),
    Program("ovsdb-tool", "openvswitch-switch", "makes the switch database"),
    Program("mnexec", "mininet", "starts programs on a host"),
    Program("ip", "iproute2", "interfaces, addresses and routes of the hosts"),
    Program("tc", "iproute2", "loss and rate of the links"),
    Program("nft", "nftables", "packet filters and NAT on hosts and gateways"),
    Program("conntrack", "conntrack", "reads connection tracking"),
    Program("ethtool", "ethtool", "switches checksum offload off"),
    Program("sysctl", "procps", "kernel settings of the hosts"),
    Program("ping", "iputils-ping", "probe"),
    Program("traceroute", "traceroute", "probe"),
    Program("ssh", "openssh-client", "probe"),
    Program("ssh-keygen", "openssh-client", "each lab's own keys"),
    Program("sshd", "openssh-server", "the instance's service"),
    Program("nc.openbsd", "netcat-openbsd", "probe"),
    Program("ncat", "ncat", "probe"),
    Program("curl", "curl", "probe"),
    Program("tcpdump", "tcpdump", "shows packets on a host"),
    Program("dnsmasq", "dnsmasq-base", "the labs' DNS servers"),
    Program("dig", "bind9-dnsutils", "probe"),
    Program("aws", "awscli", "opens sessions through Session Manager", is_optional=True),
    Program("faketime", "faketime", "wrong clocks", is_optional=True, fault="clock-skew"),
    Program("w3m", "w3m", "opens the page that approves a sign-on", is_optional=True),
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


def require_programs_of_case(faults: Collection[str], commands: Collection[str]) -> None:
    """A case's own programs are installed, besides those of every lab.

    Args:
        faults: the kinds of its faults.
        commands: the shell commands of its probes.

    Raises:
        CannotRun: when some are not; names the one command that installs them.
    """
    needed = [program for program in PROGRAMS if program.is_optional and program.is_needed_by(faults, commands)]
    lacking = [program for program in needed if find_program(program.name) is None]
    if lacking:
        names = " and ".join(program.name for program in lacking)
        fix = as_root(installing(program.package for program in lacking))
        raise CannotRun(f"this case needs {names}, not installed here; fix: {fix}")


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
