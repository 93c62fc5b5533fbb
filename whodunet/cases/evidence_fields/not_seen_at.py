"""Where packets are not seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import RootModel

from whodunet.cases.evidence_field import CapturePoint, EvidenceField, Phrase
from whodunet.cases.findings import Finding, Witness
from whodunet.phrases import listed


class NotSeenAt(EvidenceField, RootModel[tuple[CapturePoint, ...]]):
    """Capture points at none of which such a packet is seen."""

    order: ClassVar[int] = 50

    def words(self) -> Iterator[str]:
        """What it claims."""
        if self.root:
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

    def told(self, witness: Witness) -> Iterator[Phrase]:
        """What was measured."""
        if self.root:
            nowhere = f"seen at {listed(self.root, 'or')}"
            if witness.trails:
                yield Phrase(f"was not {nowhere}", f"{listed(self.root)} saw nothing of it")
            else:
                yield Phrase(f"was {nowhere}")


FIELD = NotSeenAt
