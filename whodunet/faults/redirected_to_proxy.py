"""What the faults have in common that redirect connections on a router to a proxy there."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from whodunet.cases.fault import Misfit, Network, Settings
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import DESTINATION_NAT, Chain, NftablesFault, Rule


class RedirectedToProxy(NftablesFault):
    """Connections that pass a router are redirected to a service of its own."""

    proxy: ClassVar[str]
    """The service."""
    proxy_port: ClassVar[int]

    @abstractmethod
    def redirected(self) -> Rule:
        """The match of what is redirected."""

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that forwards nothing."""
        return self.forwards(topology)

    def chains(self) -> tuple[Chain, ...]:
        """Redirects before routing."""
        redirect = (*self.redirected(), {"redirect": {"port": self.proxy_port}})
        return (Chain("prerouting", (redirect,), "nat", DESTINATION_NAT),)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The redirection, and the proxy's socket."""
        sockets = self.run(network, "ss -Hltn").splitlines()
        listens = any(re.search(rf":{self.proxy_port}$", line.split()[3]) for line in sockets)
        return (*super().signs(network), f"port {self.proxy_port} listens" if listens else None)

    def inject(self, network: Network) -> Settings:
        """Starts the proxy, then redirects to it."""
        network.add_service(self.node, self.proxy, {"port": self.proxy_port})
        return super().inject(network)

    def remove(self, network: Network, before: Settings) -> None:
        """Ends the redirection, then the proxy."""
        super().remove(network, before)
        network.remove_service(self.node, self.proxy)
