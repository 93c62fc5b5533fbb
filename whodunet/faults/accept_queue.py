"""A service that accepts no more, and its kernel's queue of connections for it."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_interface
from typing import Final, Literal

from pydantic import Field

from whodunet import catalogue
from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, run_checked
from whodunet.evidence.topology import Topology

_BACKLOG: Final = 4  # as listen(2) has it; a queue is full when it holds one more. Source: sk_acceptq_is_full()
_LIMIT: Final = "/proc/sys/net/core/somaxconn"
_ON_OVERFLOW: Final = "/proc/sys/net/ipv4/tcp_abort_on_overflow"
_HUNG: Final = "T"  # Source: ps(1), PROCESS STATE CODES


class AcceptQueue(NodeFault):
    """The service's process is stopped, and so many connections wait for it that there is one place left, or none.

    With none, the kernel drops SYNs. With one, of several connections at a time one gets it; the others' handshakes are
    under way by then, and their last packet finds the queue full. Source: tcp(7), tcp_abort_on_overflow; listen(2).
    """

    kind: Literal["accept-queue"] = "accept-queue"
    service: str = Field(description="one of the services that the topology gives the node")
    places: Literal[0, 1] = Field(description="that are left in the queue")
    on_overflow: Literal["drop", "reset"] = Field(
        default="drop", description="what becomes of the last packet of a handshake that finds the queue full"
    )

    def facts(self, topology: Topology) -> dict[str, str]:
        """The queue, full or nearly full, and what becomes of who is too late."""
        queue = "nearly full" if self.places else "full"
        return super().facts(topology) | {"queue": queue, "on_overflow": self.on_overflow}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A service that the node does not run, or that has no queue."""
        yield from self.serves(topology, self.node, self.service, "node")
        if not catalogue.given().accepts_connections(self.service):
            yield Misfit(("service",), f"is {self.service}, which accepts no connections", "name one that does")

    def inject(self, network: Network) -> Settings:
        """Starts the service with a short queue, stops its process, and connects from the node itself.

        Connections that their client has closed again stay in the queue.
        """
        before = {path: run_checked(network, self.node, f"cat {path}").strip() for path in (_LIMIT, _ON_OVERFLOW)}
        self._set(network, {_LIMIT: _BACKLOG, _ON_OVERFLOW: int(self.on_overflow == "reset")})
        self._restart(network)
        run_checked(network, self.node, f"kill -STOP {network.service_process(self.node, self.service)}")
        target = f"{self._address(network.topology)} {self._port(network)}"
        run_checked(network, self.node, " && ".join([f"nc -z -w 2 {target}"] * self._waiting))
        return before

    def remove(self, network: Network, before: Settings) -> None:
        """Starts it again, with a queue as it was."""
        self._set(network, before)
        self._restart(network)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The kernel's setting, the process's state, and the queue, as the kernel counts it."""
        setting = run_checked(network, self.node, f"cat {_ON_OVERFLOW}").strip()
        process = network.service_process(self.node, self.service)
        runs = network.execute(self.node, f"ps -o stat=,args= -p {process}").stdout.strip()
        queues = [line.split()[1:4] for line in self._sockets(network, process)]
        found = [f"{waiting} of {room} wait at {at}" for waiting, room, at in queues if self._is_it(waiting, room)]
        return (
            f"tcp_abort_on_overflow = {setting}" if setting == str(int(self.on_overflow == "reset")) else None,
            runs if runs.startswith(_HUNG) else None,
            "; ".join(found) or None,
        )

    def remains(self, network: Network) -> str | None:
        """That the process is still stopped, or that somebody waits for it."""
        _, runs, waiting = self.signs(network)
        return runs or waiting

    def endures(self, network: Network) -> bool:
        """Whoever has connected since took the place that was left, and waits as well."""
        return self.proof(network) is not None or self.model_copy(update={"places": 0}).proof(network) is not None

    def _is_it(self, waiting: str, backlog: str) -> bool:
        return (int(waiting), int(backlog)) == (self._waiting, _BACKLOG)

    @property
    def _waiting(self) -> int:
        return _BACKLOG + 1 - self.places

    def _port(self, network: Network) -> int:
        """Where the service listens."""
        process = network.service_process(self.node, self.service)
        return int(self._sockets(network, process)[0].split()[3].rpartition(":")[2])

    def _sockets(self, network: Network, process: int | None) -> list[str]:
        lines = run_checked(network, self.node, "ss -Hltnp").splitlines()
        return [line for line in lines if f"pid={process}," in line]

    def _address(self, topology: Topology) -> str:
        own = [each.address(topology.family) for each in topology.interfaces.values() if each.node == self.node]
        return str(ip_interface(next(address for address in own if address)).ip)

    def _restart(self, network: Network) -> None:
        network.stop_service(self.node, self.service)
        network.start_service(self.node, self.service)

    def _set(self, network: Network, settings: Settings) -> None:
        for path, value in settings.items():
            run_checked(network, self.node, f"echo {value} > {path}")
