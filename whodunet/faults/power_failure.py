"""A host that loses its power while somebody has a session with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings
from whodunet.errors import CannotRun
from whodunet.evidence.topology import Topology

_SSHD, _FAILURE = "sshd", "power-failure"
_TABLE: Final = "power"


class PowerFailure(NodeFault):
    """Once a session with the node's sshd has been idle for so long, its kernel knows no connection any more.

    Nobody is told: no FIN and no RST leaves a host without power. One that comes back takes new connections; of one
    that stays away nothing comes any more.
    """

    kind: Literal["power-failure"] = "power-failure"
    after_idle_ms: int = Field(ge=500, le=600_000)
    then: Literal["comes-back", "stays-away"]

    def facts(self, topology: Topology) -> dict[str, str]:
        """Whether the host comes back."""
        return super().facts(topology) | {"then": self.then}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node without sshd."""
        yield from self.serves(topology, self.node, _SSHD, "node")

    def inject(self, network: Network) -> Settings:
        """Has it wait for such a session."""
        port = network.service_settings(self.node, _SSHD).get("port", 22)
        settings = {"port": port, "idle_ms": self.after_idle_ms, "then": self.then}
        network.add_service(self.node, _FAILURE, settings)
        return {}

    def remove(self, network: Network, before: Settings) -> None:
        """Gives the host its power back."""
        network.remove_service(self.node, _FAILURE)
        network.execute(self.node, f"nft delete table inet {_TABLE}")  # there is none where it has not happened

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """That it waits, or has happened: what watches is out of the node's own sight."""
        try:
            waits = network.service_is_running(self.node, _FAILURE)
            then = network.service_settings(self.node, _FAILURE)["then"]
        except CannotRun:  # there is none
            return (None,)
        return (f"{self.node} loses its power, and {then}" if waits and then == self.then else None,)

    def remains(self, network: Network) -> str | None:
        """That it waits, or that packets still cannot leave."""
        listed = network.execute(self.node, f"nft list table inet {_TABLE}")
        return self.proof(network) or (listed.stdout if listed.exit_status == 0 else None)
