"""How neighbours find each other's link address: by ARP for IPv4, by NDP for IPv6; a kind for each, and for both.

Source: RFC 826; RFC 4861, sections 4.3 and 4.4.
"""

from __future__ import annotations

from whodunet.evidence.packet_kinds import Kind
from whodunet.evidence.packets import CapturedPacket, Layer


def _kind(name: str, *layers: Layer, is_request: bool) -> Kind:
    def shows(packet: CapturedPacket) -> bool:
        if packet.arp is not None and packet.arp.op not in (1, 2):
            return False
        return packet.neighbour is not None and packet.neighbour.is_request == is_request

    return Kind(name, layers, shows)


KINDS = (
    _kind("ARP request", "ARP", is_request=True),
    _kind("ARP reply", "ARP", is_request=False),
    _kind("NDP solicitation", "ICMP", is_request=True),
    _kind("NDP advertisement", "ICMP", is_request=False),
    _kind("neighbour request", "ARP", "ICMP", is_request=True),
    _kind("neighbour reply", "ARP", "ICMP", is_request=False),
)
