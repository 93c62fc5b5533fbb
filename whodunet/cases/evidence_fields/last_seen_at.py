"""Where packets end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from pydantic import RootModel

from whodunet.cases.evidence_field import CapturePoint, EvidenceField, Phrase, Proposal
from whodunet.cases.findings import Finding, Witness
from whodunet.cases.mutation import Mutation, elsewhere
from whodunet.evidence.facts import ends_at_its_node, points_after

if TYPE_CHECKING:
    from whodunet.evidence.packets import CapturedPacket


class LastSeenAt(EvidenceField, RootModel[CapturePoint]):
    """The capture point beyond which no packet of the kind gets, and before which none ends; retransmissions count."""

    order: ClassVar[int] = 30

    def words(self) -> Iterator[str]:
        """What it claims."""
        yield f"is last seen at {self.root}"

    def findings(self, witness: Witness) -> Iterator[Finding]:
        """What came of it."""
        yield self._finding(witness)

    def _finding(self, witness: Witness) -> Finding:
        expected, topology = f"last seen at {self.root}", witness.evidence.topology
        if not witness.trails:
            return witness.missing(expected, self.root, "seen nowhere")
        other = next((trail for trail in witness.trails if trail.last.point != self.root), None)
        if other is not None:
            seen = f"last seen at {witness.described(other.last)}"
            if other.at(self.root):
                return Finding("broken", expected, seen, (other.last,))
            return witness.missing(expected, self.root, seen, (other.last,))
        lasts = tuple(trail.last for trail in witness.trails)
        after = () if ends_at_its_node(lasts[0], topology) else points_after(lasts[0], topology)
        on_its_way = witness.evidence.on_its_way(witness.trails)
        seen = f"last seen at {witness.described(lasts[0])}"
        return witness.absent(expected, after, seen, on_its_way, witness.another, packets=lasts)

    def mutations(self, witness: Witness, sample: CapturedPacket | None) -> Iterator[Mutation]:
        """Missing there, and one is seen elsewhere after."""
        yield Mutation.none_at(witness, self.root)
        for trail in witness.trails[:1]:
            point = elsewhere(trail, points_after(trail.last, witness.evidence.topology), witness)
            if point is not None:
                yield Mutation.also_at(witness, trail.last, point, 1)

    def told(self, witness: Witness) -> Iterator[Phrase]:
        """What was measured."""
        yield Phrase(f"got as far as {self.root} and no further")

    @classmethod
    def proposals(cls, witness: Witness) -> Iterator[Proposal]:
        """What could be claimed."""
        yield cls(witness.trails[0].last.point).as_claimed


FIELD = LastSeenAt
