"""A router that lets nobody out until they have signed in. Source: RFC 8952."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, Settings
from whodunet.cases.fields import Cidr, HostName
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import DESTINATION_NAT, Chain, NftablesFault, equals, header, within

_SERVICE: Final = "http-server"
_PORT: Final = 8008
_PAGE: Final = "Please sign in to use this network."


class CaptivePortal(NftablesFault):
    """Plain HTTP is redirected to the router's own page; all other TCP is reset, and everything else dropped.

    What is for the router itself passes, such as its DNS.
    """

    kind: Literal["captive-portal"] = "captive-portal"
    node: HostName = Field(description="router, the guests' gateway")
    source: Cidr = Field(description="network of the guests")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that forwards nothing, or that has a web server of its own."""
        yield from self.forwards(topology)
        if _SERVICE in topology.services.get(self.node, {}):
            yield Misfit(("node",), f"is {self.node}, which serves web pages of its own", "name another router")

    def chains(self) -> tuple[Chain, ...]:
        """A redirection before routing, and two rules about what would be passed on."""
        guests = within("saddr", self.source)
        http = (*guests, equals(header("tcp", "dport"), 80), {"redirect": {"port": _PORT}})
        return (
            Chain("prerouting", (http,), "nat", DESTINATION_NAT),
            Chain("forward", ((*guests, {"reject": {"type": "tcp reset"}}), (*guests, {"drop": None}))),
        )

    def inject(self, network: Network) -> Settings:
        """Serves the page, then closes the way out."""
        network.add_service(self.node, _SERVICE, {"page": _PAGE, "port": _PORT})
        return super().inject(network)

    def remove(self, network: Network, before: Settings) -> None:
        """Opens the way out, then ends the server of the page."""
        super().remove(network, before)
        network.remove_service(self.node, _SERVICE)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The table, and the page's socket."""
        sockets = [line.split()[3] for line in self.run(network, "ss -Hltn").splitlines()]
        listens = any(each.endswith(f":{_PORT}") for each in sockets)
        return (*super().signs(network), f"port {_PORT} listens" if listens else None)
