"""What a tool took, as the capture shows it and not as the tool says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.topology import Topology


@dataclass(frozen=True)
class MeasuredCost:
    """Time, packets and connections of one run of a tool."""

    took_s: float
    packets_sent: int = 0
    full_handshakes: int = 0

    @classmethod
    def of(cls, took_s: float, vantage: str, packets: Iterable[CapturedPacket], topology: Topology) -> Self:
        """That of a run in which its host had these packets.

        Args:
            packets: in the order of time; those of other hosts do not count.
        """
        own = [packet for packet in packets if topology.node_at(packet.point) == vantage]
        return cls(took_s, sum(map(_was_sent, own)), _full_handshakes(own))


def _was_sent(packet: CapturedPacket) -> bool:
    """True for what goes out, but for questions to neighbours, and for what carries a tunnel's packets."""
    return packet.direction == "out" and packet.ip is not None and packet.neighbour is None and not packet.is_outer


def _full_handshakes(packets: Iterable[CapturedPacket]) -> int:
    """Connections that the host completed: it acknowledged the SYN-ACK, and did not reset it at once."""
    offered: set[tuple[object, int]] = set()  # flow of each SYN-ACK that came in, and what acknowledges it
    completed: set[object] = set()
    for packet in packets:
        if packet.tcp is None:
            continue
        if packet.direction == "in" and {"S", "."} <= set(packet.tcp.flags):
            offered.add((packet.flow, packet.tcp.end))
        elif packet.direction == "out" and "R" not in packet.tcp.flags and (packet.flow, packet.tcp.ack) in offered:
            completed.add(packet.flow)
    return len(completed)
