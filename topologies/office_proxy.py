"""An office whose way out is an HTTP proxy, and a cloud whose way in is a jump host.

                proxy 10.20.1.10                             jump 10.30.1.10
                  |                                            |
    client ==1 ms== gw ==20 ms== transit1 ---- edge ---------------- inner 10.30.2.10
    10.20.0.10      10.20.0.1                  |
                                             web 10.30.3.10

About 42 ms round trip from the client to the cloud, 2 ms to `gw`, which is also the office's resolver. Each network has
both families, with the same number of a host in both: the office is fd00:20::/48, the cloud fd00:30::/48.

Two things work in one way alone, as in life. The office's router prohibits HTTPS to port 8443 to all but the proxy
(tinyproxy), which connects to the ports of HTTPS and ssh. And `inner`, in a private subnet, is reached from the cloud
alone: from the office by `ssh -J ec2-user@{jump}`. `web` (nginx) serves a shop and an account page, with certificates
of an authority that all hosts trust, and behind its load balancer the application of `inner`. The client's login shells
have `https_proxy` set; `curl` outside of them goes directly.

With a seed, all of these are drawn: addresses, 1 to 6 transit routers, delays for a round trip of 20 to 180 ms, the TTL
with which each role sends, and the ports of the proxy and of sshd.
"""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Unpack

from whodunet.address_plan import ANYWHERE, AddressPlan, routes
from whodunet.lab_topo import HostSettings, LabTopo

ZONE = "cloud.example"
TTLS = (64, 128, 255)  # with which Linux, Windows and most routers send
HTTPS_PORT, PARTNERS_PORT, APPLICATION_PORT = 443, 8443, 8080


class OfficeProxy(LabTopo):
    """See the drawing above."""

    baseline: ClassVar[tuple[str, str]] = ("client", "edge.transit")
    search_domain: ClassVar[str | None] = ZONE

    def build(self, *args: object, **params: object) -> None:
        """Adds nodes in the order of the path, then cables them."""
        self.ssh_port = self.draws.one_of("sshd's port", (22, 222, 2022, 22022), 22)
        self.proxy_port = self.draws.one_of("the proxy's port", (8888, 3128, 8080), 8888)
        self.transit_routers = self.draws.one_of("transit routers", range(1, 7), 1)
        self._plan_addresses()
        self._office()
        self._transit()
        self._cloud()
        self._cables()

    def host(self, name: str, role: str, **settings: Unpack[HostSettings]) -> str:
        """Adds a host, which sends with the TTL of its role."""
        settings["initial_ttl"] = self.draws.one_of(f"initial TTL of {role}", TTLS, 64)
        return super().host(name, role, **settings)

    def _plan_addresses(self) -> None:
        plan = self.plan = AddressPlan(self.draws)
        self.office = plan.network("office", "10.20.0.0/16", "fd00:20::/48")
        self.cloud = plan.network("cloud", "10.30.0.0/16", "fd00:30::/48")
        self.desks = plan.subnet("desks", self.office, 0)
        self.servers = plan.subnet("servers", self.office, 1)
        self.public = plan.subnet("public", self.cloud, 1)
        self.private = plan.subnet("private", self.cloud, 2)
        self.pages = plan.subnet("pages", self.cloud, 3)
        self.client = plan.host("client", self.desks, 10)
        self.proxy = plan.host("proxy", self.servers, 10)
        self.jump = plan.host("jump", self.public, 10)
        self.inner = plan.host("inner", self.private, 10)
        self.web = plan.host("web", self.pages, 10)
        # Between gw and transit1, between the transit routers, and between the last one and edge.
        self.hops = [
            plan.network(f"hop {number}", f"100.64.{number}.0/30", f"fd00:64:0:{number}::/64")
            for number in range(self.transit_routers + 1)
        ]
        for name in ("office", "cloud", "desks", "servers", "public", "private", "pages"):
            self.network(name, getattr(self, name))

    def _office(self) -> None:
        resolver = self.desks.host(1).bare
        proxy = f"http://proxy.{ZONE}:{self.proxy_port}"
        self.host(
            "client",
            "client",
            routes=routes(self.desks.host(1), ANYWHERE),
            resolver=resolver,
            furnishings={
                "ssh-keys": {},
                "login-environment": {"variables": {"https_proxy": proxy, "PAGE_URL": f"http://web.{ZONE}/"}},
            },
        )
        forbidden = [f"from {cidr} iif gw-eth0 ipproto tcp dport {PARTNERS_PORT} prohibit" for cidr in self.desks.cidrs]
        self.router("gw", "office-gateway", routes=routes(self.hops[0].host(2), ANYWHERE), rules=forbidden)
        hosts = {"proxy": self.proxy, "jump": self.jump, "inner": self.inner, "web": self.web}
        names = {f"{host}.{ZONE}": list(addresses.bare) for host, addresses in hosts.items()}
        names |= {f"{site}.{ZONE}": list(self.web.bare) for site in ("shop", "account")}
        self.serve("gw", "dnsmasq", {"zones": [ZONE], "records": names})
        tinyproxy = {"port": self.proxy_port, "connect_ports": [HTTPS_PORT, PARTNERS_PORT, self.ssh_port]}
        self.host(
            "proxy",
            "http-proxy",
            routes=routes(self.servers.host(1), ANYWHERE),
            resolver=resolver,
            services={"tinyproxy": tinyproxy},
            ports={"proxy": self.proxy_port},
        )

    def _transit(self) -> None:
        for number in range(self.transit_routers):
            back, onwards = self.hops[number].host(1), self.hops[number + 1].host(2)
            ways = [*routes(back, self.office), *routes(onwards, ANYWHERE)]
            self.router(f"transit{number + 1}", "transit", routes=ways)

    def _cloud(self) -> None:
        # Nobody outside of the cloud reaches its private subnet: silently, as of a router of a VPC.
        private = [f"from {office} to {private} blackhole" for office, private in self._office_to_private()]
        self.router("edge", "cloud-edge", routes=routes(self.hops[-1].host(1), ANYWHERE), rules=private)
        sshd = {"sshd": {"login": "ec2-user"} | ({"port": self.ssh_port} if self.ssh_port != 22 else {})}
        ssh = {"ssh": self.ssh_port}
        self.host("jump", "jump-host", routes=routes(self.public.host(1), ANYWHERE), services=sshd, ports=ssh)
        application = {"port": APPLICATION_PORT, "sites": [f"inner.{ZONE}"]}
        self.host(
            "inner",
            "private-host",
            routes=routes(self.private.host(1), ANYWHERE),
            services={**sshd, "nginx": application},
            ports={**ssh, "application": APPLICATION_PORT},
        )
        sites = {
            "sites": [f"{site}.{ZONE}" for site in ("shop", "account")],
            "names": [f"web.{ZONE}", *self.web.bare],
            "https_ports": [HTTPS_PORT, PARTNERS_PORT],
            "targets": list(self.inner.bare),
            "target_port": APPLICATION_PORT,
        }
        self.host(
            "web",
            "web-server",
            routes=routes(self.pages.host(1), ANYWHERE),
            services={"nginx": sites, **sshd},
            ports={**ssh, "http": 80, "https": HTTPS_PORT, "partners": PARTNERS_PORT},
            properties={"shop": f"shop.{ZONE}", "account": f"account.{ZONE}"},
        )
        for host in ("proxy", "jump", "inner", "web"):
            self.know_by(host, dns_name=f"{host}.{ZONE}")

    def _office_to_private(self) -> list[tuple[str, str]]:
        return list(zip(self.office.cidrs, self.private.cidrs, strict=True))

    def _cables(self) -> None:
        round_trip_ms = self.draws.one_of("round trip", range(20, 181), 42)
        near_ms = round(round_trip_ms / 42, 1)
        shares = [self.draws.one_of(f"share of hop {number}", range(1, 6), 1) for number in range(self.transit_routers)]
        far_ms = round_trip_ms / 2 - near_ms
        hops_ms = [round(far_ms * share / sum(shares), 1) for share in shares]
        self.connect(
            "client", "gw", addresses=(self.client, self.desks.host(1)), labels=("nic", "desks"), delay_ms=near_ms
        )
        self.connect("gw", "proxy", addresses=(self.servers.host(1), self.proxy), labels=("servers", "nic"))
        path = ["gw", *(f"transit{number + 1}" for number in range(self.transit_routers)), "edge"]
        labels = [("outside", "near"), *[("far", "near")] * (self.transit_routers - 1), ("far", "transit")]
        for cable, hop, label, delay_ms in zip(pairwise(path), self.hops, labels, [*hops_ms, 0], strict=True):
            self.connect(*cable, addresses=(hop.host(1), hop.host(2)), labels=label, delay_ms=delay_ms)
        for network, host, address in (
            (self.public, "jump", self.jump),
            (self.private, "inner", self.inner),
            (self.pages, "web", self.web),
        ):
            self.connect("edge", host, addresses=(network.host(1), address), labels=(f"to-{host}", "nic"))


topos = {"office_proxy": OfficeProxy}
