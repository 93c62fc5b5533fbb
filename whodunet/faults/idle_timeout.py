"""A stateful box on the path forgets idle connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from whodunet.core.fault import Network
from whodunet.core.topology import Topology
from whodunet.faults.nftables import NftablesFault

_SYSCTLS = "/proc/sys/net/netfilter"


class IdleTimeout(NftablesFault):
    """Packets of a connection that was idle for too long are answered with RST, or dropped.

    Source: the kernel's nf_conntrack-sysctl; with `tcp_loose` 0, packets of an unknown connection are invalid.
    """

    kind: Literal["idle-timeout"] = "idle-timeout"
    node: str = Field(description="router that tracks connections")
    idle_s: int = Field(ge=1, le=3600)
    answer: Literal["reset", "silence"]

    def facts(self, topology: Topology) -> dict[str, str]:
        """How it answers afterwards."""
        return super().facts(topology) | {"answer": self.answer}

    def chains(self) -> str:
        """Whatever belongs to no tracked connection and opens none is refused."""
        verdict = "reject with tcp reset" if self.answer == "reset" else "drop"
        return (
            "chain forward {\ntype filter hook forward priority -10\n"
            f"meta l4proto tcp ct state invalid counter {verdict}\n}}"
        )

    def _settings(self) -> dict[str, int]:
        return {"nf_conntrack_tcp_loose": 0, "nf_conntrack_tcp_timeout_established": self.idle_s}

    def inject(self, network: Network) -> Mapping[str, Any]:
        """Loads the table, which turns tracking on, then shortens the kernel's memory."""
        super().inject(network)
        before = {key: self.run(network, f"cat {_SYSCTLS}/{key}").strip() for key in self._settings()}
        self._set(network, self._settings())
        return before

    def remove(self, network: Network, before: Mapping[str, Any]) -> None:
        """Gives the kernel its memory back and deletes the table."""
        self._set(network, before)
        super().remove(network, before)

    def _set(self, network: Network, settings: Mapping[str, Any]) -> None:
        for key, value in settings.items():
            self.run(network, f"echo {value} > {_SYSCTLS}/{key}")
