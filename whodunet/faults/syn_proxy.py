"""A router on the path answers SYNs itself, and lets the destination know once the client has proven its address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, Settings
from whodunet.cases.fields import HostName, Port
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import Chain, Expression, NftablesFault, equals, header

_RAW: Final = -300  # before tracking. Source: nft(8), "Standard priority names"
_LOOSE: Final = "/proc/sys/net/netfilter/nf_conntrack_tcp_loose"
_SYNPROXY: Final[Expression] = {"synproxy": {"mss": 1460, "wscale": 7, "flags": ["timestamp", "sack-perm"]}}


class SynProxy(NftablesFault):
    """SYNs to a port that pass a router are answered there, as a protection against floods does.

    Source: nft(8), "Synproxy statement"; with `tcp_loose` 0, the ACK that ends such a handshake is invalid.
    """

    kind: Literal["syn-proxy"] = "syn-proxy"
    node: HostName = Field(description="router on the path")
    port: Port = Field(description="of the connections that it protects")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that forwards nothing."""
        return self.forwards(topology)

    def chains(self) -> tuple[Chain, ...]:
        """SYNs are not tracked; those, and what ends their handshake, are the proxy's."""
        to_port = equals(header("tcp", "dport"), self.port)
        untracked = (to_port, equals(header("tcp", "flags"), "syn"), {"notrack": None})
        state: Expression = {"ct": {"key": "state"}}
        answered = (to_port, equals(state, ["invalid", "untracked"], op="in"), _SYNPROXY)
        return (
            Chain("prerouting", (untracked,), priority=_RAW),
            Chain("forward", (answered, (equals(state, "invalid", op="in"), {"drop": None}))),
        )

    def inject(self, network: Network) -> Settings:
        """Loads the table, which turns tracking on, and has it take nothing up in its middle."""
        super().inject(network)
        before = self.run(network, f"cat {_LOOSE}").strip()
        self.run(network, f"echo 0 > {_LOOSE}")
        return {"tcp_loose": before}

    def remove(self, network: Network, before: Settings) -> None:
        """Restores what tracking takes up, and deletes the table."""
        self.run(network, f"echo {before['tcp_loose']} > {_LOOSE}")
        super().remove(network, before)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The table, and that tracking takes nothing up in its middle."""
        is_strict = self.run(network, f"cat {_LOOSE}").strip() == "0"
        return (*super().signs(network), "tcp_loose = 0" if is_strict else None)
