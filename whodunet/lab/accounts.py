"""The users of every host of a lab, and the tables in which programs look them up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True)
class HostUser:
    """A user; the id is the same on every host, and its group has the same name and number."""

    name: str
    uid: int
    home: str
    shell: str = "/usr/sbin/nologin"

    @property
    def logs_in(self) -> bool:
        """True when somebody works under this name, so that it has a home directory of its own."""
        return not self.shell.endswith("nologin")


HOST_USERS: Final = {
    account.name: account
    for account in (
        HostUser("root", 0, "/root", "/bin/bash"),
        HostUser("sshd", 100, "/run/sshd"),
        HostUser("tcpdump", 101, "/nonexistent"),  # what tcpdump becomes once its socket is open
        HostUser("ec2-user", 1000, "/home/ec2-user", "/bin/bash"),
        HostUser("ssm-user", 1001, "/home/ssm-user", "/bin/sh"),  # whose shell Session Manager opens
        HostUser("nobody", 65534, "/nonexistent"),
    )
}
TERMINALS_GROUP: Final = 5  # "tty"; Source: Debian policy, base-passwd

_TABLES: Final = ("passwd", "group", "shadow", "services", "protocols")


def account_tables(home_of_root: str = HOST_USERS["root"].home) -> dict[str, str]:
    """The files of /etc that say who there is, by name."""
    accounts = [replace(one, home=home_of_root) if one.uid == 0 else one for one in HOST_USERS.values()]
    return {
        "passwd": "".join(f"{one.name}:x:{one.uid}:{one.uid}::{one.home}:{one.shell}\n" for one in accounts),
        "group": "".join(f"{one.name}:x:{one.uid}:\n" for one in accounts) + f"tty:x:{TERMINALS_GROUP}:\n",
        "shadow": "".join(f"{one.name}:*:19000::::::\n" for one in accounts),
        "nsswitch.conf": "".join(f"{table}: files\n" for table in _TABLES) + "hosts: files dns\n",
    }
