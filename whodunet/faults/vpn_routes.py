"""A VPN that claims other networks than it should."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, list_in, mapping_in, run_checked
from whodunet.cases.fields import Cidr, HostName
from whodunet.evidence.topology import Topology

_SERVER, _CLIENT = "openvpn-server", "openvpn-client"
# What stands for all of a family, beside the default route that was there before. Source: openvpn(8),
# --redirect-gateway, "def1" and "ipv6"
_WHOLE: Final[Mapping[str, frozenset[str]]] = {
    "0.0.0.0/0": frozenset({"0.0.0.0/1", "128.0.0.0/1"}),
    "::/0": frozenset({"::/3", "2000::/4", "3000::/4", "fc00::/7"}),
}


class VpnRoutes(NodeFault):
    """The VPN's server has its callers send other networks through the tunnel than the topology says.

    Those of the other family stay as they are.
    """

    kind: Literal["vpn-routes"] = "vpn-routes"
    node: HostName = Field(description="host that runs openvpn-server")
    routes: tuple[Cidr, ...] = Field(min_length=1, description="the networks, all of one family")

    def facts(self, topology: Topology) -> dict[str, str]:
        """Whether it claims more than it should, or less."""
        should = [*map(ip_network, self._of_family(topology.services[self.node][_SERVER]["routes"]))]
        is_more = any(not _is_within(ip_network(route), should) for route in self.routes)
        return super().facts(topology) | {"claims": "more" if is_more else "less"}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A host that is no VPN's server, routes of both families, or those that it has."""
        yield from self.serves(topology, self.node, _SERVER, "node")
        if len({ip_network(route).version for route in self.routes}) > 1:
            yield Misfit(("routes",), "has networks of both families", "name those of one")
        settings = topology.services.get(self.node, {}).get(_SERVER)
        if settings is not None and set(self._of_family(settings["routes"])) == set(self.routes):
            yield Misfit(("routes",), "are those that it has anyway", "leave one out, or add one")

    def inject(self, network: Network) -> Settings:
        """Has the server tell others, and its callers ask anew."""
        before = network.service_settings(self.node, _SERVER)
        kept = [route for route in map(str, list_in(before, "routes")) if not self._is_of_family(route)]
        self._configure(network, {**before, "routes": [*kept, *self.routes]})
        return before

    def remove(self, network: Network, before: Settings) -> None:
        """The same, with those that it had before."""
        self._configure(network, before)

    def _configure(self, network: Network, settings: Settings) -> None:
        network.configure_service(self.node, _SERVER, settings)
        for caller in self._callers(network):
            if network.service_is_running(caller, _CLIENT):  # else it is off the VPN, and stays so
                network.stop_service(caller, _CLIENT)
                network.start_service(caller, _CLIENT)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The routes over the tunnel, as the kernel of each caller has them."""
        expected = frozenset().union(*(_WHOLE.get(route, frozenset({route})) for route in self.routes))
        found = {caller: self._routes_of(network, caller) for caller in self._callers(network)}
        return tuple(
            f"{caller}: {', '.join(sorted(routes))} over the VPN" if routes == expected else None
            for caller, routes in found.items()
        )

    def _routes_of(self, network: Network, caller: str) -> frozenset[str]:
        """Without that of the tunnel's own network."""
        (interface,) = (end for end in network.topology.tunnel_ends if network.topology.node_at(end) == caller)
        family = ip_network(self.routes[0]).version
        told = json.loads(run_checked(network, caller, f"ip -json -{family} route show dev {interface}"))
        return frozenset(str(route["dst"]) for route in told if route.get("protocol") != "kernel")

    def _callers(self, network: Network) -> tuple[str, ...]:
        return tuple(mapping_in(network.topology.services[self.node][_SERVER], "callers"))

    def _of_family(self, routes: object) -> tuple[str, ...]:
        every = map(str, routes) if isinstance(routes, list | tuple) else ()
        return tuple(route for route in every if self._is_of_family(route))

    def _is_of_family(self, route: str) -> bool:
        return ip_network(route).version == ip_network(self.routes[0]).version


def _is_within(network: IPv4Network | IPv6Network, others: Iterable[IPv4Network | IPv6Network]) -> bool:
    return any(_covers(other, network) for other in others)


def _covers(other: IPv4Network | IPv6Network, network: IPv4Network | IPv6Network) -> bool:
    return other.prefixlen <= network.prefixlen and network.network_address in other
