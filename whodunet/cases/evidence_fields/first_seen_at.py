"""Where packets begin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from pydantic import RootModel

from whodunet.cases.evidence_field import CapturePoint, EvidenceField, Phrase, Proposal
from whodunet.cases.findings import Finding, Witness
from whodunet.cases.mutation import Mutation, elsewhere
from whodunet.evidence.facts import begins_at_its_node, points_before, spoofed_sender

if TYPE_CHECKING:
    from whodunet.evidence.packets import CapturedPacket


class FirstSeenAt(EvidenceField, RootModel[CapturePoint]):
    """The capture point at which every packet of the kind begins: one that came from elsewhere is another's."""

    order: ClassVar[int] = 10

    def words(self) -> Iterator[str]:
        """What it claims."""
        yield f"is first seen at {self.root}"

    def findings(self, witness: Witness) -> Iterator[Finding]:
        """What came of it."""
        yield self._finding(witness)

    def _finding(self, witness: Witness) -> Finding:
        expected, topology = f"first seen at {self.root}", witness.evidence.topology
        if not witness.trails:
            return witness.missing(expected, self.root, "seen nowhere")
        other = next((trail for trail in witness.trails if trail.first.point != self.root), None)
        if other is not None:
            seen = f"first seen at {witness.described(other.first)}"
            if other.at(self.root):  # recorded there later than elsewhere, it did not begin there, whatever was lost
                return Finding("broken", expected, seen, (other.first,))
            return witness.missing(expected, self.root, seen, (other.first,), may_come=False)
        firsts = tuple(trail.first for trail in witness.trails)
        before = () if begins_at_its_node(firsts[0], topology) else points_before(firsts[0], topology)
        seen = f"first seen at {witness.described(firsts[0])}"
        return witness.absent(expected, before, seen, witness.another, packets=firsts)

    def mutations(self, witness: Witness, sample: CapturedPacket | None) -> Iterator[Mutation]:
        """One is missing there, and one is seen elsewhere before."""
        yield Mutation.none_at(witness, self.root)
        for trail in witness.trails[:1]:
            point = elsewhere(trail, points_before(trail.first, witness.evidence.topology), witness)
            if point is not None:
                yield Mutation.also_at(witness, trail.first, point, -1)

    def told(self, witness: Witness) -> Iterator[Phrase]:
        """What was measured."""
        for trail in witness.trails[:1]:
            spoofed = spoofed_sender(trail, witness.evidence.topology)
            yield Phrase(f"was first seen at {self.root}" + (f", in the name of {spoofed}" if spoofed else ""))

    @classmethod
    def proposals(cls, witness: Witness) -> Iterator[Proposal]:
        """What could be claimed."""
        yield cls(witness.trails[0].first.point).as_claimed


FIELD = FirstSeenAt
