"""A service that is stopped, or that another program stands in for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet import catalogue
from whodunet.cases.fault import Misfit, Network, NodeFault, Settings
from whodunet.evidence.topology import Topology
from whodunet.openflow.policy import meant

# Reads what the client says before it ends: closing with unread bytes would send RST instead of FIN (RFC 2525, 2.17).
_STAND_IN: Final = "ncat"
_ACCEPTS_AND_CLOSES: Final = "ncat --listen --keep-open {port} --sh-exec 'head -n 1 >/dev/null'"


class ServiceFault(NodeFault):
    """Nothing listens on the service's port, or something that accepts and closes."""

    kind: Literal["service"] = "service"
    service: str = Field(description="one of the services that the topology gives the node")
    state: Literal["stopped", "accepts-and-closes"]

    def facts(self, topology: Topology) -> dict[str, str]:
        """Which service, and what became of it."""
        return super().facts(topology) | {"service": self.service, "state": self.state}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A service that the node does not run, or that cannot close what it never accepts."""
        there = topology.services.get(self.node, {})
        if self.service not in there:
            wrong = f"is {self.service}, which is not a service of {self.node}"
            yield Misfit(("service",), wrong, meant(self.service, there) if there else f"{self.node} runs none")
        elif self.state == "accepts-and-closes" and not catalogue.given().accepts_connections(self.service):
            wrong = f"is accepts-and-closes for {self.service}, which accepts no connections"
            yield Misfit(("state",), wrong, "use stopped")

    def inject(self, network: Network) -> Settings:
        """Stops the service; starts the stand-in."""
        network.stop_service(self.node, self.service)
        if self.state == "accepts-and-closes":
            network.replace_service(self.node, self.service, _ACCEPTS_AND_CLOSES)
        return {}

    def remove(self, network: Network, before: Settings) -> None:
        """Starts the service again, in place of whatever stands in for it."""
        network.stop_service(self.node, self.service)
        network.start_service(self.node, self.service)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The listening sockets of the node, when the service's own program does not run, and its stand-in listens."""
        if network.service_is_running(self.node, self.service):
            return (None,)
        sockets = [line.split() for line in network.execute(self.node, "ss -Hltnp").stdout.splitlines()]
        listening = [f"{fields[3]} {_program(fields[-1])}".strip() for fields in sockets if len(fields) > 3]
        stands_in = any(_program(fields[-1]) == _STAND_IN for fields in sockets)
        if stands_in != (self.state == "accepts-and-closes"):
            return (None,)
        return (f"{self.service} does not run; listening on {self.node}: {', '.join(listening) or 'nothing'}",)

    def remains(self, network: Network) -> str | None:
        """That the service's own program does not run."""
        is_back = network.service_is_running(self.node, self.service)
        return None if is_back else f"{self.service} on {self.node} does not run"


def _program(users: str) -> str:
    """The program of a socket, as ss(8) shows it: users:(("sshd",pid=7,fd=3))."""
    found = re.match(r'users:\(\("([^"]+)"', users)
    return found[1] if found else ""
