"""Two ways between a client and a server: questions go by one, answers by the other, past a firewall.

                    ,---- upper ----.
    client ==1 ms== near           far ==10 ms== server
    10.1.0.10       `---- fw -------'           10.2.0.10
                       (switch)

`near` sends what is for the server by `upper`; `far` sends what is for the client by the link with `fw`, an Open
vSwitch switch with the policy of an egress firewall. It lets answers pass whose questions went another way, as it has
to be where a firewall stands on one of several ways. With a seed, addresses and the delay to the server are drawn.
"""

from __future__ import annotations

from typing import ClassVar

from whodunet.address_plan import ANYWHERE, AddressPlan, routes
from whodunet.lab_topo import LabTopo


class TwoWays(LabTopo):
    """See the drawing above."""

    baseline: ClassVar[tuple[str, str]] = ("client", "server.nic")

    def build(self, *args: object, **params: object) -> None:
        """Plans addresses, adds nodes in the order of the path, then cables them."""
        plan = AddressPlan(self.draws)
        clients = plan.network("clients", "10.1.0.0/24", "fd00:1::/64")
        servers = plan.network("servers", "10.2.0.0/24", "fd00:2::/64")
        before, behind = (
            plan.network(name, f"10.3.{number}.0/30", f"fd00:3:0:{number}::/64")
            for number, name in enumerate(("before upper", "behind upper"))
        )
        direct = plan.network("by fw", "10.3.2.0/30", "fd00:3:0:2::/64")
        self.network("clients", clients)
        self.network("servers", servers)
        self.host("client", "client", routes=routes(clients.host(1), ANYWHERE), furnishings={"ssh-keys": {}})
        self.router("near", "near-router", routes=routes(before.host(2), servers))
        self.router("upper", "transit", routes=[*routes(before.host(1), clients), *routes(behind.host(2), servers)])
        policy = {"controller": "egress_firewall", "addresses": list(direct.host(1).bare), "default": "allow"}
        self.switch("fw", "return-firewall", policy | {"asymmetric": "bypass", "rules": []})
        self.router("far", "far-router", routes=routes(direct.host(1), clients))
        self.host(
            "server",
            "instance",
            routes=routes(servers.host(1), ANYWHERE),
            services={"sshd": {"login": "ec2-user"}},
            ports={"ssh": 22},
        )
        self.connect(
            "client",
            "near",
            addresses=(plan.host("client", clients, 10), clients.host(1)),
            labels=("nic", "inside"),
            delay_ms=1,
        )
        self.connect("near", "upper", addresses=(before.host(1), before.host(2)), labels=("upper", "near"))
        self.connect("near", "fw", addresses=(direct.host(1), None), labels=("fw", "near"))
        self.connect("upper", "far", addresses=(behind.host(1), behind.host(2)), labels=("far", "upper"))
        self.connect("fw", "far", addresses=(None, direct.host(2)), labels=("far", "fw"))
        delay_ms = self.draws.one_of("delay to the server", range(10, 60), 10)
        server = plan.host("server", servers, 10)
        self.connect("far", "server", addresses=(servers.host(1), server), labels=("inside", "nic"), delay_ms=delay_ms)


topos = {"two_ways": TwoWays}
