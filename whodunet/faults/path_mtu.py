"""An MTU black hole: a narrower path, of which nobody says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit
from whodunet.cases.fields import HostName, InterfaceName
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import Chain, NftablesFault, equals, meta

_LEAST_IPV6_BYTES: Final = 1280  # Source: RFC 8200, section 5
_BEFORE_REASSEMBLY: Final = -450  # as packets come from the link. Source: linux/netfilter_ipv4.h, NF_IP_PRI_*


class PathMtu(NftablesFault):
    """What lies behind a router's interface, a tunnel or a bridge, takes smaller packets only and drops others.

    Both ways and silently: the router believes the link to be as wide as its interface, so it sends no "fragmentation
    needed" or "packet too big". It is no MTU of the interface: some kinds of interfaces receive what is longer than
    theirs (TAP), some do not (veth), so that links would differ with what they are made of.

    Source: RFC 1191 and RFC 8201 for what should happen, RFC 2923 section 2.1 for what happens when it does not.
    """

    kind: Literal["path-mtu"] = "path-mtu"
    node: HostName = Field(description="router before the narrow path")
    interface: InterfaceName = Field(description="the router's interface to the narrow path")
    mtu_bytes: int = Field(ge=576, le=1499, description="at least 1280 where the link has addresses of IPv6")

    def facts(self, topology: Topology) -> dict[str, str]:
        """Where it sits, and what goes over the narrow link: the datagrams of a tunnel, or packets as they are."""
        ends = {self.interface, topology.peer_of(self.interface)}
        is_outer = any(ends <= set(topology.outside(tunnel)) for tunnel in topology.tunnels)
        return super().facts(topology) | {"carries": "a tunnel" if is_outer else "packets"}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that is not a router, an interface of another."""
        yield from self.forwards(topology)
        yield from self.has_interface(topology, self.interface)
        if self.mtu_bytes < _LEAST_IPV6_BYTES and topology.interfaces[self.interface].address("ipv6"):
            wrong = f"is {self.mtu_bytes}, with which no link may carry IPv6, as {self.interface} does"
            yield Misfit(("mtu_bytes",), wrong, f"write at least {_LEAST_IPV6_BYTES}")

    def chains(self) -> tuple[Chain, ...]:
        """What is too long is lost on its way out by the interface, and on its way in."""
        too_long = equals(meta("length"), self.mtu_bytes, ">")
        ways = {"prerouting": "iifname", "postrouting": "oifname"}
        return tuple(
            Chain(
                hook,
                ((equals(meta(way), self.interface), too_long, {"counter": None}, {"drop": None}),),
                priority=_BEFORE_REASSEMBLY,
            )
            for hook, way in ways.items()
        )
