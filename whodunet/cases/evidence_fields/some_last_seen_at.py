"""Where some packets end, of which others get on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from pydantic import RootModel

from whodunet.cases.evidence_field import CapturePoint, EvidenceField, Phrase
from whodunet.cases.findings import Finding, Witness
from whodunet.cases.mutation import Mutation, elsewhere
from whodunet.evidence.facts import ends_at_its_node, points_after

if TYPE_CHECKING:
    from whodunet.evidence.packets import CapturedPacket
    from whodunet.evidence.trails import Trail


class SomeLastSeenAt(EvidenceField, RootModel[CapturePoint]):
    """The capture point beyond which at least one packet of the kind does not get, whatever becomes of the others."""

    order: ClassVar[int] = 35

    def words(self) -> Iterator[str]:
        """What it claims."""
        yield f"is at least once last seen at {self.root}"

    def findings(self, witness: Witness) -> Iterator[Finding]:
        """What came of it."""
        expected, ended = f"some last seen at {self.root}", self._ended(witness)
        if not ended:
            yield witness.missing(expected, self.root, "none ends there")
            return
        lasts = tuple(trail.last for trail in ended)
        topology = witness.evidence.topology
        after = () if ends_at_its_node(lasts[0], topology) else points_after(lasts[0], topology)
        on_its_way = witness.evidence.on_its_way(ended)
        seen = f"{len(ended)} of {len(witness.trails)} last seen there"
        yield witness.absent(expected, after, seen, on_its_way, packets=lasts)

    def mutations(self, witness: Witness, sample: CapturedPacket | None) -> Iterator[Mutation]:
        """Each that ends there is missing there, or gets on."""
        ended = self._ended(witness)

        def change(packet: CapturedPacket) -> CapturedPacket | None:
            return None if packet.point == self.root else packet

        yield Mutation.of(f"no {witness.kind} ends at {self.root}", witness, ended, change)
        got_on = [
            replace(trail.last, point=point, time_ns=trail.last.time_ns + 1)
            for trail in ended
            if (point := elsewhere(trail, points_after(trail.last, witness.evidence.topology), witness))
        ]
        yield Mutation(f"every {witness.kind} gets beyond {self.root}", (*witness.evidence.packets, *got_on))

    def told(self, witness: Witness) -> Iterator[Phrase]:
        """What was measured."""
        yield Phrase(f"got no further than {self.root} {len(self._ended(witness))} times of {len(witness.trails)}")

    def _ended(self, witness: Witness) -> tuple[Trail, ...]:
        return tuple(trail for trail in witness.trails if trail.last.point == self.root)


FIELD = SomeLastSeenAt
