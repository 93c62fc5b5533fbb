"""TCP's numbers as people read them: counted from the SYN of either side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from whodunet.evidence.packets import SEQUENCE_SPACE, CapturedPacket
from whodunet.evidence.probe_evidence import ProbeEvidence

_End: TypeAlias = tuple[str, int]  # address and port


@dataclass(frozen=True)
class NumberedPacket:
    """A packet, and its numbers counted from the SYNs of its connection; as they are where those were not seen."""

    captured: CapturedPacket
    seq: int = 0
    ack: int = 0
    knows_both_isns: bool = False  # the SYNs of both sides were seen


class Numbering:
    """The initial sequence numbers (ISN) of the connections in some packets."""

    def __init__(self, packets: Iterable[CapturedPacket]) -> None:
        self._isns: dict[tuple[_End, _End], int] = {}
        for packet in packets:
            if packet.tcp is not None and "S" in packet.tcp.flags:
                self._isns.setdefault(_ends(packet), packet.tcp.seq)

    def of(self, packet: CapturedPacket) -> NumberedPacket:
        """The packet with its numbers."""
        if packet.tcp is None:
            return NumberedPacket(packet)
        source, destination = _ends(packet)
        own, other = self._isns.get((source, destination)), self._isns.get((destination, source))
        seq = (packet.tcp.seq - (own or 0)) % SEQUENCE_SPACE
        ack = (packet.tcp.ack - (other or 0)) % SEQUENCE_SPACE
        return NumberedPacket(packet, seq, ack, own is not None and other is not None)


def numbering_of(evidence: ProbeEvidence) -> Numbering:
    """That of a probe's own packets."""
    return Numbering(trail.first for trail in evidence.trails)


def _ends(packet: CapturedPacket) -> tuple[_End, _End]:
    """Source and destination of a segment."""
    assert packet.ip is not None
    assert packet.tcp is not None
    return (packet.ip.source, packet.tcp.source_port), (packet.ip.destination, packet.tcp.destination_port)
