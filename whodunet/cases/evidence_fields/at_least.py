"""How often packets are seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, RootModel

from whodunet.cases.evidence_field import NOT_EMPTY, CapturePoint, EvidenceField, Phrase
from whodunet.cases.findings import Finding, Witness
from whodunet.cases.mutation import Mutation
from whodunet.phrases import times

if TYPE_CHECKING:
    from whodunet.evidence.packets import CapturedPacket


_Counts = Annotated[Mapping[CapturePoint, Annotated[int, Field(ge=1)]], NOT_EMPTY]


class AtLeast(EvidenceField, RootModel[_Counts]):
    """Capture point: how many such packets have to be seen there."""

    order: ClassVar[int] = 60

    def words(self) -> Iterator[str]:
        """What it claims."""
        for point, count in self.root.items():
            yield f"is seen at least {count} times at {point}"

    def findings(self, witness: Witness) -> Iterator[Finding]:
        """What came of it, point by point."""
        for point, count in self.root.items():
            there = tuple(packet for trail in witness.trails if (packet := trail.at(point)))
            expected, seen = f"seen at least {count} times at {point}", f"seen {len(there)} times at {point}"
            if len(there) >= count:
                yield Finding("held", expected, seen, there)
            else:
                yield witness.missing(expected, point, seen, there)

    def mutations(self, witness: Witness, sample: CapturedPacket | None) -> Iterator[Mutation]:
        """One too few, at each of the points in turn."""
        for point, count in self.root.items():
            there = [trail for trail in witness.trails if trail.at(point)]

            def change(packet: CapturedPacket, point: str = point) -> CapturedPacket | None:
                return None if packet.point == point else packet

            yield Mutation.of(f"{count - 1} at {point}", witness, there[count - 1 :], change)

    def told(self, witness: Witness) -> Iterator[Phrase]:
        """What was measured."""
        for point in self.root:
            counted = times(sum(trail.at(point) is not None for trail in witness.trails))
            yield Phrase(f"was seen {counted} at {point}", f"{point} saw it {counted}")


FIELD = AtLeast
