"""A branch office with one network, behind a router that translates addresses.

    client 10.70.0.10 ==1 ms==.
                              |                       10.70.0.1   100.64.0.1
    server 10.70.0.20 ------ lan ------------------------- gw ==20 ms== outside 100.64.0.2
                           (switch)
    printer 10.70.0.30 -------'

`lan` is a switch that only learns. `gw` has the office's one public address, from which all goes out over IPv4, and
forwards ssh that comes for it to `server`; whoever is in the office may use that address, too. Over IPv6 each host has
an address of its own (fd00:70::/64), and nothing is translated.

With a seed, addresses, delays and the TTL with which each role sends are drawn.
"""

from __future__ import annotations

from typing import ClassVar, Unpack

from whodunet.address_plan import ANYWHERE, AddressPlan, routes
from whodunet.lab_topo import HostSettings, LabTopo

TTLS = (64, 128, 255)  # with which Linux, Windows and most routers send
SSH_PORT = 22


class BranchOffice(LabTopo):
    """See the drawing above."""

    baseline: ClassVar[tuple[str, str]] = ("client", "outside.nic")

    def host(self, name: str, role: str, **settings: Unpack[HostSettings]) -> str:
        """Adds a host, which sends with the TTL of its role."""
        settings["initial_ttl"] = self.draws.one_of(f"initial TTL of {role}", TTLS, 64)
        return super().host(name, role, **settings)

    def build(self, *args: object, **params: object) -> None:
        """Plans addresses, adds nodes in the order of the path, then cables them."""
        plan = AddressPlan(self.draws)
        office = plan.network("office", "10.70.0.0/24", "fd00:70::/64")
        street = plan.network("street", "100.64.0.0/30", "fd00:64::/64")
        self.network("office", office)
        inside, public, beyond = office.host(1), street.host(1), street.host(2)
        client, server, printer = (
            plan.host(name, office, number) for name, number in (("client", 10), ("server", 20), ("printer", 30))
        )
        out = list(routes(inside, ANYWHERE))
        sshd = {"sshd": {"login": "ec2-user"}}
        self.host("client", "client", routes=out, furnishings={"ssh-keys": {}})
        self.switch("lan", "switch", {"controller": "learning_switch"})
        self.host("server", "server", routes=out, services=sshd, ports={"ssh": SSH_PORT})
        self.host("printer", "printer", routes=out)
        self.router("gw", "office-gateway", routes=routes(beyond, ANYWHERE))
        forwarding = {
            "outside": "gw-eth1",
            "public": public.bare[0],
            "inside": office.cidrs[0],
            "to": server.bare[0],
            "port": SSH_PORT,
        }
        self.serve("gw", "port-forwarding", forwarding)
        self.host("outside", "outside", routes=routes(public, office))
        near_ms = self.draws.one_of("delay in the office", range(1, 4), 1)
        self.connect("client", "lan", addresses=(client, None), labels=("nic", "client"), delay_ms=near_ms)
        self.connect("server", "lan", addresses=(server, None), labels=("nic", "server"))
        self.connect("printer", "lan", addresses=(printer, None), labels=("nic", "printer"))
        self.connect("gw", "lan", addresses=(inside, None), labels=("inside", "gw"))
        delay_ms = self.draws.one_of("delay to the outside", range(10, 60), 20)
        self.connect("gw", "outside", addresses=(public, beyond), labels=("outside", "nic"), delay_ms=delay_ms)


topos = {"branch_office": BranchOffice}
