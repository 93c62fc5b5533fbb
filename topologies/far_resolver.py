"""A branch office with a fast line to its servers, and a name server that is reached over a satellite.

    client ==5 ms== gw ==5 ms== server
    10.60.0.10      |           10.61.0.10
                    `=======280 ms======= dns 10.62.0.53

About 20 ms round trip from the client to the server, and half a second and more to the name server, which is slow and
right. Each network has both families: the office is fd00:60::/64, the server's fd00:61::/64, the resolver's
fd00:62::/64.

With a seed, these are drawn: addresses, a delay of 2 to 10 ms on each of the two cables to the server, one of 260 to
300 ms to the name server, the TTL with which each role sends, and the port of sshd.
"""

from __future__ import annotations

from typing import ClassVar

from whodunet.address_plan import ANYWHERE, AddressPlan, routes
from whodunet.lab_topo import LabTopo

ZONE = "branch.example"
TTLS = (64, 128, 255)  # with which Linux, Windows and most routers send


class FarResolver(LabTopo):
    """See the drawing above."""

    baseline: ClassVar[tuple[str, str]] = ("client", "server.nic")
    search_domain: ClassVar[str | None] = ZONE

    def build(self, *args: object, **params: object) -> None:
        """Plans addresses, adds nodes in the order of the path, then cables them."""
        plan = AddressPlan(self.draws)
        office = plan.network("office", "10.60.0.0/24", "fd00:60::/64")
        servers = plan.network("servers", "10.61.0.0/24", "fd00:61::/64")
        names = plan.network("names", "10.62.0.0/24", "fd00:62::/64")
        for name, network in {"office": office, "servers": servers, "names": names}.items():
            self.network(name, network)
        client, server = plan.host("client", office, 10), plan.host("server", servers, 10)
        dns = plan.host("dns", names, 53)
        ssh_port = self.draws.one_of("sshd's port", (22, 222, 2022, 22022), 22)
        self.host(
            "client",
            "client",
            routes=routes(office.host(1), ANYWHERE),
            resolver=dns.bare,
            furnishings={"ssh-keys": {}},
            initial_ttl=self._ttl("client"),
        )
        self.router("gw", "router", initial_ttl=self._ttl("router"))
        self.host(
            "server",
            "server",
            routes=routes(servers.host(1), ANYWHERE),
            services={"sshd": {"login": "ec2-user", "port": ssh_port}},
            ports={"ssh": ssh_port},
            properties={"dns_name": f"server.{ZONE}"},
            initial_ttl=self._ttl("server"),
        )
        zone = {"zones": [ZONE], "records": {f"server.{ZONE}": list(server.bare)}}
        self.host(
            "dns",
            "resolver",
            routes=routes(names.host(1), ANYWHERE),
            services={"dnsmasq": zone},
            ports={"dns": 53},
            initial_ttl=self._ttl("resolver"),
        )
        near_ms, far_ms = (
            self.draws.one_of(f"delay of the {which} cable", range(2, 11), 5) for which in ("near", "far")
        )
        space_ms = self.draws.one_of("delay by satellite", range(260, 301, 10), 280)
        self.connect("client", "gw", addresses=(client, office.host(1)), labels=("nic", "near"), delay_ms=near_ms)
        self.connect("gw", "server", addresses=(servers.host(1), server), labels=("far", "nic"), delay_ms=far_ms)
        self.connect("gw", "dns", addresses=(names.host(1), dns), labels=("dish", "nic"), delay_ms=space_ms)

    def _ttl(self, role: str) -> int:
        return self.draws.one_of(f"initial TTL of {role}", TTLS, 64)


topos = {"far_resolver": FarResolver}
