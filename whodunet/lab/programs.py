"""The programs that a lab runs: where they are, what they are for, and which Debian package brings them."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from whodunet.core.errors import CannotRun


@dataclass(frozen=True)
class Program:
    """A program by the name that is typed, and what a person who lacks it needs to know."""

    name: str
    package: str
    purpose: str

    @property
    def fix(self) -> str:
        return f"sudo apt-get install {self.package}"


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
    Program("aws", "awscli", "opens sessions through Session Manager"),
    Program("faketime", "faketime", "wrong clocks"),
    Program("w3m", "w3m", "opens the page that approves a sign-on"),
)

# Debian keeps daemons here, and leaves these out of an ordinary user's PATH.
_SYSTEM_DIRECTORIES: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def find_program(name: str) -> Path | None:
    """Where a program is: on the PATH, else where Debian keeps the system's; None where it is not installed."""
    found = shutil.which(name, path=search_path())
    return Path(found) if found else None


def search_path() -> str:
    """The PATH that a lab's programs are looked up on."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *_SYSTEM_DIRECTORIES])


def require_program(name: str) -> Path:
    """Where a program is.

    Raises:
        CannotRun: when it is not installed; names the command that installs it.
    """
    found = find_program(name)
    if found is None:
        fixes = [program.fix for program in PROGRAMS if program.name == name]
        raise CannotRun("; ".join([f"the program {name} is not installed", *fixes]))
    return found
