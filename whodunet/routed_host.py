"""A host as stock Mininet runs it from a topology of the lab: `mn --custom topologies/corporate_vpn.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from whodunet.importing import importing_mininet

with importing_mininet():
    from mininet.node import Host

from whodunet.lab_topo import Uplink


def _family_of(line: str) -> str:
    """The option of `ip` for a route or rule: an address with a colon is one of IPv6."""
    return "-6" if ":" in line else "-4"


class RoutedHost(Host):
    """A host that sets its own routes and forwarding when stock Mininet (`mn --custom`) runs the topology."""

    def config(
        self,
        routes: Sequence[str] = (),
        rules: Sequence[str] = (),
        forwards: bool = False,
        uplinks: Mapping[str, Uplink] | None = None,
        **params: object,
    ) -> object:
        """Configures the node as Mininet does, then its addresses of IPv6 and its routing, by the preferred uplink.

        Of those that cables make: no service runs here.
        """
        result: object = super().config(**params)
        for interface in self.intfList():
            if "ip6" in interface.params:
                self.cmd(f"ip address replace {interface.params['ip6']} dev {interface} nodad")
        preferred = next((way for way in (uplinks or {}).values() if way.service is None), None)
        routes = [*routes, *(f"default via {gateway}" for gateway in (preferred.gateway if preferred else ()))]
        if forwards:
            self.cmd("sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
        for route in routes:
            self.cmd(f"ip {_family_of(route)} route replace {route}")
        for rule in rules:
            self.cmd(f"ip {_family_of(rule)} rule add {rule}")
        return result
