"""A host's own files, namespaces and commands."""

from __future__ import annotations

import os
import shlex
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from whodunet.lab import linux, sandbox
from whodunet.lab.links import switch_offload_off
from whodunet.lab.processes import Finished, check, run

NAMESPACES: Final = ("net", "mnt", "uts")
_FILES: Final = Path("/run/lab/hosts")
# Source: ip-sysctl.txt of the kernel. Without these, traceroute loses hops and spoofed answers are dropped.
_SYSCTLS: Final = {
    "ipv4/icmp_ratelimit": 0,
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/default/rp_filter": 0,
    "ipv6/conf/all/disable_ipv6": 1,
    "ipv6/conf/default/disable_ipv6": 1,
    "ipv4/ping_group_range": "0 65535",
}
_CLONE_FS: Final = 0x200  # without a root directory of its own, no thread may enter a mount namespace; setns(2)
_ANY_KIND: Final = 0


class Host:
    """One host of the lab: the namespaces that Mininet made for it, and its files."""

    def __init__(self, name: str, pid: int, settings: dict[str, Any]) -> None:
        self.name = name
        self.pid = pid
        self.settings = settings
        self.files = _FILES / name
        # Held open so that the host stays reachable whatever happens to its first process.
        self.namespaces = {kind: os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in NAMESPACES}

    def write(self, path: str, text: str, mode: int = 0o644, owner: int = 0) -> Path:
        """Writes one of the host's own files; returns its path as the sandbox sees it."""
        target = self.files / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(mode)
        os.chown(target, owner, owner)
        return target

    def prepare_files(self) -> None:
        """Makes the files that every host has of its own."""
        for account in (account for account in sandbox.ACCOUNTS.values() if account.has_files):
            home = self.files / "home" / account.name
            ssh = home / ".ssh"
            ssh.mkdir(parents=True)
            for directory in (home, ssh):
                directory.chmod(0o700)
                os.chown(directory, account.uid, account.uid)
            self.write(f"home/{account.name}/.bashrc", _BASHRC, owner=account.uid)
            self.write(f"home/{account.name}/.bash_profile", ". ~/.bashrc\n", owner=account.uid)
        self.write("etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n")
        self.write("etc/hostname", f"{self.name}\n")
        self.write("etc/resolv.conf", _resolver_lines(self.settings.get("resolver")))

    def set_resolver(self, address: str | None) -> None:
        """Points the host at another DNS server; the file stays the same file, for it is mounted."""
        (self.files / "etc/resolv.conf").write_text(_resolver_lines(address), encoding="utf-8")

    def configure(self, interfaces: Sequence[tuple[str, str | None]], devices: Sequence[str] = ()) -> None:
        """Turns the bare namespaces into this host, from inside: the calling thread enters them for good.

        A shell script would start a dozen programs on each host, which takes as long as all else of a lab's start.

        Args:
            interfaces: name and address ("10.0.0.1/24") of each.
            devices: lines for `ip -batch` that make those of them that are not there yet.
        """
        linux.unshare(_CLONE_FS)
        for descriptor in self.namespaces.values():
            linux.setns(descriptor, _ANY_KIND)
        socket.sethostname(self.name)
        for name in ("hosts", "hostname", "resolv.conf"):
            linux.mount(f"{self.files}/etc/{name}", f"/etc/{name}", flags=linux.MS_BIND)
        linux.mount(f"{self.files}/home", sandbox.HOMES, flags=linux.MS_BIND)
        linux.make_read_only("/sys")  # mnexec has mounted it anew, with settings of the machine in it
        forwarding = {"ipv4/ip_forward": 1} if self.settings.get("forwards") else {}
        for key, value in (_SYSCTLS | forwarding).items():
            Path("/proc/sys/net", key).write_text(f"{value}\n", encoding="ascii")
        check(["ip", "-batch", "-"], stdin="\n".join([*devices, *self._network_commands(interfaces)]) + "\n")
        for name, _ in interfaces:
            switch_offload_off(name)

    def _network_commands(self, interfaces: Sequence[tuple[str, str | None]]) -> list[str]:
        addresses = [f"address add {address} dev {name}" for name, address in interfaces if address]
        links = ["link set dev lo up", *(f"link set dev {name} up" for name, _ in interfaces)]
        rules = [f"rule add {rule}" for rule in self.settings.get("rules") or ()]
        return [*addresses, *links, *(f"route replace {route}" for route in self._routes()), *rules]

    def _routes(self) -> list[str]:
        uplinks = self.settings.get("uplinks") or {}
        first = next(iter(uplinks.values()), None)
        return [*(self.settings.get("routes") or ()), *([f"default via {first.gateway}"] if first else [])]

    def inside(self, *command: str) -> list[str]:
        """The command line that runs a command in this host's namespaces."""
        paths = {"net": "--net", "mnt": "--mount", "uts": "--uts"}
        options = [f"{option}=/proc/self/fd/{self.namespaces[kind]}" for kind, option in paths.items()]
        return ["nsenter", *options, "--wd=/", "--", *command]

    def execute(self, command: str, deadline_s: float, stdin: str = "") -> Finished:
        """Runs a shell command as the host's root, in its home directory."""
        line = f"cd {shlex.quote(sandbox.HOMES + '/root')}; {command}"
        return run(self.inside("bash", "-c", line), deadline_s, stdin, tuple(self.namespaces.values()))

    def succeeds(self, *command: str) -> bool:
        """Runs a command, without a shell, and tells whether it succeeded."""
        return run(self.inside(*command), 30, keep_open=tuple(self.namespaces.values())).exit_status == 0

    def check(self, command: str) -> str:
        """Runs a shell command that has to succeed."""
        return check(self.inside("bash", "-c", command), keep_open=tuple(self.namespaces.values()))


def _resolver_lines(address: str | None) -> str:
    return f"nameserver {address}\nsearch cloud.example\n" if address else ""


_BASHRC: Final = r"""PS1='\u@\h:\w\$ '
alias ll='ls -l'
"""
