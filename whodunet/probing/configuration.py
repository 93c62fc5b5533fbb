"""What would take the user's programs elsewhere: ssh's configuration, proxies in the environment."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping
from typing import Final
from urllib.request import getproxies, proxy_bypass

from whodunet.diagnosis.probes import Configuration, ReadConfiguration

_SSH_S: Final = 3.0
_NONE: Final = ("", "none")  # Source: ssh_config(5), ProxyCommand and ProxyJump


def read_configuration(asked: ReadConfiguration, environment: Mapping[str, str] = os.environ) -> Configuration:
    """Where ssh would go, and by which proxies curl and its like would."""
    settings = ssh_settings(_ssh_words(asked, environment))
    proxies = {} if proxy_bypass(asked.host) else getproxies()
    port = settings.get("port", "")
    return Configuration(
        settings.get("hostname", asked.host),
        int(port) if port.isdigit() else asked.port,
        _unless_none(settings.get("proxycommand", "")),
        _unless_none(settings.get("proxyjump", "")),
        proxies.get("http") or proxies.get("all"),
        proxies.get("https") or proxies.get("all"),
    )


def ssh_settings(words: str) -> dict[str, str]:
    """What `ssh -G` prints: a keyword and its value a line. Source: ssh(1)."""
    lines = (line.partition(" ") for line in words.splitlines())
    return {keyword.lower(): value.strip() for keyword, _, value in lines}


def _ssh_words(asked: ReadConfiguration, environment: Mapping[str, str]) -> str:
    """What ssh says of the host, asked as the user who called sudo: root has another configuration."""
    caller = environment.get("SUDO_UID", "")
    command = ["ssh", "-G", "-p", str(asked.port), "--", asked.host]
    try:
        if os.geteuid() == 0 and caller.isdigit():
            account = pwd.getpwuid(int(caller))
            home = {**environment, "HOME": account.pw_dir, "USER": account.pw_name}
            done = _run(command, home, account.pw_uid, account.pw_gid)
        else:
            done = _run(command, environment, None, None)
    except (OSError, KeyError, subprocess.TimeoutExpired):  # there is no ssh, or no such user any more
        return ""
    return done.stdout if done.returncode == 0 else ""


def _run(
    command: list[str], environment: Mapping[str, str], user: int | None, group: int | None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment,
        user=user,
        group=group,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_SSH_S,
        check=False,
    )


def _unless_none(value: str) -> str | None:
    return None if value in _NONE else value
