"""What the faults have in common that are a table of nftables and another memory for connections."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Final

from whodunet.cases.fault import Network, Settings
from whodunet.faults.nftables import NftablesFault

_SYSCTLS: Final = "/proc/sys/net/netfilter"


class TrackingFault(NftablesFault):
    """A router's connection tracking has other settings than the kernel gives it.

    Source: the kernel's nf_conntrack-sysctl.
    """

    @abstractmethod
    def tracking(self) -> Mapping[str, int]:
        """The kernel's settings, as they are below /proc/sys/net/netfilter."""

    def inject(self, network: Network) -> Settings:
        """Loads the table, which turns tracking on, then changes the kernel's memory."""
        super().inject(network)
        before = {key: self._read(network, key) for key in self.tracking()}
        self._set(network, self.tracking())
        return before

    def remove(self, network: Network, before: Settings) -> None:
        """Gives the kernel its memory back and deletes the table."""
        self._set(network, before)
        super().remove(network, before)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The table, and what the kernel has for its memory."""
        memory = {key: self._read(network, key) for key in self.tracking()}
        changed = [
            f"{key} = {memory[key]}" if memory[key] == str(value) else None for key, value in self.tracking().items()
        ]
        return (*super().signs(network), *changed)

    def _read(self, network: Network, key: str) -> str:
        return self.run(network, f"cat {_SYSCTLS}/{key}").strip()

    def _set(self, network: Network, settings: Settings) -> None:
        for key, value in settings.items():
            self.run(network, f"echo {value} > {_SYSCTLS}/{key}")
