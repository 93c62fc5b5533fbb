"""Variables that every login shell of a host's root has."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Final

from whodunet.lab.hosts import Host
from whodunet.lab.service import Furnishing

PROFILE: Final = "/root/.bash_profile"  # Source: bash(1), INVOCATION


class LoginEnvironment(Furnishing):
    """A profile that exports them. What is started by no login shell does not have them."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def prepare(self, host: Host) -> None:
        """Writes the profile, which reads what an interactive shell reads, too."""
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in self._variables.items()]
        host.write(PROFILE, "".join([*lines, "[ ! -r ~/.bashrc ] || . ~/.bashrc\n"]))


SERVICE = LoginEnvironment
