"""A stateful box on the path forgets idle connections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from whodunet.cases.fault import Misfit
from whodunet.cases.fields import HostName
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import Chain, Expression, equals, meta
from whodunet.faults.tracking_fault import TrackingFault


class IdleTimeout(TrackingFault):
    """Packets of a connection that was idle for too long are answered with RST, or dropped.

    Source: the kernel's nf_conntrack-sysctl; with `tcp_loose` 0, packets of an unknown connection are invalid.
    """

    kind: Literal["idle-timeout"] = "idle-timeout"
    node: HostName = Field(description="router that tracks connections")
    idle_s: int = Field(ge=1, le=3600)
    answer: Literal["reset", "silence"]

    def facts(self, topology: Topology) -> dict[str, str]:
        """How it answers afterwards."""
        return super().facts(topology) | {"answer": self.answer}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that forwards nothing."""
        return self.forwards(topology)

    def chains(self) -> tuple[Chain, ...]:
        """Whatever belongs to no tracked connection and opens none is refused."""
        verdict: Expression = {"reject": {"type": "tcp reset"}} if self.answer == "reset" else {"drop": None}
        unknown = equals({"ct": {"key": "state"}}, "invalid", op="in")
        return (Chain("forward", ((equals(meta("l4proto"), "tcp"), unknown, {"counter": None}, verdict),)),)

    def tracking(self) -> dict[str, int]:
        """A short memory, and none but the first packet opens a connection."""
        return {"nf_conntrack_tcp_loose": 0, "nf_conntrack_tcp_timeout_established": self.idle_s}
