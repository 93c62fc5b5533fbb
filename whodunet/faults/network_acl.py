"""A cloud subnet's network ACL: stateless, so replies need a rule of their own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from whodunet.core.topology import Topology
from whodunet.faults.nftables import NftablesFault


class NetworkAcl(NftablesFault):
    """Denies a range of destination ports at the border of a subnet, in one direction.

    Source: Amazon VPC user guide, "Network ACLs", on ephemeral ports.
    """

    kind: Literal["network-acl"] = "network-acl"
    node: str = Field(description="router at the subnet's border")
    interface: str = Field(description="the router's interface to the subnet")
    direction: Literal["inbound", "outbound"] = Field(description="as seen from the subnet")
    ports: tuple[int, int] = Field(description="first and last destination port that is denied")

    def facts(self, topology: Topology) -> dict[str, str]:
        """The direction that is denied."""
        return super().facts(topology) | {"direction": self.direction}

    def names(self) -> dict[str, str]:
        """The router and its interface."""
        return {"node": self.node, "interface": self.interface}

    def chains(self) -> str:
        """Packets leave the subnet by coming in at the router's interface, and the other way round."""
        way = f'iifname "{self.interface}"' if self.direction == "outbound" else f'oifname "{self.interface}"'
        ports = f"tcp dport {self.ports[0]}-{self.ports[1]}"
        return f"chain subnet {{\ntype filter hook forward priority -10\n{way} {ports} counter drop\n}}"
