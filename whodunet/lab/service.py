"""What a service is: a daemon that a topology gives a host."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from whodunet.lab.hosts import Host
from whodunet.lab.processes import listening_ports


class Service(ABC):
    """A daemon on a host; a subclass takes the settings that topologies write as keyword arguments."""

    needs_others: ClassVar[bool] = False  # True: it is started once all other services accept
    runs_beside: ClassVar[bool] = (
        False  # True: it is the cloud's or the path's, and nobody on the host may reach into it
    )

    @abstractmethod
    def prepare(self, host: Host) -> None:
        """Writes its files; again before each start with other settings."""

    @abstractmethod
    def command(self, host: Host) -> list[str]:
        """What runs in the foreground, on the host or beside it, in the host's network alone."""

    @abstractmethod
    def is_ready(self, host: Host) -> bool:
        """True when it does what it is there for."""

    @property
    @abstractmethod
    def readiness(self) -> str:
        """What is waited for, as an error tells it: "to listen on port 22"."""

    def forget(self, host: Host) -> None:  # noqa: B027 - most services leave nothing behind
        """Removes what would let a former run be taken for the next one."""

    def replaced_by(self, command: str) -> str:
        """The shell command of a program that takes this one's place."""
        return command


class Listener(Service):
    """A service that accepts connections on a TCP port."""

    port: int

    def is_ready(self, host: Host) -> bool:
        """True when something listens on the port."""
        return self.port in listening_ports(host.pid)

    @property
    def readiness(self) -> str:
        """Which port."""
        return f"to listen on port {self.port}"

    def replaced_by(self, command: str) -> str:
        """With the port in place of `{port}`."""
        return command.replace("{port}", str(self.port))
