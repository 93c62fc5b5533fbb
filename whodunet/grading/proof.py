"""Whether the packets that a verdict cites are there, and are the doing of whoever is to blame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from whodunet.evidence.packets import CapturedPacket, Icmp, Ip, Tcp
from whodunet.evidence.provenance import Provenance
from whodunet.grading.submission import CitedIcmp, CitedIp, CitedPacket, CitedTcp, Submission
from whodunet.grading.truth import CaseTruth, Way


@dataclass(frozen=True)
class Proof:
    """How many packets a verdict cites, how many of them the vantage saw, and how many show the culprit at work."""

    cited: int = 0
    found: int = 0
    telling: int = 0

    @property
    def holds(self) -> bool:
        """True when nothing was made up, and something of it implies the verdict."""
        return self.cited == self.found and self.telling > 0


def prove(
    submission: Submission,
    packets: Sequence[CapturedPacket],
    provenances: Sequence[Provenance | None],
    way: Way,
    truth: CaseTruth,
) -> Proof:
    """What the citations of a verdict are worth.

    Args:
        packets: of all capture points, while the tool ran.
        provenances: of each of them.
    """
    at_vantage = [
        (packet, provenance)
        for packet, provenance in zip(packets, provenances, strict=True)
        if way.topology.node_at(packet.point) == way.vantage
    ]
    cited = [each for evidence in submission.evidence for each in evidence.packets]
    seen = [[provenance for packet, provenance in at_vantage if is_cited(each, packet)] for each in cited]
    telling = sum(any(each is not None and _shows_culprit(each, way, truth) for each in found) for found in seen)
    return Proof(len(cited), sum(map(bool, seen)), telling)


def is_cited(cited: CitedPacket, packet: CapturedPacket) -> bool:
    """True when all that a citation says is true of a packet."""
    if cited.ip is None:
        span = cited.is_within
        return packet.ip is None and span is not None and span[0] <= packet.time_ns <= span[1]
    return (
        cited.direction in (None, packet.direction)
        and _says(cited.ip, packet.ip)
        and _says(cited.tcp, packet.tcp)
        and _says(cited.icmp, packet.icmp)
    )


def _says(cited: CitedIp | CitedTcp | CitedIcmp | None, header: Ip | Tcp | Icmp | None) -> bool:
    """True when a packet has that header, with every value that is stated."""
    if cited is None:
        return True
    stated = cited.model_dump(exclude_none=True)
    return header is not None and all(getattr(header, name) == value for name, value in stated.items())


def _shows_culprit(provenance: Provenance, way: Way, truth: CaseTruth) -> bool:
    """Its sender is the culprit, whatever name it bears, or the culprit is the last that had it.

    Where nothing is wrong, what the destination itself sent shows that.
    """
    names = truth.culprit.split(" - ") if truth.culprit is not None else [way.destination]
    return provenance.sender in names or (truth.culprit is not None and provenance.at in names)
