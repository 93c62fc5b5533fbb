"""A router on the path intercepts TLS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from whodunet.core.fault import Network
from whodunet.faults.nftables import NftablesFault

_PROXY: Final = "tls-interceptor"
_PROXY_PORT: Final = 8443


class TlsInterception(NftablesFault):
    """HTTPS between two networks is redirected to a proxy on the router, whose authority nobody trusts."""

    kind: Literal["tls-interception"] = "tls-interception"
    node: str = Field(description="router on the path")
    source: str = Field(description="network of the clients")
    destination: str = Field(description="network of the servers")

    def chains(self) -> str:
        """Redirects before routing."""
        redirect = f"ip saddr {self.source} ip daddr {self.destination} tcp dport 443 redirect to :{_PROXY_PORT}"
        return f"chain prerouting {{\ntype nat hook prerouting priority dstnat;\n{redirect}\n}}"

    def inject(self, network: Network) -> Mapping[str, Any]:
        """Starts the proxy, then redirects to it."""
        network.add_service(self.node, _PROXY, {"port": _PROXY_PORT})
        return super().inject(network)

    def remove(self, network: Network, before: Mapping[str, Any]) -> None:
        """Ends the redirection, then the proxy."""
        super().remove(network, before)
        network.remove_service(self.node, _PROXY)
