"""A NAT that has few ports for its connections."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit
from whodunet.cases.fields import Address, HostName, InterfaceName, PortSpan
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import Chain, NftablesFault, equals, meta

_SOURCE_NAT: Final = 100  # Source: nft(8), "Standard priority names", srcnat


class NatPorts(NftablesFault):
    """What leaves by the interface gets one outside address and one of few ports; a connection too many is dropped.

    One port serves one connection to each destination. Source: RFC 6888, section 4; nft(8), "NAT STATEMENTS".
    """

    kind: Literal["nat-ports"] = "nat-ports"
    node: HostName = Field(description="router that translates")
    interface: InterfaceName = Field(description="the router's interface to the outside")
    address: Address = Field(description="one of the router's own")
    ports: PortSpan = Field(description="first and last port that it has for TCP")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that is not a router, an interface of another, an address that it does not have."""
        yield from self.forwards(topology)
        yield from self.has_interface(topology, self.interface)
        yield from self.has_address(topology, self.address, "address")

    def chains(self) -> tuple[Chain, ...]:
        """The translation."""
        family = "ip" if ip_address(self.address).version == 4 else "ip6"
        first, last = self.ports
        port = first if first == last else {"range": [first, last]}
        translated = {"snat": {"family": family, "addr": self.address, "port": port}}
        leaves = equals(meta("oifname"), self.interface)
        return (
            Chain(
                "postrouting",
                ((leaves, equals(meta("l4proto"), "tcp"), translated),),
                type="nat",
                priority=_SOURCE_NAT,
            ),
        )
