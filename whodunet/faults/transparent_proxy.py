"""A router on the path has a transparent proxy, which accepts connections before it knows the destination."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, Settings
from whodunet.cases.fields import HostName, Port
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import DESTINATION_NAT, Chain, NftablesFault, equals, header

_PROXY: Final = "tcp-proxy"
_PROXY_PORT: Final = 8081


class TransparentProxy(NftablesFault):
    """Connections to a port that pass a router are redirected to a proxy there."""

    kind: Literal["transparent-proxy"] = "transparent-proxy"
    node: HostName = Field(description="router on the path")
    port: Port = Field(description="of the connections that are redirected")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that forwards nothing."""
        return self.forwards(topology)

    def chains(self) -> tuple[Chain, ...]:
        """Redirects before routing."""
        redirect = (equals(header("tcp", "dport"), self.port), {"redirect": {"port": _PROXY_PORT}})
        return (Chain("prerouting", (redirect,), "nat", DESTINATION_NAT),)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The redirection, and the proxy's socket."""
        sockets = self.run(network, "ss -Hltn").splitlines()
        listens = any(re.search(rf":{_PROXY_PORT}$", line.split()[3]) for line in sockets)
        return (*super().signs(network), f"port {_PROXY_PORT} listens" if listens else None)

    def inject(self, network: Network) -> Settings:
        """Starts the proxy, then redirects to it."""
        network.add_service(self.node, _PROXY, {"port": _PROXY_PORT})
        return super().inject(network)

    def remove(self, network: Network, before: Settings) -> None:
        """Ends the redirection, then the proxy."""
        super().remove(network, before)
        network.remove_service(self.node, _PROXY)
