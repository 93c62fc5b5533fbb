"""What a topology can give a host: a service, which is a daemon, or another furnishing, which is files alone.

Each is one file of a folder `services/`, whose attribute SERVICE is a subclass of one of the classes here. Its name is
the file's, with hyphens for underscores; what topologies write for it are the keyword arguments with which it is made.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from whodunet.debian_program import DebianProgram
from whodunet.evidence.topology import Node
from whodunet.lab.hosts import Host
from whodunet.lab.processes import listening_ports

BESIDE_HOSTS: Final = Path("/run/lab/services")  # files of programs that run beside a host, out of everybody's sight
RECORDS: Final = Path("/run/lab/records")  # what such programs record for those outside


class Furnishing(ABC):
    """Something that a host has, such as keys or a profile of its user."""

    needs: ClassVar[tuple[DebianProgram, ...]] = ()  # programs of the machine, besides those of every lab

    @abstractmethod
    def prepare(self, host: Host) -> None:
        """Writes its files; again before each start with other settings."""

    def meet(self, host: Host, others: Sequence[Placed]) -> None:  # noqa: B027 - most need nobody else
        """Takes from those of other hosts, or gives to them, what they have in common; all are prepared by then."""


@dataclass(frozen=True)
class Placed:
    """A service or another furnishing, at its host."""

    host: Host
    node: Node  # what the topology says of the host
    addresses: tuple[str, ...]  # of the host, without the length of their prefixes
    furnishing: Furnishing


class Service(Furnishing):
    """A daemon on a host."""

    accepts_connections: ClassVar[bool] = False  # True: its readiness is that it does, and so is a stand-in's
    needs_others: ClassVar[bool] = False  # True: it is started once all other services accept
    # True: it is the cloud's or the path's, and nobody on the host may reach into it
    runs_beside: ClassVar[bool] = False
    makes_uplink: ClassVar[bool] = False  # True: it is started and stopped with the uplink of its host that it makes
    undoes_s: ClassVar[float] = 0.0  # seconds that it has, asked to end, to undo what it did to its host

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

    def forget(self, host: Host) -> None:
        """Removes what would let a former run be taken for the next one."""

    def replaced_by(self, command: str) -> str:
        """The shell command of a program that takes this one's place."""
        return command


class Listener(Service):
    """A service that accepts connections on a TCP port."""

    accepts_connections: ClassVar[bool] = True
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


def read_records() -> Mapping[str, str]:
    """What the services have recorded, by path below RECORDS."""
    files = (path for path in sorted(RECORDS.rglob("*")) if path.is_file())
    return {str(path.relative_to(RECORDS)): path.read_text(encoding="utf-8", errors="replace") for path in files}
