"""A stateful box that follows windows, and does not see all that moves them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit
from whodunet.cases.fields import HostName, InterfaceName
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import Chain, NftablesFault, equals, header, meta

_RAW: Final = -300  # before tracking. Source: nft(8), "Standard priority names"


class WindowTracking(NftablesFault):
    """Bare ACKs that come by one interface bypass the tracking of connections; what it calls invalid is dropped.

    So it knows no other window than that of the last segment with data, and takes what exceeds it for invalid, as where
    hardware forwards packets past the kernel. Source: the kernel's nf_conntrack-sysctl, nf_conntrack_tcp_be_liberal.
    """

    kind: Literal["window-tracking"] = "window-tracking"
    node: HostName = Field(description="router that tracks connections")
    interface: InterfaceName = Field(description="of the router, by which the ACKs come that it does not track")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that forwards nothing, an interface of another."""
        yield from self.forwards(topology)
        yield from self.has_interface(topology, self.interface)

    def chains(self) -> tuple[Chain, ...]:
        """What is not tracked, and what is dropped."""
        comes = equals(meta("iifname"), self.interface)
        bare = (comes, equals(header("tcp", "flags"), "ack"), {"notrack": None})
        invalid = equals({"ct": {"key": "state"}}, "invalid", op="in")
        dropped = (equals(meta("l4proto"), "tcp"), invalid, {"counter": None}, {"drop": None})
        return (Chain("prerouting", (bare,), priority=_RAW), Chain("forward", (dropped,)))
