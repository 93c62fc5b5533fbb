"""A cloud subnet's network ACL: stateless, so replies need a rule of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit
from whodunet.cases.fields import HostName, InterfaceName, PortSpan
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import Chain, NftablesFault, equals, header, meta, ports

# From which Linux chooses its clients' ports. Source: the kernel's ip-sysctl, ip_local_port_range
_EPHEMERAL: Final = (32768, 60999)
_PRIVILEGED: Final = 1024


class NetworkAcl(NftablesFault):
    """Denies a range of destination ports of TCP at the border of a subnet, in one direction.

    Source: Amazon VPC user guide, "Network ACLs", on ephemeral ports.
    """

    kind: Literal["network-acl"] = "network-acl"
    node: HostName = Field(description="router at the subnet's border")
    interface: InterfaceName = Field(description="the router's interface to the subnet")
    direction: Literal["inbound", "outbound"] = Field(description="as seen from the subnet")
    ports: PortSpan = Field(description="first and last destination port that is denied")

    def facts(self, topology: Topology) -> dict[str, str]:
        """The direction that is denied, and which ports: those of services, ephemeral ones, or some of these."""
        return super().facts(topology) | {"direction": self.direction, "ports": self._which_ports()}

    def _which_ports(self) -> str:
        (first, last), (lowest, highest) = self.ports, _EPHEMERAL
        if last < lowest or first > highest or (self.direction == "inbound" and first < _PRIVILEGED):
            return "services"  # what comes in for a service is denied, whatever else is
        return "ephemeral" if first <= lowest and highest <= last else "some-ephemeral"

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that is not a router, an interface of another."""
        yield from self.forwards(topology)
        yield from self.has_interface(topology, self.interface)

    def chains(self) -> tuple[Chain, ...]:
        """Packets leave the subnet by coming in at the router's interface, and the other way round."""
        way = meta("iifname" if self.direction == "outbound" else "oifname")
        denied = equals(header("tcp", "dport"), ports(*self.ports))
        return (Chain("forward", ((equals(way, self.interface), denied, {"counter": None}, {"drop": None}),)),)
