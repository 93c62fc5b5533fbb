"""A NAT with several outside addresses, which gives an idle connection another one."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit
from whodunet.cases.fields import Address, HostName, InterfaceName
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import Chain, Rule, equals, meta
from whodunet.faults.tracking_fault import TrackingFault

_SOURCE_NAT: Final = 100  # Source: nft(8), "Standard priority names", srcnat


class NatPool(TrackingFault):
    """What leaves by the interface gets the outside addresses in turn, one a connection, which is forgotten when idle.

    What comes after the pause is taken for a new connection, and leaves with the next address. Source: RFC 4787, REQ-2,
    on what a pool should not do; the kernel's nf_conntrack-sysctl, tcp_loose: by default any packet opens a connection.
    """

    kind: Literal["nat-pool"] = "nat-pool"
    node: HostName = Field(description="router that translates")
    interface: InterfaceName = Field(description="the router's interface to the outside")
    addresses: tuple[Address, ...] = Field(min_length=2, max_length=8, description="the router's own, of one family")
    idle_s: int = Field(ge=1, le=3600)

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that is not a router, an interface of another, an address that it does not have, two families."""
        yield from self.forwards(topology)
        yield from self.has_interface(topology, self.interface)
        family = ip_address(self.addresses[0]).version
        for number, address in enumerate(self.addresses):
            yield from self.has_address(topology, address, "addresses", number)
            if ip_address(address).version != family:
                yield Misfit(
                    ("addresses", number), "is of another family than the first", "use addresses of one family"
                )

    def tracking(self) -> dict[str, int]:
        """A short memory."""
        return {"nf_conntrack_tcp_timeout_established": self.idle_s}

    def chains(self) -> tuple[Chain, ...]:
        """The addresses, in turn."""
        family = "ip" if ip_address(self.addresses[0]).version == 4 else "ip6"
        rules = tuple(self._translation(family, number) for number in range(len(self.addresses)))
        return (Chain("postrouting", rules, type="nat", priority=_SOURCE_NAT),)

    def _translation(self, family: str, number: int) -> Rule:
        """The rule of one address: for each connection that comes so far, one in as many as addresses are left."""
        in_turn = {"numgen": {"mode": "inc", "mod": len(self.addresses) - number, "offset": 0}}
        leaves = equals(meta("oifname"), self.interface)
        translated = {"snat": {"family": family, "addr": self.addresses[number]}}
        return (leaves, equals(meta("l4proto"), "tcp"), equals(in_turn, 0), translated)
