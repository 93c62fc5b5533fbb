"""A service that is stopped, that hangs, or that another program stands in for."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Final, Literal

from pydantic import Field

from whodunet import catalogue
from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, run_checked
from whodunet.errors import CannotRun
from whodunet.evidence.topology import Topology
from whodunet.openflow.policy import meant

# What runs in the service's place, by state. The first reads what the client says before it ends: closing with unread
# bytes sends RST instead of FIN (RFC 2525, 2.17), which is what the last one is for. The second one's other end is
# port 1, where nothing listens.
_STAND_INS: Final[Mapping[str, str]] = {
    "accepts-and-closes": "ncat --listen --keep-open {port} --sh-exec 'head -n 1 >/dev/null'",
    "forwards-to-nothing": "ncat --listen --keep-open {port} --sh-exec 'exec ncat 127.0.0.1 1'",
    "speaks-http": "python3 -m http.server --bind :: {port}",
    "closes-unread": (
        'python3 -c "import select, socket; '
        "listening = socket.create_server(('::', {port}), family=socket.AF_INET6, dualstack_ipv6=True); "
        "close = lambda connection: select.select([connection], [], [], 5) and connection.close(); "
        '[close(listening.accept()[0]) for _ in iter(int, 1)]"'
    ),
}
_HUNG: Final = "T"  # the first letter of a stopped process's state. Source: ps(1), PROCESS STATE CODES


class ServiceFault(NodeFault):
    """Nothing listens on the service's port, or its process is stopped, or something else listens there."""

    kind: Literal["service"] = "service"
    service: str = Field(description="one of the services that the topology gives the node")
    state: Literal["stopped", "hung", "accepts-and-closes", "forwards-to-nothing", "speaks-http", "closes-unread"]

    def facts(self, topology: Topology) -> dict[str, str]:
        """Which service, and what became of it."""
        return super().facts(topology) | {"service": self.service, "state": self.state}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A service that the node does not run, or in whose place nothing could accept."""
        there = topology.services.get(self.node, {})
        if self.service not in there:
            wrong = f"is {self.service}, which is not a service of {self.node}"
            yield Misfit(("service",), wrong, meant(self.service, there) if there else f"{self.node} runs none")
        elif self.state in _STAND_INS and not catalogue.given().accepts_connections(self.service):
            wrong = f"is {self.state} for {self.service}, which accepts no connections"
            yield Misfit(("state",), wrong, "use stopped")

    def inject(self, network: Network) -> Settings:
        """Stops the service, or its process; starts the stand-in."""
        if self.state == "hung":
            process = network.service_process(self.node, self.service)
            if process is None:
                raise CannotRun(f"{self.service} runs beside {self.node}, and cannot be stopped there")
            run_checked(network, self.node, f"kill -STOP {process}")
            return {}
        network.stop_service(self.node, self.service)
        if self.state in _STAND_INS:
            network.replace_service(self.node, self.service, _STAND_INS[self.state])
        return {}

    def remove(self, network: Network, before: Settings) -> None:
        """Starts the service again, in place of whatever stands in for it, or of its process that hangs."""
        network.stop_service(self.node, self.service)
        network.start_service(self.node, self.service)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The listening sockets of the node, and whose they are: of nobody, of the stopped process, of the stand-in."""
        is_own = network.service_is_running(self.node, self.service)
        if is_own != (self.state == "hung"):
            return (None,)
        sockets = [line.split() for line in network.execute(self.node, "ss -Hltnp").stdout.splitlines()]
        listening = {f"{fields[3]} {_program(fields[-1])}".strip(): fields[-1] for fields in sockets if len(fields) > 3}
        shown = f"listening on {self.node}: {', '.join(listening) or 'nothing'}"
        process = network.service_process(self.node, self.service)
        it_listens = any(f"pid={process}," in users for users in listening.values())
        if self.state == "stopped":
            return (None if it_listens else f"{self.service} does not run; {shown}",)
        runs = network.execute(self.node, f"ps -o stat=,args= -p {process}").stdout.strip()
        return (f"at the port of {self.service}: {runs}; {shown}" if it_listens and self._is_it(runs) else None,)

    def _is_it(self, runs: str) -> bool:
        """Whether a process, its state and its command line, is the service's that hangs, or the stand-in."""
        if self.state == "hung":
            return runs.startswith(_HUNG)
        words = re.escape(" ".join(shlex.split(_STAND_INS[self.state])))
        return re.fullmatch(rf"\S+\s+{words.replace(re.escape('{port}'), '[0-9]+')}", runs) is not None

    def remains(self, network: Network) -> str | None:
        """That the service's own program does not run, or hangs."""
        if not network.service_is_running(self.node, self.service):
            return f"{self.service} on {self.node} does not run"
        return self.proof(network) if self.state == "hung" else None


def _program(users: str) -> str:
    """The program of a socket, as ss(8) shows it: users:(("sshd",pid=7,fd=3))."""
    found = re.match(r'users:\(\("([^"]+)"', users)
    return found[1] if found else ""
