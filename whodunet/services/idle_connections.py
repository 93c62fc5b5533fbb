"""A client that opens connections and says nothing, as scanners and stuck monitoring do."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from whodunet.lab.hosts import Host
from whodunet.lab.service import Service

_ESTABLISHED: Final = "01"  # Source: proc(5), /proc/PID/net/tcp
_PAUSE_S: Final = 0.2  # between the end of a connection and the next one


class IdleConnections(Service):
    """So many connections to one port; where one is ended, there is soon another."""

    def __init__(self, address: str, port: int, count: int) -> None:
        self._address = address
        self._port = port
        self._count = count

    def prepare(self, host: Host) -> None:
        """It has no files."""

    def command(self, host: Host) -> list[str]:
        """Each by a loop of its own."""
        connection = f"ncat --recv-only {self._address} {self._port} </dev/null >/dev/null 2>&1"
        loop = f"while :; do {connection}; sleep {_PAUSE_S}; done"
        return ["bash", "-c", f"for ((n = 0; n < {self._count}; n++)); do {loop} & done; wait"]

    def is_ready(self, host: Host) -> bool:
        """True when there are that many."""
        return _connections_to(host.pid, self._port) >= self._count

    @property
    def readiness(self) -> str:
        """How many to which port."""
        return f"to have {self._count} connections to port {self._port}"


def _connections_to(pid: int, port: int) -> int:
    """How many of a network namespace's connections go to a port. Source: proc(5), /proc/PID/net/tcp."""
    count = 0
    for table in ("tcp", "tcp6"):
        with suppress(OSError):  # the process has ended, or the kernel has no IPv6
            for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
                _, _, remote, state, *_ = line.split()
                count += state == _ESTABLISHED and int(remote.rpartition(":")[2], 16) == port
    return count


SERVICE = IdleConnections
