"""The well-known daemons that hosts run, one class each."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from whodunet.errors import CannotRun
from whodunet.lab.accounts import ACCOUNTS
from whodunet.lab.hosts import Host
from whodunet.lab.keys import new_key
from whodunet.lab.service import Listener

_HOST_KEY: Final = "/etc/ssh/ssh_host_ed25519_key"
_DNS_RECORDS: Final = "/etc/dns-records"


class Sshd(Listener):
    """OpenSSH's server with one account to log in to by key. Source: sshd_config(5)."""

    port = 22

    def __init__(self, login: str) -> None:
        """Raises CannotRun when the login is nobody who could log in on a host."""
        people = [account.name for account in ACCOUNTS.values() if account.logs_in]
        if login not in people:
            raise CannotRun(f"sshd's login is {login}, whom no host has; use one of {', '.join(people)}")
        self.login = login
        self._public_key = ""

    def prepare(self, host: Host) -> None:
        """Makes host key and configuration; the login's key is authorised by `authorise`."""
        key = new_key(host.name)
        host.write(_HOST_KEY, key.private, 0o600)
        host.write(f"{_HOST_KEY}.pub", key.public)
        self._public_key = " ".join(key.public.split()[:2])
        lines = [
            f"HostKey {_HOST_KEY}",
            "PidFile none",
            "UsePAM no",
            "PasswordAuthentication no",
            "Subsystem sftp internal-sftp",
        ]
        host.write("/etc/ssh/sshd_config", "\n".join(lines) + "\n")

    def command(self, host: Host) -> list[str]:
        """sshd has to be called by its full path, because it calls itself."""
        return ["/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/sshd_config"]

    def authorise(self, host: Host, public_key: str) -> None:
        """Lets the owner of a key log in."""
        account = ACCOUNTS[self.login]
        host.write(f"{account.home}/.ssh/authorized_keys", public_key, 0o600, account.uid)

    def public_key(self) -> str:
        """The host's key, as known_hosts has it: kind and key."""
        return self._public_key


class Dnsmasq(Listener):
    """A DNS server that knows some records of its zones, and answers NXDOMAIN for the rest. Source: dnsmasq(8)."""

    port = 53

    def __init__(self, zones: Sequence[str], records: Mapping[str, Sequence[str]]) -> None:
        """`records` are the addresses of each name."""
        self.zones = zones
        self.records = records

    def prepare(self, host: Host) -> None:
        """Writes the records in the form of /etc/hosts."""
        lines = (f"{address} {name}\n" for name, addresses in self.records.items() for address in addresses)
        host.write(_DNS_RECORDS, "".join(lines))

    def command(self, host: Host) -> list[str]:
        """No configuration of the machine, no leases, no upstream."""
        quiet = ["--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--pid-file="]
        zones = "/".join(self.zones)
        return ["dnsmasq", "--keep-in-foreground", *quiet, f"--addn-hosts={_DNS_RECORDS}", f"--local=/{zones}/"]


class TlsInterceptor(Listener):
    """A proxy that intercepts TLS, for what is redirected to it."""

    runs_beside: ClassVar[bool] = True

    def __init__(self, port: int) -> None:
        self.port = port

    def prepare(self, host: Host) -> None:
        """It has no files."""

    def command(self, host: Host) -> list[str]:
        """A program of whodunet's own."""
        return [sys.executable, "-P", "-m", "whodunet.middleboxes.tls_interceptor", str(self.port)]
