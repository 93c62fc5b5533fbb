"""A server with two interfaces, by one of which it receives, and by the other of which it answers.

    client ==30 ms== router ------------- server
    10.40.0.10              10.50.1.1     10.50.1.10   front
                            10.50.2.1     10.50.2.10   back

The server is called by its address at the front. Its route to the client's network leads through the back, as where a
management network was added later; it works, for nothing on the way keeps state. Beside sshd it has a web server on
port 80, and on port 7000 another one, which ends its connections with a RST. Each network has both families: the
client's is fd00:40::/64, the server's are fd00:50:0:1::/64 and fd00:50:0:2::/64.

With a seed, the addresses, a delay of 25 to 60 ms one way, and the TTL with which each role sends are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from whodunet.address_plan import ANYWHERE, AddressPlan, routes
from whodunet.lab_topo import LabTopo

TTLS = (64, 128, 255)  # with which Linux, Windows and most routers send
PORTS = {"ssh": 22, "http": 80, "report": 7000}
SERVICES: Mapping[str, Mapping[str, object]] = {
    "sshd": {"login": "ec2-user"},
    "http-server": {"page": "The service is well.", "port": PORTS["http"]},
    "report-server": {"report": "All is well.", "port": PORTS["report"]},
}


class TwoHomed(LabTopo):
    """See the drawing above."""

    baseline: ClassVar[tuple[str, str]] = ("client", "server.front")

    def build(self, *args: object, **params: object) -> None:
        """Plans addresses, adds nodes in the order of the path, then cables them."""
        plan = AddressPlan(self.draws)
        client_net = plan.network("client-net", "10.40.0.0/24", "fd00:40::/64")
        house = plan.network("house", "10.50.0.0/16", "fd00:50::/48")
        front, back = plan.subnet("front", house, 1), plan.subnet("back", house, 2)
        for name, network in {"client-net": client_net, "front": front, "back": back}.items():
            self.network(name, network)
        client, near = plan.host("client", client_net, 10), client_net.host(1)
        at_front, at_back = plan.host("server at the front", front, 10), plan.host("server at the back", back, 10)
        out, to_client = routes(front.host(1), ANYWHERE), routes(back.host(1), client_net)
        ways = routes(near, ANYWHERE)
        self.host("client", "client", routes=ways, furnishings={"ssh-keys": {}}, initial_ttl=self._ttl("client"))
        self.router("router", "router", initial_ttl=self._ttl("router"))
        self.host(
            "server",
            "server",
            routes=[*to_client, *out],
            services=SERVICES,
            ports=PORTS,
            initial_ttl=self._ttl("server"),
        )
        delay_ms = self.draws.one_of("delay", range(25, 61), 30)
        self.connect("client", "router", addresses=(client, near), labels=("nic", "near"), delay_ms=delay_ms)
        self.connect("router", "server", addresses=(front.host(1), at_front), labels=("front", "front"))
        self.connect("router", "server", addresses=(back.host(1), at_back), labels=("back", "back"))

    def _ttl(self, role: str) -> int:
        return self.draws.one_of(f"initial TTL of {role}", TTLS, 64)


topos = {"two_homed": TwoHomed}
