"""The agent on an instance."""

from __future__ import annotations

from contextlib import suppress
from typing import ClassVar, Final

from whodunet.errors import CannotRun
from whodunet.lab import host_root
from whodunet.lab.hosts import Host
from whodunet.lab.service import Service
from whodunet.services.cloud.programs import program

_STATE: Final = "/run/ssm-agent"


class SsmAgent(Service):
    """It finds out all it needs by itself. Ready means that it is online, or has found out that it cannot be."""

    needs_others: ClassVar[bool] = True

    def prepare(self, host: Host) -> None:
        """It has no files."""

    def command(self, host: Host) -> list[str]:
        """A program of the host's own Python."""
        return [*program("agent", host_root.PYTHON), "--state", _STATE]

    def forget(self, host: Host) -> None:
        """Removes the state that a former agent wrote."""
        host.remove_file(_STATE)

    def is_ready(self, host: Host) -> bool:
        """True when it has written that it is online, or why not."""
        with suppress(CannotRun):
            return host.read_bytes(_STATE).startswith((b"online", b"offline"))
        return False

    @property
    def readiness(self) -> str:
        """What the state tells."""
        return "to be online, or to know why not"


SERVICE = SsmAgent
