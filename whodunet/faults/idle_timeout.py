"""A stateful box on the path forgets idle connections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, Settings
from whodunet.cases.fields import HostName
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import Chain, Expression, NftablesFault, equals, meta

_SYSCTLS = "/proc/sys/net/netfilter"


class IdleTimeout(NftablesFault):
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

    def _settings(self) -> dict[str, int]:
        return {"nf_conntrack_tcp_loose": 0, "nf_conntrack_tcp_timeout_established": self.idle_s}

    def inject(self, network: Network) -> Settings:
        """Loads the table, which turns tracking on, then shortens the kernel's memory."""
        super().inject(network)
        before = {key: self.run(network, f"cat {_SYSCTLS}/{key}").strip() for key in self._settings()}
        self._set(network, self._settings())
        return before

    def remove(self, network: Network, before: Settings) -> None:
        """Gives the kernel its memory back and deletes the table."""
        self._set(network, before)
        super().remove(network, before)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The table, and what the kernel has for its memory."""
        memory = {key: self.run(network, f"cat {_SYSCTLS}/{key}").strip() for key in self._settings()}
        shortened = [
            f"{key} = {memory[key]}" if memory[key] == str(value) else None for key, value in self._settings().items()
        ]
        return (*super().signs(network), *shortened)

    def _set(self, network: Network, settings: Settings) -> None:
        for key, value in settings.items():
            self.run(network, f"echo {value} > {_SYSCTLS}/{key}")
