"""What came of a claim: findings, and the packets that a claim about packets is judged by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:  # to read a scenario takes no evidence, and all that reads evidence takes long to import
    from whodunet.evidence.packets import CapturedPacket, PacketKind
    from whodunet.evidence.probe_evidence import ProbeEvidence
    from whodunet.evidence.trails import Trail

Outcome = Literal["held", "broken", "could-not-measure"]
_WORST_FIRST: Final[tuple[Outcome, ...]] = ("broken", "could-not-measure", "held")


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome of several as one: broken when one is, else not measured when one is not, or there is none."""
    there = set(outcomes)
    return next((each for each in _WORST_FIRST if each in there), "could-not-measure")


@dataclass(frozen=True)
class Finding:
    """What came of one thing that a claim says."""

    outcome: Outcome
    expected: str
    seen: str  # when held as well: the fact that bears it out
    packets: tuple[CapturedPacket, ...] = ()  # those that decided it, each where it was seen; none of an absence


@dataclass(frozen=True)
class Witness:
    """The packets that a claim is about, before all that their probe left."""

    kind: PacketKind
    trails: tuple[Trail, ...]
    evidence: ProbeEvidence

    @classmethod
    def of(cls, kind: PacketKind, sender: str | None, evidence: ProbeEvidence) -> Witness:
        """Those of one kind, of those that bear one node's address where one is named."""
        return cls(kind, evidence.of(kind, sender), evidence)

    def sighting_at(self, point: str) -> CapturedPacket | None:
        """The first of the packets at a capture point."""
        return next((packet for trail in self.trails if (packet := trail.at(point))), None)

    def described(self, packet: CapturedPacket) -> str:
        """Where a packet was seen, with its TTL, and the time since its conversation began."""
        facts = [] if packet.ip is None else [f"{packet.ip.ttl_name.lower()} {packet.ip.ttl}"]
        flow = packet.flow or (packet.icmp and packet.icmp.quoted)
        first = next((trail for trail in self.evidence.trails if flow and trail.first.flow == flow), None)
        if first is not None and packet not in first.sightings:
            opening = "SYN" if "SYN" in first.kinds else "first packet"
            facts.append(f"{(packet.time_ns - first.first.time_ns) / 1e6:.1f} ms after the {opening}")
        return f"{packet.point} ({', '.join(facts)})" if facts else packet.point

    @property
    def came_to_the_host(self) -> bool:
        """True when the first of the packets was last seen at the probe's own host."""
        point = self.trails[0].last.point
        return self.evidence.topology.node_at(point) == self.evidence.observation.host

    @property
    def whereabouts(self) -> str:
        """How far the first of the packets came."""
        return f"last seen at {self.described(self.trails[0].last)}" if self.trails else "seen nowhere"

    def missing(
        self, expected: str, point: str, seen: str, packets: tuple[CapturedPacket, ...] = (), *, may_come: bool = True
    ) -> Finding:
        """Something is not seen at a point: broken, unless it may have been there, or may have come there later."""
        later = self.evidence.on_its_way(self.trails) if may_come else None
        why = self.evidence.blind_spot((point,), self.kind) or later
        return Finding("could-not-measure", expected, why) if why else Finding("broken", expected, seen, packets)

    def absent(
        self,
        expected: str,
        points: Iterable[str],
        seen: str,
        *doubts: str | None,
        packets: tuple[CapturedPacket, ...] = (),
    ) -> Finding:
        """Nothing is seen at some points: held, unless it may have been there, or for another doubt."""
        why = next(filter(None, (self.evidence.blind_spot(points, self.kind), *doubts)), None)
        return Finding("could-not-measure", expected, why) if why else Finding("held", expected, seen, packets)

    @property
    def another(self) -> str | None:
        """Why there may be more such packets, about which a claim about every one of them is as well; None when not."""
        return self.evidence.not_understood(self.kind)
