"""ICMP of both families: each kind is what IPv4 and IPv6 have in common, whatever its number in either.

Source: RFC 792, RFC 1122 section 3.2.2.1 and RFC 1812 section 5.2.7.1 for IPv4; RFC 4443 for IPv6, whose "packet too
big" says what IPv4 calls "fragmentation needed".
"""

from __future__ import annotations

from collections.abc import Collection

from whodunet.evidence.packet_kinds import Kind
from whodunet.evidence.packets import CapturedPacket

_Numbers = Collection[tuple[int, int | None]]  # type and code; None: any code


def _kind(name: str, ipv4: _Numbers, ipv6: _Numbers) -> Kind:
    def shows(packet: CapturedPacket) -> bool:
        if packet.icmp is None:
            return False
        numbers = ipv6 if packet.ip is not None and packet.ip.version == 6 else ipv4
        return (packet.icmp.type, None) in numbers or (packet.icmp.type, packet.icmp.code) in numbers

    return Kind(name, ("ICMP",), shows)


KINDS = (
    _kind("ICMP echo request", ipv4={(8, None)}, ipv6={(128, None)}),
    _kind("ICMP echo reply", ipv4={(0, None)}, ipv6={(129, None)}),
    _kind("ICMP time exceeded", ipv4={(11, None)}, ipv6={(3, None)}),
    _kind("ICMP unreachable", ipv4={(3, None)}, ipv6={(1, None)}),
    # nftables' net-prohibited, host-prohibited and admin-prohibited; of IPv6 also a failed policy and a rejected route
    _kind("ICMP admin prohibited", ipv4={(3, 9), (3, 10), (3, 13)}, ipv6={(1, 1), (1, 5), (1, 6)}),
    _kind("ICMP port unreachable", ipv4={(3, 3)}, ipv6={(1, 4)}),
    _kind("ICMP fragmentation needed", ipv4={(3, 4)}, ipv6={(2, None)}),
)
