"""A company's VPN: the end that is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, ip_interface, ip_network
from pathlib import Path
from typing import ClassVar, Final

from whodunet.evidence.packets import OPENVPN_PORT
from whodunet.lab.hosts import Host
from whodunet.services.vpn.openvpn import OpenVpn

CALLERS: Final = "/etc/openvpn/callers"  # what each of them is given: a file by the name of its host


class OpenVpnServer(OpenVpn):
    """It gives each caller its addresses, and tells it what to send through the tunnel."""

    keepalive_s: ClassVar[tuple[int, int]] = (10, 60)  # a sign of life after, and given up after: as its manual has it

    def __init__(
        self,
        interface: str,
        addresses: Sequence[str],
        callers: Mapping[str, Sequence[str]],
        routes: Sequence[str],
        mtu_bytes: int,
    ) -> None:
        """What it is given, and what it gives to others.

        Args:
            interface: its end of the tunnel.
            addresses: of that end, one of each family: "10.8.0.1/24" and "fd00:8::1/64".
            callers: by host, the addresses of the other end.
            routes: networks that callers send through the tunnel; 0.0.0.0/0 and ::/0 for all that they send.
            mtu_bytes: of both ends.
        """
        super().__init__(interface, mtu_bytes)
        self._ipv4, self._ipv6 = _both_families(addresses)
        self._callers = callers
        self._routes = routes

    def prepare(self, host: Host) -> None:
        """Beside its certificate: a file for each caller."""
        super().prepare(host)
        for caller, addresses in self._callers.items():
            ipv4, ipv6 = _both_families(addresses)
            lines = [f"ifconfig-push {ipv4.ip} {ipv4.netmask}", f"ifconfig-ipv6-push {ipv6} {self._ipv6.ip}"]
            lines += [f'push "{option}"' for option in pushed(self._routes)]
            host.write(f"{CALLERS}/{caller}", "".join(f"{line}\n" for line in lines))

    def lines(self, host: Host) -> Sequence[str]:
        """A server's, over both families."""
        often_s, long_s = self.keepalive_s
        return [
            "mode server",
            "tls-server",
            "dh none",
            "proto udp6",  # and IPv4
            f"port {OPENVPN_PORT}",
            f"ifconfig {self._ipv4.ip} {self._ipv4.netmask}",
            f"ifconfig-ipv6 {self._ipv6} {self._ipv6.ip}",
            f"client-config-dir {CALLERS}",
            "ccd-exclusive",
            f"keepalive {often_s} {long_s}",
            'push "topology subnet"',
            f'push "route-gateway {self._ipv4.ip}"',
            f'push "tun-mtu {self._mtu_bytes}"',
        ]

    def is_ready(self, host: Host) -> bool:
        """True when it has its port."""
        return OPENVPN_PORT in _udp_ports(host.pid)

    @property
    def readiness(self) -> str:
        """Which port."""
        return f"to have UDP port {OPENVPN_PORT}"


def pushed(routes: Sequence[str]) -> Iterator[str]:
    """The options that have a caller send networks through the tunnel; for all of a family, one for both."""
    networks = [ip_network(route) for route in routes]
    whole = {network.version for network in networks if network.prefixlen == 0}
    if whole:
        # Source: openvpn(8), --redirect-gateway: IPv4 is meant unless it is excepted
        yield f"redirect-gateway {'def1' if 4 in whole else '!ipv4'}{' ipv6' if 6 in whole else ''}"
    for network in networks:
        if network.prefixlen and isinstance(network, IPv4Network):
            yield f"route {network.network_address} {network.netmask}"
        elif network.prefixlen:
            yield f"route-ipv6 {network}"


def _both_families(addresses: Sequence[str]) -> tuple[IPv4Interface, IPv6Interface]:
    by_version = {each.version: each for each in map(ip_interface, addresses)}
    ipv4, ipv6 = by_version[4], by_version[6]
    assert isinstance(ipv4, IPv4Interface)
    assert isinstance(ipv6, IPv6Interface)
    return ipv4, ipv6


def _udp_ports(pid: int) -> set[int]:
    """Source: proc(5), /proc/PID/net/udp."""
    ports = set()
    for table in ("udp", "udp6"):
        with suppress(OSError):  # the process has ended
            for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
                ports.add(int(line.split()[1].rpartition(":")[2], 16))
    return ports


SERVICE = OpenVpnServer
