"""A line on the path that fails in the middle of a connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, run_checked
from whodunet.cases.fields import HostName, InterfaceName
from whodunet.evidence.topology import Topology

_FAILURE: Final = "path-failure"
_TABLE: Final = "line"


class PathFailure(NodeFault):
    """Once TCP that leaves a router by an interface has been idle for so long, that line carries nothing any more.

    Nobody is told: the router's interface stays up, as where a carrier's line is dead further on.
    """

    kind: Literal["path-failure"] = "path-failure"
    node: HostName = Field(description="router at the near end of the line")
    interface: InterfaceName = Field(description="the router's interface to the line")
    after_idle_ms: int = Field(ge=500, le=600_000)

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that forwards nothing, an interface of another."""
        yield from self.forwards(topology)
        yield from self.has_interface(topology, self.interface)

    def inject(self, network: Network) -> Settings:
        """Has it wait for such a connection."""
        network.add_service(self.node, _FAILURE, {"interface": self.interface, "idle_ms": self.after_idle_ms})
        return {}

    def remove(self, network: Network, before: Settings) -> None:
        """Repairs the line."""
        network.remove_service(self.node, _FAILURE)
        run_checked(network, self.node, f"nft delete table inet {_TABLE}")

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """What counts on the line, or lets nothing pass there any more."""
        listed = network.execute(self.node, f"nft list table inet {_TABLE}")
        is_this_line = listed.exit_status == 0 and f'oifname "{self.interface}" counter' in listed.stdout
        return (" ".join(listed.stdout.split()) if is_this_line else None,)
