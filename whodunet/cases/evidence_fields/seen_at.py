"""Where packets are seen."""

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


class SeenAt(EvidenceField, RootModel[CapturePoints]):
    """Capture points at each of which such a packet is seen."""

    order: ClassVar[int] = 20

    def words(self) -> Iterator[str]:
        """What it claims."""
        yield f"is seen at {', '.join(self.root)}"

    def findings(self, witness: Witness) -> Iterator[Finding]:
        """What came of it, point by point."""
        for point in self.root:
            expected, sighting = f"seen at {point}", witness.sighting_at(point)
            if sighting is None:
                yield witness.missing(expected, point, witness.whereabouts)
            else:
                yield Finding("held", expected, f"seen at {witness.described(sighting)}", (sighting,))

    def mutations(self, witness: Witness, sample: CapturedPacket | None) -> Iterator[Mutation]:
        """Missing at each of the points in turn."""
        for point in self.root:
            yield Mutation.none_at(witness, point)

    def told(self, witness: Witness) -> Iterator[Phrase]:
        """What was measured."""
        yield Phrase(f"was seen at {listed(self.root)}")


FIELD = SeenAt
