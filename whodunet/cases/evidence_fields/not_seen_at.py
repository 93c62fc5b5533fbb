"""Where packets are not seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from pydantic import RootModel

from whodunet.cases.evidence_field import CapturePoints, EvidenceField, Phrase
from whodunet.cases.findings import Finding, Witness
from whodunet.cases.mutation import Mutation
from whodunet.phrases import listed

if TYPE_CHECKING:
    from whodunet.evidence.packets import CapturedPacket


class NotSeenAt(EvidenceField, RootModel[CapturePoints]):
    """Capture points at none of which such a packet is seen."""

    order: ClassVar[int] = 50

    def words(self) -> Iterator[str]:
        """What it claims."""
        yield f"is not seen at {', '.join(self.root)}"

    def findings(self, witness: Witness) -> Iterator[Finding]:
        """What came of it, point by point."""
        for point in self.root:
            expected, sighting = f"not seen at {point}", witness.sighting_at(point)
            if sighting is None:
                on_its_way = witness.evidence.on_its_way(witness.trails)
                yield witness.absent(expected, (point,), "not seen there", on_its_way)
            else:
                yield Finding("broken", expected, f"seen at {witness.described(sighting)}", (sighting,))

    def mutations(self, witness: Witness, sample: CapturedPacket | None) -> Iterator[Mutation]:
        """One is seen at each of the points in turn."""
        seen = witness.trails[0].last if witness.trails else sample
        for point in self.root:
            if seen is not None:
                yield Mutation.also_at(witness, seen, point, 1)

    def told(self, witness: Witness) -> Iterator[Phrase]:
        """What was measured."""
        nowhere = f"seen at {listed(self.root, 'or')}"
        if witness.trails:
            yield Phrase(f"was not {nowhere}", f"{listed(self.root)} saw nothing of it")
        else:
            yield Phrase(f"was {nowhere}")


FIELD = NotSeenAt
