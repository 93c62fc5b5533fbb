"""A service that is stopped, or that another program stands in for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from whodunet.core.fault import Network, NodeFault
from whodunet.core.topology import Topology

# Reads what the client says before it ends: closing with unread bytes would send RST instead of FIN (RFC 2525, 2.17).
_ACCEPTS_AND_CLOSES = "ncat --listen --keep-open {port} --sh-exec 'head -n 1 >/dev/null'"


class ServiceFault(NodeFault):
    """Nothing listens on the service's port, or something that accepts and closes."""

    kind: Literal["service"] = "service"
    service: str = Field(description="one of the services that the topology gives the node")
    state: Literal["stopped", "accepts-and-closes"]

    def facts(self, topology: Topology) -> dict[str, str]:
        """Which service, and what became of it."""
        return super().facts(topology) | {"service": self.service, "state": self.state}

    def inject(self, network: Network) -> Mapping[str, Any]:
        """Stops the service; starts the stand-in."""
        network.stop_service(self.node, self.service)
        if self.state == "accepts-and-closes":
            network.replace_service(self.node, self.service, _ACCEPTS_AND_CLOSES)
        return {}

    def remove(self, network: Network, before: Mapping[str, Any]) -> None:
        """Starts the service again, in place of whatever stands in for it."""
        network.stop_service(self.node, self.service)
        network.start_service(self.node, self.service)

    def proof(self, network: Network) -> str | None:
        """The listening sockets of the node, when the service's own program does not run."""
        if network.service_is_running(self.node, self.service):
            return None
        listening = " ".join(network.execute(self.node, "ss -Hltnp").stdout.split())
        return f"{self.service} does not run; listening on {self.node}: {listening or 'nothing'}"
