"""The kernel's filter, run instruction by instruction as the kernel would."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import ip_address

import pytest

from whodunet.probing.packet_filter import program_for

LO, ETH0 = 1, 2
HOST, OTHER, OWN = "10.0.1.10", "10.0.1.1", "10.8.0.10"
HOST_V6, OTHER_V6 = "fd00:10::10", "fd00:10::1"


@dataclass(frozen=True)
class Packet:
    ip: bytes
    interface: int = ETH0

    @property
    def protocol(self) -> int:
        return {0x4: 0x0800, 0x6: 0x86DD}.get(self.ip[0] >> 4, 0x0806)


def ipv4(source: str, destination: str, protocol: int = 6, interface: int = ETH0) -> Packet:
    head = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, protocol, 0)
    return Packet(head + ip_address(source).packed + ip_address(destination).packed, interface)


def ipv6(source: str, destination: str, protocol: int = 6) -> Packet:
    return Packet(
        struct.pack("!IHBB", 6 << 28, 20, protocol, 64) + ip_address(source).packed + ip_address(destination).packed
    )


def accepts(program: bytes, packet: Packet) -> bool:
    """Source: linux/filter.h; what the kernel knows of a packet: SKF_AD_PROTOCOL, SKF_AD_IFINDEX."""
    at, loaded = 0, 0
    while True:
        code, if_so, if_not, value = struct.unpack_from("HBBI", program, 8 * at)
        at += 1
        if code == 0x06:
            return bool(value)
        if code == 0x15:
            at += if_so if loaded == value else if_not
        elif value - 2**32 == -0x1000:
            loaded = packet.protocol
        elif value - 2**32 == -0x1000 + 8:
            loaded = packet.interface
        else:
            place = value - 2**32 + 0x100000
            size = {0x20: 4, 0x30: 1}[code]
            loaded = int.from_bytes(packet.ip[place : place + size], "big")


@pytest.mark.parametrize(
    "packet",
    [
        ipv4(OWN, HOST),
        ipv4(HOST, OWN),
        ipv4(OTHER, OWN, protocol=1),
        ipv6(OTHER_V6, HOST_V6),
        ipv6(HOST_V6, OTHER_V6),
        ipv6(OTHER_V6, OTHER_V6, protocol=58),
        ipv4(OWN, "127.0.0.1", interface=LO),
        Packet(bytes([0, 1]) + bytes(26)),
    ],
    ids=["to it", "from it", "ICMP", "IPv6 to it", "IPv6 from it", "ICMPv6", "redirected here", "ARP"],
)
def test_what_may_belong_to_a_diagnosis_is_heard(packet: Packet) -> None:
    assert accepts(program_for([HOST, HOST_V6], [OWN]), packet)


@pytest.mark.parametrize(
    "packet",
    [
        ipv4(OWN, OTHER),
        ipv4("127.0.0.1", "127.0.0.1", interface=LO),
        ipv6(OTHER_V6, OTHER_V6),
        ipv6("fd00:11::10", OTHER_V6),
    ],
    ids=["another host", "other talk on this machine", "IPv6 to others", "one word of an address differs"],
)
def test_nothing_else_is_heard(packet: Packet) -> None:
    assert not accepts(program_for([HOST, HOST_V6], [OWN]), packet)
