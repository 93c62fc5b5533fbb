"""OpenSSH's server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from whodunet.debian_program import DebianProgram
from whodunet.errors import CannotRun
from whodunet.lab.accounts import HOST_USERS
from whodunet.lab.hosts import Host
from whodunet.lab.keys import new_key
from whodunet.lab.service import Listener

SSH_PORT: Final = 22
_HOST_KEY: Final = "/etc/ssh/ssh_host_ed25519_key"

_ASKS_FOR_KEYS: Final = "/etc/ssh/pushed_keys"
# As eic_curl_authorized_keys of aws-ec2-instance-connect-config does, without checking who signed the keys.
_PUSHED_KEYS: Final = """#!/bin/sh
# The public keys that somebody has sent to this instance for a user, in the last minute.
metadata=http://169.254.169.254/latest
token=$(curl -sf --max-time 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 5' "$metadata/api/token") || exit 255
curl -sf --max-time 2 -H "X-aws-ec2-metadata-token: $token" \\
    "$metadata/meta-data/managed-ssh-keys/active-keys/$1/" || true
"""


class Sshd(Listener):
    """It has one user to log in to by key. Source: sshd_config(5)."""

    needs: ClassVar[tuple[DebianProgram, ...]] = (DebianProgram("sshd", "openssh-server", "the instance's service"),)

    def __init__(
        self,
        login: str,
        port: int = SSH_PORT,
        takes_pushed_keys: bool = False,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Raises CannotRun when the login is nobody who could log in on a host.

        Args:
            login: the user.
            port: where it listens.
            takes_pushed_keys: that of an instance with EC2 Instance Connect, whose metadata service has them.
            options: of sshd_config(5), in place of the lab's own or of sshd's defaults.
        """
        people = [user.name for user in HOST_USERS.values() if user.logs_in]
        if login not in people:
            raise CannotRun(f"sshd's login is {login}, whom no host has; use one of {', '.join(people)}")
        self.port = port
        self._options = options or {}
        self._takes_pushed_keys = takes_pushed_keys
        self._user = HOST_USERS[login]
        self._authorised = ""
        self._public_key = ""

    def prepare(self, host: Host) -> None:
        """Makes host key and configuration."""
        key = new_key(host.name)
        host.write(_HOST_KEY, key.private, 0o600)
        host.write(f"{_HOST_KEY}.pub", key.public)
        self._public_key = " ".join(key.public.split()[:2])
        lines = [  # of an option that stands twice, sshd takes the first
            *(f"{option} {value}" for option, value in self._options.items()),
            f"Port {self.port}",
            f"HostKey {_HOST_KEY}",
            "PidFile none",
            "UsePAM no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",  # else an ssh whose keys fail asks for a password that nobody has
            "Subsystem sftp internal-sftp",
        ]
        if self._takes_pushed_keys:
            host.write(_ASKS_FOR_KEYS, _PUSHED_KEYS, 0o755)
            lines += [f"AuthorizedKeysCommand {_ASKS_FOR_KEYS} %u", "AuthorizedKeysCommandUser nobody"]
        host.write("/etc/ssh/sshd_config", "\n".join(lines) + "\n")

    def command(self, host: Host) -> list[str]:
        """sshd has to be called by its full path, because it calls itself."""
        return ["/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/sshd_config"]

    def authorise(self, host: Host, public_key: str) -> None:
        """Lets the owner of a key log in, too."""
        self._authorised += public_key
        host.write(f"{self._user.home}/.ssh/authorized_keys", self._authorised, 0o600, self._user.uid)

    @property
    def public_key(self) -> str:
        """The host's key, as known_hosts has it: kind and key."""
        return self._public_key


SERVICE = Sshd
