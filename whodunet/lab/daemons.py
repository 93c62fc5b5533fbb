"""The well-known daemons that hosts run, one class each."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from whodunet.lab.hosts import Host
from whodunet.lab.processes import check
from whodunet.lab.sandbox import ACCOUNTS
from whodunet.lab.service import Listener


class Sshd(Listener):
    """OpenSSH's server with one account to log in to by key. Source: sshd_config(5)."""

    port = 22

    def __init__(self, login: str) -> None:
        self.login = login

    def prepare(self, host: Host) -> None:
        """Makes host key and configuration; the login's key is authorised by `authorise`."""
        key = host.files / "etc/ssh/host_key"
        key.parent.mkdir(parents=True, exist_ok=True)
        check(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", host.name, "-f", str(key)])
        lines = [
            f"HostKey {key}",
            "PidFile none",
            "UsePAM no",
            "PasswordAuthentication no",
            "Subsystem sftp internal-sftp",
        ]
        host.write("etc/ssh/sshd_config", "\n".join(lines) + "\n")

    def command(self, host: Host) -> list[str]:
        """sshd has to be called by its full path, because it calls itself."""
        return ["/usr/sbin/sshd", "-D", "-e", "-f", str(host.files / "etc/ssh/sshd_config")]

    def authorise(self, host: Host, public_key: str) -> None:
        """Lets the owner of a key log in."""
        host.write(f"home/{self.login}/.ssh/authorized_keys", public_key, 0o600, ACCOUNTS[self.login].uid)

    def public_key(self, host: Host) -> str:
        """The host's key, as known_hosts has it: kind and key."""
        text = Path(host.files / "etc/ssh/host_key.pub").read_text(encoding="utf-8")
        return " ".join(text.split()[:2])


class Dnsmasq(Listener):
    """A DNS server that knows some records of its zones, and answers NXDOMAIN for the rest. Source: dnsmasq(8)."""

    port = 53

    def __init__(self, zones: Sequence[str], records: Mapping[str, str]) -> None:
        self.zones = zones
        self.records = records

    def prepare(self, host: Host) -> None:
        """Writes the records in the form of /etc/hosts."""
        host.write("etc/dns-records", "".join(f"{address} {name}\n" for name, address in self.records.items()))

    def command(self, host: Host) -> list[str]:
        """No configuration of the machine, no leases, no upstream."""
        records = host.files / "etc/dns-records"
        quiet = ["--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--pid-file="]
        zones = "/".join(self.zones)
        return ["dnsmasq", "--keep-in-foreground", *quiet, f"--addn-hosts={records}", f"--local=/{zones}/"]


class TlsInterceptor(Listener):
    """A proxy that intercepts TLS, for what is redirected to it."""

    def __init__(self, port: int) -> None:
        self.port = port

    def prepare(self, host: Host) -> None:
        """It has no files."""

    def command(self, host: Host) -> list[str]:
        """A program of whodunet's own."""
        return [sys.executable, "-P", "-m", "whodunet.middleboxes.tls_interceptor", str(self.port)]
