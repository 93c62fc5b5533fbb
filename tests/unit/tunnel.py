"""A small tunnel for tests: client - home - server - instance, with a tunnel from client to server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.unit.case import INSTANCE, MS, T0, seen, tcp
from whodunet.evidence.packets import CapturedPacket, Ip, OpenVpn, Udp
from whodunet.evidence.topology import Interface, Link, Node, Topology, Tunnel
from whodunet.evidence.tunnels import OPENVPN_BYTES

HOME, SERVER = "192.168.1.10", "100.64.8.2"
WHOLE_OUTER = ("client-eth0 out", "home-eth0 in", "home-eth1 out ttl 63", "server-eth0 in ttl 63")
WHOLE_OUTER_BACK = ("server-eth0 out", "home-eth1 in", "home-eth0 out ttl 63", "client-eth0 in ttl 63")
INSIDE = ("server-tun0 in", "server-eth1 out", "instance-eth0 in")


def topology() -> Topology:
    """client-eth0 = home-eth0, home-eth1 = server-eth0, server-eth1 = instance-eth0; client-tun0 : server-tun0."""
    addresses = {
        "client-tun0": ("10.8.0.10/24",),
        "client-eth0": (f"{HOME}/24",),
        "home-eth0": ("192.168.1.1/24",),
        "server-tun0": ("10.8.0.1/24",),
        "server-eth0": (f"{SERVER}/30",),
        "instance-eth0": (f"{INSTANCE}/24",),
    }
    clients_side = ("client-tun0", "client-eth0", "home-eth0", "home-eth1")
    points = (*clients_side, "server-tun0", "server-eth0", "server-eth1", "instance-eth0")
    nodes = {name: Node(name, name, forwards=name in ("home", "server")) for name in ("client", "home", "server")}
    nodes["server"] = replace(nodes["server"], lowers_ttl=False)
    links = (
        Link(("client-eth0", "home-eth0")),
        Link(("home-eth1", "server-eth0")),
        Link(("server-eth1", "instance-eth0")),
    )
    return Topology(
        "tunnel",
        nodes | {"instance": Node("instance", "instance")},
        {name: Interface(name, name.split("-")[0], addresses.get(name, ())) for name in points},
        links,
        ("client", INSTANCE),
        tunnels=(Tunnel(("client-tun0", "server-tun0")),),
    )


def datagram(inner_bytes: int, number: int, at_ms: float, *places: str, answer: bool = False) -> list[CapturedPacket]:
    """What carries a packet of a length over the outer line."""
    ends = [(HOME, 40000), (SERVER, 1194)]
    (source, sport), (destination, dport) = reversed(ends) if answer else ends
    length = inner_bytes + OPENVPN_BYTES
    headers: dict[str, Any] = {
        "ip": Ip(source, destination, 64, number, 17, length + 28),
        "udp": Udp(sport, dport, length),
        "openvpn": OpenVpn(is_data=True, number=number),
    }
    return list(seen(headers, at_ms, *places))


def alive(number: int, at_ms: float) -> list[CapturedPacket]:
    """A sign of life, which carries no packet."""
    return datagram(16, number, at_ms, *WHOLE_OUTER)


def syn_through(at_ms: float = 0) -> Iterator[CapturedPacket]:
    """A SYN of 40 bytes, into the tunnel, over the outer line, and out of the tunnel to the instance."""
    yield from seen(tcp("S"), at_ms, "client-tun0 out")
    yield from datagram(40, 7, at_ms + 0.2, *WHOLE_OUTER)
    yield from seen(tcp("S"), at_ms + 0.5, *INSIDE)


def at_ms(packet: CapturedPacket) -> float:
    """When it was seen."""
    return (packet.time_ns - T0) / MS
