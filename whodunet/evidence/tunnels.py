"""What goes through a tunnel: which of the encrypted datagrams outside carried a packet.

What is inside a datagram nobody can read without its keys. But OpenVPN sends its packets one after the other, each in a
datagram that is always as many bytes longer; and of a packet that came out again it is known when. What these allow
of is told, and of what they do not, nothing.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from whodunet.evidence.packets import CapturedPacket, Direction
from whodunet.evidence.topology import Topology
from whodunet.evidence.trails import Trail

# Opcode and peer, number, and AES-GCM's tag: 4, 4 and 16 bytes. Source: openvpn-rfc, P_DATA_V2
OPENVPN_BYTES: Final = 24
_LONGEST_WAIT_NS: Final = 500_000_000  # after that, a packet that OpenVPN was given is taken for one that it never sent


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
    """Each datagram with the first packet of its size that waits for one; those before that one were never sent."""
    found = {}
    waiting = deque(sorted(through, key=lambda trail: _entered_ns(trail, into)))
    for datagram in datagrams:
        left_ns = datagram.first.time_ns
        while waiting and _entered_ns(waiting[0], into) < left_ns - _LONGEST_WAIT_NS:
            waiting.popleft()
        carried = _first_as_long(waiting, datagram, into)
        if carried is None:
            continue
        while waiting.popleft() is not carried:
            pass
        if _agrees(datagram, carried, out_of, topology):
            found[carried] = datagram
    return found


def _at(trail: Trail, point: str, direction: Direction) -> CapturedPacket | None:
    seen = trail.at(point)
    return seen if seen is not None and seen.direction == direction else None


def _entered_ns(trail: Trail, into: str) -> int:
    entered = trail.at(into)
    assert entered is not None
    return entered.time_ns


def _first_as_long(waiting: Iterable[Trail], datagram: Trail, into: str) -> Trail | None:
    for trail in waiting:
        if _entered_ns(trail, into) > datagram.first.time_ns:
            return None
        if _is_as_long(datagram, trail):
            return trail
    return None


def _is_as_long(datagram: Trail, trail: Trail) -> bool:
    udp, ip = datagram.first.udp, trail.first.ip
    return udp is not None and ip is not None and udp.payload_bytes == ip.length + OPENVPN_BYTES


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
