"""How far packets come inside a tunnel's datagrams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import RootModel

from whodunet.cases.evidence_field import CapturePoint, EvidenceField, Phrase, Proposal
from whodunet.cases.findings import Finding, Witness
from whodunet.cases.mutation import Mutation, elsewhere
from whodunet.evidence.facts import ends_at_its_node, points_after

_DATAGRAM: Final = "OpenVPN data"

if TYPE_CHECKING:
    from whodunet.evidence.packets import CapturedPacket


class CarriedAsFarAs(EvidenceField, RootModel[CapturePoint]):
    """The capture point at which the encrypted datagram around each such packet is last seen."""

    order: ClassVar[int] = 35

    def words(self) -> Iterator[str]:
        """What it claims."""
        yield f"is carried as far as {self.root} by the tunnel's datagram"

    def findings(self, witness: Witness) -> Iterator[Finding]:
        """What came of it."""
        yield self._finding(witness)

    def _finding(self, witness: Witness) -> Finding:
        expected, evidence = f"carried as far as {self.root}", witness.evidence
        if not witness.trails:
            return witness.missing(expected, self.root, "seen nowhere")
        datagrams = [evidence.carriers[trail] for trail in witness.trails if trail in evidence.carriers]
        if len(datagrams) < len(witness.trails):
            return Finding("could-not-measure", expected, "which datagram carried it cannot be told")
        lasts = tuple(datagram.last for datagram in datagrams)
        other = next((last for last in lasts if last.point != self.root), None)
        if other is not None:
            return Finding("broken", expected, f"carried as far as {other.point}", (other,))
        after = () if ends_at_its_node(lasts[0], evidence.topology) else points_after(lasts[0], evidence.topology)
        doubts = (evidence.blind_spot(after, _DATAGRAM), evidence.on_its_way(datagrams), witness.another)
        doubt = next(filter(None, doubts), None)
        return Finding("could-not-measure", expected, doubt) if doubt else Finding("held", expected, expected, lasts)

    def mutations(self, witness: Witness, sample: CapturedPacket | None) -> Iterator[Mutation]:
        """The datagram around one is seen elsewhere after."""
        for trail in witness.trails[:1]:
            datagram = witness.evidence.carriers.get(trail)
            after = datagram and elsewhere(datagram, points_after(datagram.last, witness.evidence.topology), witness)
            if datagram and after:
                yield Mutation.also_at(witness, datagram.last, after, 1)

    def told(self, witness: Witness) -> Iterator[Phrase]:
        """What was measured."""
        yield Phrase(f"was carried as far as {self.root} by the tunnel's datagram")

    @classmethod
    def proposals(cls, witness: Witness) -> Iterator[Proposal]:
        """What could be claimed of packets that went into a tunnel."""
        datagram = witness.evidence.carriers.get(witness.trails[0])
        if datagram is not None:
            yield cls(datagram.last.point).as_claimed


FIELD = CarriedAsFarAs
