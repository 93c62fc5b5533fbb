"""The reference topology: a workstation on a corporate VPN, and an instance in a private subnet of a cloud.

                                                        corp-dns 10.9.0.53
                                                            |
    client ==1 ms== egress-fw ---- vpn-gw ==7 ms== transit1 ==7 ms== transit2 ==7 ms== transit3
    10.8.0.10       (switch)       10.8.0.1                                                 |
    192.168.1.10                                                                            |
      |                                                                                     |
      `====1 ms==== home-gw ========================21 ms============================ cloud-edge
                    192.168.1.1                                                             |
                                                            vpc-dns 10.0.0.2 --------- vpc-router
                                                                                       10.0.1.1
                                                                                            |
                               instance 10.0.1.10 ------------------ sg ------------ (10.0.1.0/24)
                               endpoints 10.0.1.20 ------------ (switch)

About 45 ms round trip from the client to the cloud, by the VPN and by the home line; 2 ms to the egress firewall.
Each network has both families, with the same number of a host in both: the company's are fd00:8::/48 (the VPN) and
fd00:9::/48, home is fd00:192::/64, the VPC fd00:10::/48 and the instance in it fd00:10:0:1::10.
`egress-fw` and `sg` are Open vSwitch switches whose policies are the controllers `egress_firewall` and
`security_group`; all other nodes are Linux hosts and routers. The VPC has no route to the internet, and no node of it a
public address. The policies here allow what a healthy case needs; a scenario states its own.

With a seed, all of these are drawn: addresses, 2 to 9 transit routers, delays for a round trip of 20 to 180 ms of which
a 22nd is between client and firewall, the TTL with which each role sends, the port of the instance's sshd, and the
names that the transit routers have in the DNS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import ClassVar, Unpack

from whodunet.address_plan import ANYWHERE, Addresses, AddressPlan, Network, routes
from whodunet.lab_topo import HostSettings, LabTopo, Settings, Uplink

ZONE = "cloud.example"
SSH_PORT = 22
TTLS = (64, 128, 255)  # with which Linux, Windows and most routers send
CARRIERS = ("northlink", "transeuro", "gridwave", "lumenway", "oceanic", "pacnet")
CITIES = ("ams", "bru", "cph", "dub", "fra", "gva", "lis", "mad", "osl", "par", "vie", "waw")


class CorporateVpn(LabTopo):
    """See the drawing above."""

    baseline: ClassVar[tuple[str, str]] = ("client", "vpc-router.subnet")
    search_domain: ClassVar[str | None] = "cloud.example"
    ssh_ports: ClassVar[tuple[int, ...]] = (SSH_PORT, 222, 2022, 2222, 22022)  # of which a seed draws sshd's

    def build(self, *args: object, **params: object) -> None:
        """Adds nodes in the order of the path, then cables them."""
        self.ssh_port = self.draws.one_of("sshd's port", self.ssh_ports, SSH_PORT)
        self.transit_routers = self.draws.one_of("transit routers", range(2, 10), 3)
        self._plan_addresses()
        self._corporate_side()
        self._transit()
        self._cloud_side()
        self._cables()

    def host(self, name: str, role: str, **settings: Unpack[HostSettings]) -> str:
        """Adds a host, which sends with the TTL of its role."""
        settings["initial_ttl"] = self._initial_ttl(role)
        return super().host(name, role, **settings)

    def _initial_ttl(self, role: str) -> int:
        return self.draws.one_of(f"initial TTL of {role}", TTLS, 64)

    def _plan_addresses(self) -> None:
        plan = self.plan = AddressPlan(self.draws)
        self.corporate = plan.network("corporate", "10.8.0.0/16", "fd00:8::/48")
        self.corporate_lan = plan.network("corporate-lan", "10.9.0.0/16", "fd00:9::/48")
        self.home = plan.network("home", "192.168.1.0/24", "fd00:192::/64")
        self.vpc = plan.network("vpc", "10.0.0.0/16", "fd00:10::/48")
        self.client_net = plan.subnet("client-net", self.corporate, 0)
        self.subnet = plan.subnet("subnet", self.vpc, 1)
        self.client = plan.host("client", self.client_net, 10)
        self.vpn_gw = self.client_net.host(1)
        self.client_at_home = plan.host("client at home", self.home, 10)
        self.home_gw = self.home.host(1)
        self.lan_of_dns = plan.subnet("corp-dns", self.corporate_lan, 0)
        self.corp_dns = plan.host("corp-dns", self.lan_of_dns, 53)
        self.vpc_dns = self.vpc.subnet(0).host(2)  # as in every VPC
        self.vpc_router = self.subnet.host(1)
        self.instance = plan.host("instance", self.subnet, 10)
        self.endpoints = plan.host("endpoints", self.subnet, 20)
        # Between vpn-gw and transit1, between the transit routers, and between the last one and cloud-edge.
        self.hops = [
            plan.network(f"hop {number}", f"100.64.{number}.0/30", f"fd00:64:0:{number}::/64")
            for number in range(self.transit_routers + 1)
        ]
        self.home_line = plan.network("home line", "100.64.9.0/30", "fd00:64:0:9::/64")
        self.vpc_link = plan.network("VPC link", "100.64.4.0/30", "fd00:64:0:4::/64")
        for name in ("corporate", "corporate-lan", "home", "vpc", "client-net", "subnet"):
            self.network(name, getattr(self, name.replace("-", "_")))

    def zone(self) -> dict[str, list[str]]:
        """The names of the cloud's hosts, with an address of each family."""
        hosts = {"instance": self.instance, "endpoints": self.endpoints, "vpc-router": self.vpc_router}
        return {f"{host}.{ZONE}": list(addresses.bare) for host, addresses in hosts.items()}

    def carrier_names(self) -> dict[str, list[str]]:
        """What a carrier calls the transit routers, where that is drawn; as stated, the DNS has no names for them."""
        carrier = self.draws.one_of("carrier", CARRIERS, "")
        cities = self.draws.some_of("cities", CITIES, CITIES[: self.transit_routers])
        addresses = [list(hop.host(2).bare) for hop in self.hops[: self.transit_routers]]
        names = [f"ae{number}.{city}.{carrier}.example" for number, city in enumerate(cities, 1)]
        return dict(zip(names, addresses, strict=True)) if carrier else {}

    def _corporate_side(self) -> None:
        self._client()
        self._company()
        self._home()

    def _client(self) -> None:
        vpn = Uplink("client-eth0", gateway=self.vpn_gw.bare, resolver=self.corp_dns.bare)
        home = Uplink("client-eth1", gateway=self.home_gw.bare, resolver=self.home_gw.bare)
        self.host("client", "client", uplinks={"vpn": vpn, "home": home}, furnishings={"ssh-keys": {}})

    def _company(self) -> None:
        policy = {"controller": "egress_firewall", "addresses": list(self.vpn_gw.bare), "default": "allow", "rules": []}
        self.switch("egress-fw", "egress-firewall", policy | {"ttl": self._initial_ttl("egress-firewall")})
        self.router("vpn-gw", "vpn-gateway", routes=routes(self.hops[0].host(2), ANYWHERE))
        way_out = routes(self.lan_of_dns.host(1), ANYWHERE)
        self._resolver(self.host("corp-dns", "resolver", routes=way_out), self.zone() | self.carrier_names())

    def _home(self) -> None:
        self._resolver(self.router("home-gw", "home-gateway", routes=routes(self.home_line.host(2), ANYWHERE)), {})

    def _resolver(self, host: str, records: Mapping[str, Sequence[str]]) -> None:
        self.serve(host, "dnsmasq", {"zones": [ZONE], "records": records})
        self.open_ports(host, dns=53)

    def _transit(self) -> None:
        for number in range(self.transit_routers):
            back, onwards = self.hops[number].host(1), self.hops[number + 1].host(2)
            ways = [*routes(back, self.corporate, self.corporate_lan), *routes(onwards, ANYWHERE)]
            self.router(f"transit{number + 1}", "transit", routes=ways)

    def _cloud_side(self) -> None:
        to_company = routes(self.hops[-1].host(1), self.corporate, self.corporate_lan)
        to_home = routes(self.home_line.host(1), self.home)
        inwards = routes(self.vpc_link.host(2), self.vpc)
        self.router("cloud-edge", "cloud-edge", routes=[*inwards, *to_home, *to_company])
        outwards = routes(self.vpc_link.host(1), self.corporate, self.corporate_lan, self.home)
        # What claims to come from the VPC and does not is dropped at its edge, as a cloud does it: security groups may
        # believe a source in the VPC. And there is no way to the internet: silently, as of a VPC's router.
        no_spoofing = [f"from {cidr} iif vpc-router-eth0 blackhole" for cidr in self.vpc.cidrs]
        no_internet = [f"blackhole {cidr}" for cidr in ANYWHERE.cidrs]
        self.router("vpc-router", "vpc-router", routes=[*outwards, *no_internet], rules=no_spoofing)
        self._resolver(
            self.host("vpc-dns", "resolver", routes=routes(self.vpc.subnet(0).host(1), ANYWHERE)), self.zone()
        )
        self.switch("sg", "security-group", self._open_security_groups())
        sshd = {"login": "ec2-user"} | ({"port": self.ssh_port} if self.ssh_port != SSH_PORT else {})
        inside: HostSettings = {"routes": list(routes(self.vpc_router, ANYWHERE)), "resolver": self.vpc_dns.bare}
        self.host("instance", "instance", **inside | {"services": {"sshd": sshd}, "ports": {"ssh": self.ssh_port}})
        self.host("endpoints", "vpc-endpoints", **inside | {"ports": {"https": 443}})
        for name in self.zone():
            self.know_by(name.removesuffix(f".{ZONE}"), dns_name=name)

    def _delays(self) -> tuple[float, list[float]]:
        """Milliseconds one way: from the client to the first device, and on each hop from there to the cloud."""
        round_trip_ms = self.draws.one_of("round trip", range(20, 181), 44)
        near_ms = round(round_trip_ms / 44, 1)
        shares = [self.draws.one_of(f"share of hop {number}", range(1, 6), 1) for number in range(self.transit_routers)]
        far_ms = round_trip_ms / 2 - near_ms
        return near_ms, [round(far_ms * share / sum(shares), 1) for share in shares]

    def _cables(self) -> None:
        near_ms, hops_ms = self._delays()
        self._cables_to_the_company(near_ms)
        path = ["vpn-gw", *(f"transit{number + 1}" for number in range(self.transit_routers)), "cloud-edge"]
        labels = [("outside", "near"), *[("far", "near")] * (self.transit_routers - 1), ("far", "transit")]
        for cable, hop, label, delay_ms in zip(pairwise(path), self.hops, labels, [*hops_ms, 0], strict=True):
            self.connect(*cable, addresses=_ends(hop), labels=label, delay_ms=delay_ms)
        lan = (self.lan_of_dns.host(1), self.corp_dns)
        self.connect("vpn-gw", "corp-dns", addresses=lan, labels=("dns", "nic"))
        line = _ends(self.home_line)
        self.connect("home-gw", "cloud-edge", addresses=line, labels=("outside", "home"), delay_ms=sum(hops_ms))
        self.connect("cloud-edge", "vpc-router", addresses=_ends(self.vpc_link), labels=("vpc", "outside"))
        dns = (self.vpc.subnet(0).host(1), self.vpc_dns)
        self.connect("vpc-router", "vpc-dns", addresses=dns, labels=("dns", "nic"))
        self.connect("vpc-router", "sg", addresses=(self.vpc_router, None), labels=("subnet", "router"))
        self.connect("sg", "instance", addresses=(None, self.instance), labels=("instance", "nic"))
        self.connect("sg", "endpoints", addresses=(None, self.endpoints), labels=("endpoints", "nic"))

    def _cables_to_the_company(self, near_ms: float) -> None:
        self.connect("client", "egress-fw", addresses=(self.client, None), labels=("vpn", "inside"), delay_ms=near_ms)
        ends = (self.client_at_home, self.home_gw)
        self.connect("client", "home-gw", addresses=ends, labels=("home", "inside"), delay_ms=near_ms)
        self.connect("egress-fw", "vpn-gw", addresses=(None, self.vpn_gw), labels=("outside", "inside"))

    def _open_security_groups(self) -> Settings:
        """ssh and ping to the instance from anywhere, HTTPS to the endpoints from the VPC."""
        ssh = [{"protocol": "tcp", "port": self.ssh_port, "source": cidr} for cidr in ANYWHERE.cidrs]
        icmp = zip(("icmp", "icmpv6"), ANYWHERE.cidrs, strict=True)
        ping = [{"protocol": protocol, "source": cidr} for protocol, cidr in icmp]
        https = [{"protocol": "tcp", "port": 443, "source": cidr} for cidr in self.vpc.cidrs]
        groups = {"instance-sg": {"inbound": [*ssh, *ping]}, "endpoints-sg": {"inbound": https}}
        interfaces = {
            "sg-eth2": {"addresses": list(self.instance.bare), "groups": ["instance-sg"]},
            "sg-eth3": {"addresses": list(self.endpoints.bare), "groups": ["endpoints-sg"]},
        }
        return {"controller": "security_group", "groups": groups, "interfaces": interfaces}


def _ends(cable: Network) -> tuple[Addresses, Addresses]:
    return cable.host(1), cable.host(2)


topos = {"corporate_vpn": CorporateVpn}
