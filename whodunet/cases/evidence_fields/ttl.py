"""With which TTL (hop limit) packets come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from pydantic import Field, RootModel, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue

from whodunet.cases.evidence_field import NOT_EMPTY, CapturePoint, EvidenceField, Phrase, Proposal
from whodunet.cases.findings import Finding, Witness
from whodunet.cases.mutation import Mutation
from whodunet.evidence.facts import distance
from whodunet.phrases import routers

# A file may also say "as sent by NODE", which is resolved before the claim is read (`references`).
_NUMBER_OR_RELATION: Final[JsonSchemaValue] = {
    "anyOf": [{"type": "integer", "minimum": 0, "maximum": 255}, {"type": "string", "pattern": r"^as sent by \S+$"}]
}
_Number = Annotated[int, Field(ge=0, le=255), WithJsonSchema(_NUMBER_OR_RELATION)]

if TYPE_CHECKING:
    from whodunet.evidence.packets import CapturedPacket


class Ttl(EvidenceField, RootModel[Annotated[Mapping[CapturePoint, _Number], NOT_EMPTY]]):
    """Capture point: the TTL (IPv6: hop limit) that each such packet has there."""

    order: ClassVar[int] = 70

    def words(self) -> Iterator[str]:
        """What it claims, over either family."""
        for point, ttl in self.root.items():
            yield f"has TTL (hop limit) {ttl} at {point}"

    def findings(self, witness: Witness) -> Iterator[Finding]:
        """What came of it, point by point."""
        for point, ttl in self.root.items():
            yield self._finding(point, ttl, witness)

    def _finding(self, point: str, ttl: int, witness: Witness) -> Finding:
        of_family = "hop limit" if witness.evidence.topology.family == "ipv6" else "TTL"
        there = tuple(packet for trail in witness.trails if (packet := trail.at(point)) and packet.ip)
        name = next((packet.ip.ttl_name for packet in there if packet.ip), of_family)
        expected = f"{name} {ttl} at {point}"
        if not there:
            return witness.missing(expected, point, witness.whereabouts)
        ttls = sorted({packet.ip.ttl for packet in there if packet.ip})
        seen = f"{name} {' and '.join(map(str, ttls))} at {point}"
        if ttls != [ttl]:
            return Finding("broken", expected, seen, there)
        omission = witness.evidence.omission((point,), witness.kind)
        return Finding("could-not-measure", expected, omission) if omission else Finding("held", expected, seen, there)

    def mutations(self, witness: Witness, sample: CapturedPacket | None) -> Iterator[Mutation]:
        """Another TTL of one packet, at each of the points in turn."""
        for point, ttl in self.root.items():
            changed = [trail for trail in witness.trails if trail.at(point)][:1]

            def change(packet: CapturedPacket, point: str = point, ttl: int = ttl) -> CapturedPacket:
                if packet.point != point or packet.ip is None:
                    return packet
                return replace(packet, ip=replace(packet.ip, ttl=ttl - 1))

            yield Mutation.of(f"TTL {ttl - 1} at {point}", witness, changed, change)

    def told(self, witness: Witness) -> Iterator[Phrase]:
        """What was measured, with what it tells of the way."""
        name = next((trail.first.ip.ttl_name for trail in witness.trails if trail.first.ip is not None), "TTL")
        for point, ttl in self.root.items():
            passed = f"{routers(distance(ttl).routers)} passed it on"
            yield Phrase(f"had {name} {ttl} at {point}: {passed}", f"its {name} at {point} was {ttl}: {passed}")

    @classmethod
    def proposals(cls, witness: Witness) -> Iterator[Proposal]:
        """What could be claimed of packets that came to the probe's host."""
        last = witness.trails[0].last
        if last.ip is not None and witness.came_to_the_host:
            yield cls({last.point: last.ip.ttl}).as_claimed


FIELD = Ttl
