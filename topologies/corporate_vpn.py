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
`egress-fw` and `sg` are Open vSwitch switches whose policies are the controllers `egress_firewall` and
`security_group`; all other nodes are Linux hosts and routers. The VPC has no route to the internet, and no node of it a
public address. The policies here allow what a healthy case needs; a scenario states its own.
"""

from __future__ import annotations

from typing import Any, ClassVar

from whodunet.lab_topo import LabTopo, Uplink

CLOUD = "10.0.0.0/16"
CORPORATE = "10.8.0.0/16"
CORPORATE_LAN = "10.9.0.0/16"
HOME = "192.168.1.0/24"
# What claims to come from the VPC and does not is dropped at its edge, as a cloud does it: security groups may believe
# a source in the VPC.
NO_SPOOFING = f"from {CLOUD} iif vpc-router-eth0 blackhole"
NO_INTERNET = "blackhole default"  # as a VPC's router does it: silently
ZONE = {
    "instance.cloud.example": "10.0.1.10",
    "endpoints.cloud.example": "10.0.1.20",
    "vpc-router.cloud.example": "10.0.1.1",
}


class CorporateVpn(LabTopo):
    """See the drawing above."""

    baseline: ClassVar[tuple[str, str]] = ("client", "vpc-router.subnet")

    def build(self, *args: Any, **params: Any) -> None:
        """Adds nodes in the order of the path, then cables them."""
        self._corporate_side()
        self._transit()
        self._cloud_side()
        self._cables()
        self._networks()

    def _corporate_side(self) -> None:
        vpn = Uplink("client-eth0", gateway="10.8.0.1", resolver="10.9.0.53")
        home = Uplink("client-eth1", gateway="192.168.1.1", resolver="192.168.1.1")
        self.host("client", "client", uplinks={"vpn": vpn, "home": home})
        policy = {"controller": "egress_firewall", "address": "10.8.0.1", "default": "allow", "rules": []}
        self.switch("egress-fw", "egress-firewall", policy)
        self.router("vpn-gw", "vpn-gateway", routes=["default via 100.64.0.2"])
        resolver = {"zones": ["cloud.example"], "records": ZONE}
        self.host(
            "corp-dns", "resolver", routes=["default via 10.9.0.1"], services={"dnsmasq": resolver}, ports={"dns": 53}
        )
        self.router(
            "home-gw",
            "home-gateway",
            routes=["default via 100.64.9.2"],
            services={"dnsmasq": {"zones": ["cloud.example"], "records": {}}},
            ports={"dns": 53},
        )

    def _transit(self) -> None:
        back = [f"{CORPORATE} via 100.64.0.1", f"{CORPORATE_LAN} via 100.64.0.1"]
        self.router("transit1", "transit", routes=[*back, "default via 100.64.1.2"])
        self.router("transit2", "transit", routes=["default via 100.64.2.2", *_via("100.64.1.1")])
        self.router("transit3", "transit", routes=["default via 100.64.3.2", *_via("100.64.2.1")])

    def _cloud_side(self) -> None:
        edge = [f"{CLOUD} via 100.64.4.2", f"{HOME} via 100.64.9.1", *_via("100.64.3.1")]
        self.router("cloud-edge", "cloud-edge", routes=edge)
        inwards = [*_via("100.64.4.1"), f"{HOME} via 100.64.4.1", NO_INTERNET]
        self.router("vpc-router", "vpc-router", routes=inwards, rules=[NO_SPOOFING])
        zone = {"zones": ["cloud.example"], "records": ZONE}
        self.host("vpc-dns", "resolver", routes=["default via 10.0.0.1"], services={"dnsmasq": zone}, ports={"dns": 53})
        self.switch("sg", "security-group", _open_security_groups())
        way_out = ["default via 10.0.1.1"]
        self.host(
            "instance",
            "instance",
            routes=way_out,
            resolver="10.0.0.2",
            services={"sshd": {"login": "ec2-user"}},
            ports={"ssh": 22},
        )
        self.host("endpoints", "vpc-endpoints", routes=way_out, resolver="10.0.0.2", ports={"https": 443})

    def _cables(self) -> None:
        self.connect("client", "egress-fw", addresses=("10.8.0.10/24", None), delay_ms=1, labels=("vpn", "inside"))
        self.connect(
            "client", "home-gw", addresses=("192.168.1.10/24", "192.168.1.1/24"), delay_ms=1, labels=("home", "inside")
        )
        self.connect("egress-fw", "vpn-gw", addresses=(None, "10.8.0.1/24"), labels=("outside", "inside"))
        self.connect(
            "vpn-gw", "transit1", addresses=("100.64.0.1/30", "100.64.0.2/30"), delay_ms=7, labels=("outside", "near")
        )
        self.connect("vpn-gw", "corp-dns", addresses=("10.9.0.1/24", "10.9.0.53/24"), labels=("dns", "nic"))
        self.connect(
            "transit1", "transit2", addresses=("100.64.1.1/30", "100.64.1.2/30"), delay_ms=7, labels=("far", "near")
        )
        self.connect(
            "transit2", "transit3", addresses=("100.64.2.1/30", "100.64.2.2/30"), delay_ms=7, labels=("far", "near")
        )
        self.connect("transit3", "cloud-edge", addresses=("100.64.3.1/30", "100.64.3.2/30"), labels=("far", "transit"))
        self.connect(
            "home-gw",
            "cloud-edge",
            addresses=("100.64.9.1/30", "100.64.9.2/30"),
            delay_ms=21,
            labels=("outside", "home"),
        )
        self.connect(
            "cloud-edge", "vpc-router", addresses=("100.64.4.1/30", "100.64.4.2/30"), labels=("vpc", "outside")
        )
        self.connect("vpc-router", "vpc-dns", addresses=("10.0.0.1/24", "10.0.0.2/24"), labels=("dns", "nic"))
        self.connect("vpc-router", "sg", addresses=("10.0.1.1/24", None), labels=("subnet", "router"))
        self.connect("sg", "instance", addresses=(None, "10.0.1.10/24"), labels=("instance", "nic"))
        self.connect("sg", "endpoints", addresses=(None, "10.0.1.20/24"), labels=("endpoints", "nic"))

    def _networks(self) -> None:
        for name in ZONE:
            self.know_by(name.split(".")[0], dns_name=name)
        self.network("corporate", CORPORATE)
        self.network("corporate-lan", CORPORATE_LAN)
        self.network("client-net", "10.8.0.0/24")
        self.network("home", HOME)
        self.network("vpc", CLOUD)
        self.network("subnet", "10.0.1.0/24")


def _via(gateway: str) -> list[str]:
    return [f"{CORPORATE} via {gateway}", f"{CORPORATE_LAN} via {gateway}"]


def _open_security_groups() -> dict[str, Any]:
    """ssh and ping to the instance from anywhere, HTTPS to the endpoints from the VPC."""
    anywhere = "0.0.0.0/0"
    groups = {
        "instance-sg": {
            "inbound": [
                {"protocol": "tcp", "port": 22, "source": anywhere},
                {"protocol": "icmp", "source": anywhere},
            ]
        },
        "endpoints-sg": {"inbound": [{"protocol": "tcp", "port": 443, "source": CLOUD}]},
    }
    interfaces = {
        "sg-eth2": {"addresses": ["10.0.1.10"], "groups": ["instance-sg"]},
        "sg-eth3": {"addresses": ["10.0.1.20"], "groups": ["endpoints-sg"]},
    }
    return {"controller": "security_group", "groups": groups, "interfaces": interfaces}


topos = {"corporate_vpn": CorporateVpn}
