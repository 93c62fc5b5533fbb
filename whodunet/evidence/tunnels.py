"""What goes through a tunnel: which of the encrypted datagrams outside carried a packet.

What is inside a datagram nobody can read without its keys. But OpenVPN sends its packets one after the other, each in a
datagram that is always as many bytes longer; and of a packet that came out again it is known when. What these allow
of is told, and of what they do not, nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from whodunet.evidence.packets import CapturedPacket, Direction
from whodunet.evidence.topology import Topology
from whodunet.evidence.trails import Trail

# Opcode and peer, number, and AES-GCM's tag: 4, 4 and 16 bytes. Source: openvpn-rfc, P_DATA_V2
OPENVPN_BYTES: Final = 24


def carriers(trails: Sequence[Trail], topology: Topology) -> Mapping[Trail, Trail]:
    """For each packet that went through a tunnel, the datagram that carried it; only where that can be told.

    Args:
        trails: of all packets of some time, those of the tunnel's datagrams among them, in the order of time.
    """
    outer: dict[str, list[Trail]] = defaultdict(list)
    for trail in trails:
        if trail.first.openvpn is not None and trail.first.openvpn.is_data and trail.first.direction == "out":
            outer[topology.node_at(trail.first.point) or ""].append(trail)
    found: dict[Trail, Trail] = {}
    for ends in topology.tunnels:
        for into, out_of in (ends.ends, ends.ends[::-1]):
            through = [trail for trail in trails if _at(trail, into, "out") is not None]
            found |= _paired(through, outer[topology.node_at(into) or ""], into, out_of, topology)
    return found


def _paired(
    through: Iterable[Trail], datagrams: Sequence[Trail], into: str, out_of: str, topology: Topology
) -> Mapping[Trail, Trail]:
    """Both in their order: each packet with the next datagram of its size, where that agrees with when it came out."""
    found = {}
    rest = iter(datagrams)
    ahead = next(rest, None)
    for trail in sorted(through, key=lambda each: _entered_ns(each, into)):
        while ahead is not None and not _fits(ahead, trail, into):
            ahead = next(rest, None)
        if ahead is None:
            break
        if _agrees(ahead, trail, out_of, topology):
            found[trail] = ahead
        ahead = next(rest, None)
    return found


def _at(trail: Trail, point: str, direction: Direction) -> CapturedPacket | None:
    seen = trail.at(point)
    return seen if seen is not None and seen.direction == direction else None


def _entered_ns(trail: Trail, into: str) -> int:
    entered = trail.at(into)
    assert entered is not None
    return entered.time_ns


def _fits(datagram: Trail, trail: Trail, into: str) -> bool:
    udp, ip = datagram.first.udp, trail.first.ip
    is_as_long = udp is not None and ip is not None and udp.payload_bytes == ip.length + OPENVPN_BYTES
    return is_as_long and datagram.first.time_ns >= _entered_ns(trail, into)


def _agrees(datagram: Trail, trail: Trail, out_of: str, topology: Topology) -> bool:
    """What came out had come to where it did before; what did not come out may have come there nonetheless."""
    came_out = _at(trail, out_of, "in")
    if came_out is None:
        return True
    end = topology.node_at(out_of)
    return any(
        seen.direction == "in" and topology.node_at(seen.point) == end and seen.time_ns <= came_out.time_ns
        for seen in datagram.sightings
    )
