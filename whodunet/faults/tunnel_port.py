"""An ssh whose tunnel is asked for another port of the instance."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, run_checked
from whodunet.cases.fields import HostName
from whodunet.evidence.topology import Topology

_FURNISHING: Final = "connect-tunnel"
_CONFIG: Final = "/root/.ssh/config"
_PORT: Final = re.compile(r"^proxycommand .* --remote-port (\d+)$", re.MULTILINE)


class TunnelPort(NodeFault):
    """In ssh's configuration the command that opens a tunnel asks for a port that is not sshd's."""

    kind: Literal["tunnel-port"] = "tunnel-port"
    node: HostName = Field(description="host whose ssh goes through a tunnel, by its configuration")
    port: int = Field(ge=1, le=65535)

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A host whose ssh needs no tunnel, the port that it asks for anyway."""
        there = topology.furnishings.get(self.node, {})
        if _FURNISHING not in there:
            hosts = ", ".join(host for host, own in topology.furnishings.items() if _FURNISHING in own) or "none"
            yield Misfit(("node",), f"is {self.node}, which has no {_FURNISHING}", f"use one of: {hosts}")
        elif there[_FURNISHING].get("port") == self.port:
            yield Misfit(("port",), f"is {self.port}, for which it asks anyway", "write another")

    def inject(self, network: Network) -> Settings:
        """Writes the other port."""
        before = run_checked(network, self.node, f"cat {_CONFIG}")
        other = re.sub(r"--remote-port \d+", f"--remote-port {self.port}", before)
        run_checked(network, self.node, f"cat > {_CONFIG}", other)
        return {"config": before}

    def remove(self, network: Network, before: Settings) -> None:
        """Writes the file as it was."""
        run_checked(network, self.node, f"cat > {_CONFIG}", str(before["config"]))

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The command with which ssh itself says that it would connect to an instance. Source: ssh(1), -G."""
        told = _PORT.search(run_checked(network, self.node, f"ssh -G {self._instance(network.topology)}"))
        return (told[0] if told is not None and int(told[1]) == self.port else None,)

    def _instance(self, topology: Topology) -> str:
        ids = (node.properties["id"] for node in topology.nodes.values() if node.role == "instance")
        return next(ids, "i-0")
