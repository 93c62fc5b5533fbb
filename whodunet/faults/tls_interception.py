"""A router on the path intercepts TLS."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from whodunet.cases.fault import Misfit, Network, Settings
from whodunet.cases.fields import Cidr, HostName, refused
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import DESTINATION_NAT, Chain, NftablesFault, equals, header, within

_PROXY: Final = "tls-interceptor"
_PROXY_PORT: Final = 8443


class TlsInterception(NftablesFault):
    """HTTPS between two networks is redirected to a proxy on the router, whose authority nobody trusts."""

    kind: Literal["tls-interception"] = "tls-interception"
    node: HostName = Field(description="router on the path")
    source: Cidr = Field(description="network of the clients")
    destination: Cidr = Field(description="network of the servers")

    @model_validator(mode="after")
    def _of_one_family(self) -> Self:
        if ip_network(self.source).version != ip_network(self.destination).version:
            raise refused("has a source and a destination of two families", "write two networks of one")
        return self

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that forwards nothing."""
        return self.forwards(topology)

    def chains(self) -> tuple[Chain, ...]:
        """Redirects before routing."""
        ends = (*within("saddr", self.source), *within("daddr", self.destination))
        https = (*ends, equals(header("tcp", "dport"), 443))
        return (Chain("prerouting", ((*https, {"redirect": {"port": _PROXY_PORT}}),), "nat", DESTINATION_NAT),)

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
