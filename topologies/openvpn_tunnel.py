"""The reference topology with a VPN that is one: an OpenVPN tunnel from the client at home to the company.

    client ==1 ms== home-gw ------------ vpn-server ---- egress-fw ---- vpn-gw ==7 ms== transit ... as in corporate_vpn
    192.168.1.10    192.168.1.1          100.64.8.2      (switch)       10.8.1.1
      tun0 : : : : : tunnel : : : : : : : : tun0
    10.8.0.10       |                    10.8.0.1
                    `======21 ms====== cloud-edge

Everything that the client sends goes into the tunnel (`client-tun0`), and leaves by the home line as encrypted
datagrams to UDP port 1194 of `vpn-server`, where it comes out again (`vpn-server-tun0`). That one leaves TTLs as they
are, as many such firewalls do: so the first hop that traceroute shows in the tunnel is `vpn-gw`, and what
`egress-fw` sends comes with its own TTL. A packet in the tunnel has at most 1400 bytes.

Off the VPN, the client uses the home line alone. With a seed, all is drawn that `corporate_vpn` draws.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whodunet import catalogue
from whodunet.address_plan import ANYWHERE, Network, routes
from whodunet.lab_topo import Uplink

if TYPE_CHECKING:
    from topologies.corporate_vpn import CorporateVpn
else:
    CorporateVpn = catalogue.topology("corporate_vpn")

MTU_BYTES: Final = 1400  # with 24 of OpenVPN, 8 of UDP and 40 of IPv6 around it, it fits into 1500


class OpenVpnTunnel(CorporateVpn):
    """See the drawing above."""

    @property
    def through_the_tunnel(self) -> tuple[Network, ...]:
        """Where the client goes by the tunnel while it is on the VPN."""
        return (ANYWHERE,)

    def _plan_addresses(self) -> None:
        super()._plan_addresses()
        inside = self.plan.subnet("behind the VPN", self.corporate, 1)
        self.vpn_gw, self.vpn_server_inside = inside.host(1), inside.host(2)
        self.vpn_server = self.client_net.host(1)
        self.outer_line = self.plan.network("outer line", "100.64.8.0/30", "fd00:64:0:8::/64")

    def _corporate_side(self) -> None:
        self._client()
        self._home()
        self._vpn_server()
        self._company()
        ways = [*routes(self.hops[0].host(2), ANYWHERE), *routes(self.vpn_server_inside, self.client_net)]
        self.route("vpn-gw", ways)
        self._tunnel()

    def _client(self) -> None:
        vpn = Uplink("client-tun0", self.vpn_server.bare, self.corp_dns.bare, service="openvpn-client")
        home = Uplink("client-eth0", self.home_gw.bare, self.home_gw.bare)
        self.host("client", "client", uplinks={"vpn": vpn, "home": home}, furnishings={"ssh-keys": {}})

    def _vpn_server(self) -> None:
        ways = [*routes(self.vpn_gw, ANYWHERE), *routes(self.outer_line.host(1), self.home)]
        self.router("vpn-server", "vpn-server", routes=ways, lowers_ttl=False)

    def _tunnel(self) -> None:
        ends = (self.client, self.vpn_server)
        client, server = self.tunnel("client", "vpn-server", addresses=ends, labels=("vpn", "tunnel"))
        called = {"interface": client, "server": list(self.outer_line.host(2).bare), "mtu_bytes": MTU_BYTES}
        self.serve("client", "openvpn-client", called)
        given = {
            "interface": server,
            "addresses": list(self.vpn_server.with_lengths),
            "callers": {"client": list(self.client.with_lengths)},
            "routes": [cidr for network in self.through_the_tunnel for cidr in network.cidrs],
            "mtu_bytes": MTU_BYTES,
        }
        self.serve("vpn-server", "openvpn-server", given)

    def _cables_to_the_company(self, near_ms: float) -> None:
        ends = (self.client_at_home, self.home_gw)
        self.connect("client", "home-gw", addresses=ends, labels=("home", "inside"), delay_ms=near_ms)
        outer = (self.outer_line.host(1), self.outer_line.host(2))
        self.connect("home-gw", "vpn-server", addresses=outer, labels=("vpn", "outside"))
        self.connect("vpn-server", "egress-fw", addresses=(self.vpn_server_inside, None), labels=("inside", "inside"))
        self.connect("egress-fw", "vpn-gw", addresses=(None, self.vpn_gw), labels=("outside", "inside"))


topos = {"openvpn_tunnel": OpenVpnTunnel}
