"""A VPC whose routes lead everything through a firewall of the cloud, which stands before the subnet.

    client ==20 ms== edge ---- nfw ---- vpc-router ---- instance
    10.60.0.10              (switch)     10.61.1.1       10.61.1.10

`nfw` is an Open vSwitch switch with the policy of a stateful firewall, as AWS Network Firewall's endpoints have it; it
lets everything pass here. Beside sshd, the instance has a web server with a page and a large file. Each network has
both families: the client's is fd00:60::/64, the VPC fd00:61::/48.

With a seed, addresses, a delay of 10 to 60 ms one way, and the TTL with which each role sends are drawn.
"""

from __future__ import annotations

from typing import ClassVar, Unpack

from whodunet.address_plan import ANYWHERE, AddressPlan, routes
from whodunet.lab_topo import HostSettings, LabTopo

TTLS = (64, 128, 255)  # with which Linux, Windows and most routers send
PAGES = {"page": "The service is well.", "port": 80, "large_bytes": 600_000}


class InspectedVpc(LabTopo):
    """See the drawing above."""

    baseline: ClassVar[tuple[str, str]] = ("client", "vpc-router.subnet")

    def host(self, name: str, role: str, **settings: Unpack[HostSettings]) -> str:
        """Adds a host, which sends with the TTL of its role."""
        settings["initial_ttl"] = self._initial_ttl(role)
        return super().host(name, role, **settings)

    def _initial_ttl(self, role: str) -> int:
        return self.draws.one_of(f"initial TTL of {role}", TTLS, 64)

    def build(self, *args: object, **params: object) -> None:
        """Plans addresses, adds nodes in the order of the path, then cables them."""
        plan = AddressPlan(self.draws)
        client_net = plan.network("client-net", "10.60.0.0/24", "fd00:60::/64")
        vpc = plan.network("vpc", "10.61.0.0/16", "fd00:61::/48")
        inspected, subnet = plan.subnet("inspected", vpc, 0), plan.subnet("subnet", vpc, 1)
        for name, network in {"client-net": client_net, "vpc": vpc, "subnet": subnet}.items():
            self.network(name, network)
        client, instance = plan.host("client", client_net, 10), plan.host("instance", subnet, 10)
        before, behind = inspected.host(1), inspected.host(2)
        self.host("client", "client", routes=routes(client_net.host(1), ANYWHERE), furnishings={"ssh-keys": {}})
        self.router("edge", "cloud-edge", routes=routes(behind, subnet))
        policy = {"controller": "egress_firewall", "addresses": list(before.bare), "default": "allow", "rules": []}
        self.switch("nfw", "network-firewall", policy | {"ttl": self._initial_ttl("network-firewall")})
        self.router("vpc-router", "vpc-router", routes=routes(before, ANYWHERE))
        self.host(
            "instance",
            "instance",
            routes=routes(subnet.host(1), ANYWHERE),
            services={"sshd": {"login": "ec2-user"}, "http-server": PAGES},
            ports={"ssh": 22, "http": 80},
        )
        delay_ms = self.draws.one_of("delay", range(10, 61), 20)
        ends = (client, client_net.host(1))
        self.connect("client", "edge", addresses=ends, labels=("nic", "client"), delay_ms=delay_ms)
        self.connect("edge", "nfw", addresses=(before, None), labels=("vpc", "edge"))
        self.connect("nfw", "vpc-router", addresses=(None, behind), labels=("inside", "nfw"))
        self.connect("vpc-router", "instance", addresses=(subnet.host(1), instance), labels=("subnet", "nic"))


topos = {"inspected_vpc": InspectedVpc}
