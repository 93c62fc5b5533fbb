"""A server that takes only so many connections at a time, all of which somebody holds."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_interface
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, mapping_in
from whodunet.cases.fields import HostName
from whodunet.evidence.topology import Topology

_SSHD, _IDLE = "sshd", "idle-connections"
# sshd refuses all above the limit; a super-server starts an sshd for each connection, as systemd does for a socket
# unit with Accept=yes. Source: sshd_config(5), MaxStartups; ncat(1), --max-conns; systemd.socket(5), MaxConnections.
_SUPER_SERVER: Final = "ncat --listen --keep-open --max-conns {limit} {port} --exec '/usr/sbin/sshd -i'"


class ConnectionLimit(NodeFault):
    """Another host has opened as many connections to the node's sshd as it takes, and says nothing on them."""

    kind: Literal["connection-limit"] = "connection-limit"
    enforced_by: Literal["sshd", "super-server"] = Field(
        description="sshd: its MaxStartups; super-server: a program that starts an sshd for each connection"
    )
    limit: int = Field(ge=1, le=20)
    held_by: HostName = Field(description="the host that has them open")

    def facts(self, topology: Topology) -> dict[str, str]:
        """Who enforces it."""
        return super().facts(topology) | {"enforced_by": self.enforced_by}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node without sshd; connections of the node to itself."""
        yield from self.serves(topology, self.node, _SSHD, "node")
        if self.held_by == self.node:
            yield Misfit(("held_by",), f"is {self.node} itself", "name another host")

    def inject(self, network: Network) -> Settings:
        """Sets the limit, then has the other host open the connections."""
        before = network.service_settings(self.node, _SSHD)
        if self.enforced_by == "sshd":
            options = mapping_in(before, "options") | {"MaxStartups": f"{self.limit}:100:{self.limit}"}
            network.configure_service(self.node, _SSHD, {**before, "options": options})
        else:
            command = _SUPER_SERVER.replace("{limit}", str(self.limit))
            network.replace_service(self.node, _SSHD, command)
        connections = {"address": self._address(network.topology), "port": _port(before), "count": self.limit}
        network.add_service(self.held_by, _IDLE, connections)
        return before

    def _address(self, topology: Topology) -> str:
        own = [each.address(topology.family) for each in topology.interfaces.values() if each.node == self.node]
        return str(ip_interface(next(address for address in own if address)).ip)

    def remove(self, network: Network, before: Settings) -> None:
        """Ends the connections, and starts sshd as it was."""
        network.remove_service(self.held_by, _IDLE)
        if self.enforced_by == "sshd":
            network.configure_service(self.node, _SSHD, before)
        else:
            network.stop_service(self.node, _SSHD)
            network.start_service(self.node, _SSHD)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The limit, as the process that listens shows it, and the connections that the node has."""
        process = network.service_process(self.node, _SSHD)
        runs = network.execute(self.node, f"ps -o stat=,args= -p {process}").stdout.strip()
        shown = (
            f" of {self.limit}-{self.limit} startups" if self.enforced_by == "sshd" else f"--max-conns {self.limit} "
        )
        port = _port(network.service_settings(self.node, _SSHD))
        held = network.execute(self.node, f"ss -Htn state established sport = :{port}").stdout.splitlines()
        connections = f"{len(held)} connections to port {port}" if len(held) >= self.limit else None
        return (runs if shown in runs else None, connections)

    def remains(self, network: Network) -> str | None:
        """The limit; that sshd does not run."""
        is_back = network.service_is_running(self.node, _SSHD)
        return self.signs(network)[0] if is_back else f"sshd on {self.node} does not run"


def _port(settings: Settings) -> int:
    port = settings.get("port", 22)
    assert isinstance(port, int)
    return port
