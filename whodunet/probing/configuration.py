"""What would take the user's programs elsewhere: ssh's configuration, proxies in the environment.

The user is who called sudo, where somebody did: root has another configuration, and sudo takes the environment away.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.request import proxy_bypass

from whodunet.diagnosis.probes import Configuration, ReadConfiguration

_ENOUGH_S: Final = 3.0
_NONE: Final = ("", "none")  # Source: ssh_config(5), ProxyCommand and ProxyJump
_SSH_PORT: Final = 22
_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh"})  # that take -l and -c


def read_configuration(asked: ReadConfiguration, environment: Mapping[str, str] = os.environ) -> Configuration:
    """Where ssh would go, and by which proxies curl and its like would."""
    user = _user(environment)
    # A port that was typed counts more than a configured one; the usual one need not have been typed.
    typed = ["-p", str(asked.port)] if asked.port != _SSH_PORT else []
    settings = ssh_settings(_said(["ssh", "-G", *typed, "--", asked.host], user, environment))
    proxies = {} if proxy_bypass(asked.host) else _proxies(user, environment)
    port = settings.get("port", "")
    return Configuration(
        settings.get("hostname", asked.host),
        int(port) if port.isdigit() else asked.port,
        _unless_none(settings.get("proxycommand", "")),
        _unless_none(settings.get("proxyjump", "")),
        proxies.get("http_proxy") or proxies.get("all_proxy"),
        proxies.get("https_proxy") or proxies.get("all_proxy"),
    )


def ssh_settings(words: str) -> dict[str, str]:
    """What `ssh -G` prints: a keyword and its value a line. Source: ssh(1)."""
    lines = (line.partition(" ") for line in words.splitlines())
    return {keyword.lower(): value.strip() for keyword, _, value in lines}


def proxies_in(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that name proxies, in small letters. Source: curl(1), ENVIRONMENT."""
    return {
        name.lower(): value
        for name, value in environment.items()
        if name.lower() in ("http_proxy", "https_proxy", "all_proxy") and name != "HTTP_PROXY" and value
    }


def _proxies(user: pwd.struct_passwd | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Those of this environment, else those that a login of the user's sets."""
    here = proxies_in(environment)
    if here or user is None or os.path.basename(user.pw_shell) not in _SHELLS:
        return here
    told = _said([user.pw_shell, "-lc", "env"], user, environment)
    return proxies_in({name: value for name, _, value in (line.partition("=") for line in told.splitlines())})


def _user(environment: Mapping[str, str]) -> pwd.struct_passwd | None:
    caller = environment.get("SUDO_UID", "")
    try:
        return pwd.getpwuid(int(caller) if os.geteuid() == 0 and caller.isdigit() else os.geteuid())
    except KeyError:  # nobody of that number is known here
        return None


def _said(command: Sequence[str], user: pwd.struct_passwd | None, environment: Mapping[str, str]) -> str:
    """What a command prints for that user; nothing where it fails."""
    own = dict(environment)
    is_other = user is not None and user.pw_uid != os.geteuid()
    if user is not None and is_other:
        own |= {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}
    try:
        done = subprocess.run(
            command,
            env=own,
            user=user.pw_uid if user is not None and is_other else None,
            group=user.pw_gid if user is not None and is_other else None,
            extra_groups=[] if is_other else None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ENOUGH_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):  # it is not there, or does not end
        return ""
    return done.stdout if done.returncode == 0 else ""


def _unless_none(value: str) -> str | None:
    return None if value in _NONE else value
