"""A VPN whose tunnel is up on one side, and dead on the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, Settings, run_checked
from whodunet.cases.fields import HostName
from whodunet.evidence.packets import OPENVPN_PORT
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import Chain, NftablesFault, equals, header

_SERVER: Final = "openvpn-server"
_STOPPED: Final = "T"  # the first letter of such a process's state. Source: ps(1), PROCESS STATE CODES


class VpnPeerDead(NftablesFault):
    """The VPN's program on its server hangs, and what comes for it is lost: nothing answers, not even an error.

    Its callers notice only when their own patience is at its end (openvpn(8), --ping-restart): until then interface and
    routes are as they were.
    """

    kind: Literal["vpn-peer-dead"] = "vpn-peer-dead"
    node: HostName = Field(description="host that runs openvpn-server")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A host that is no VPN's server."""
        yield from self.serves(topology, self.node, _SERVER, "node")

    def chains(self) -> tuple[Chain, ...]:
        """A queue that is full from the start: else the program would, once it goes on, pass on what is long gone."""
        return (Chain("input", ((equals(header("udp", "dport"), OPENVPN_PORT), {"counter": None}, {"drop": None}),)),)

    def inject(self, network: Network) -> Settings:
        """Stops its process, without ending it."""
        self._signal(network, "STOP")
        return super().inject(network)

    def remove(self, network: Network, before: Settings) -> None:
        """Lets it go on."""
        super().remove(network, before)
        self._signal(network, "CONT")

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The process, in a state in which it does nothing, and the filter."""
        lines = network.execute(self.node, "ps -C openvpn -o stat=,pid=,args=").stdout.splitlines()
        stopped = [line.strip() for line in lines if line.strip().startswith(_STOPPED)]
        return (f"{self.node}: {'; '.join(stopped)}" if stopped else None, *super().signs(network))

    def _signal(self, network: Network, name: str) -> None:
        run_checked(network, self.node, f"pkill -{name} -x openvpn")
