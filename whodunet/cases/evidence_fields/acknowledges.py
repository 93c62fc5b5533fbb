"""Which packet a RST acknowledges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from pydantic import RootModel

from whodunet.cases.evidence_field import EvidenceField, Proposal
from whodunet.cases.fields import KindOfPacket
from whodunet.cases.findings import Finding, Witness
from whodunet.cases.mutation import Mutation
from whodunet.evidence.answers import acknowledges

if TYPE_CHECKING:
    from whodunet.evidence.packets import CapturedPacket


class Acknowledges(EvidenceField, RootModel[KindOfPacket]):
    """Its acknowledgement number is that packet's sequence number plus one, its own is zero."""

    order: ClassVar[int] = 80

    def words(self) -> Iterator[str]:
        """What it claims."""
        yield f"acknowledges the {self.root}"

    def findings(self, witness: Witness) -> Iterator[Finding]:
        """What came of it."""
        yield self._finding(witness)

    def _finding(self, witness: Witness) -> Finding:
        expected, evidence = f"seq 0 and the acknowledgement number of the {self.root} plus one", witness.evidence
        everywhere = evidence.topology.interfaces
        answers = tuple(trail.first for trail in witness.trails if trail.first.tcp is not None)
        if not answers:
            omission = evidence.omission(everywhere, witness.kind)
            if omission:
                return Finding("could-not-measure", expected, omission)
            return Finding("broken", expected, "seen nowhere")
        asked = [trail.first for trail in evidence.of(self.root)]
        wrong = next((packet for packet in answers if not any(acknowledges(packet, other) for other in asked)), None)
        if wrong is None or wrong.tcp is None:
            seen = f"seq 0, ack = the {self.root}'s sequence number + 1"
            return witness.absent(expected, (), seen, witness.another, packets=answers)
        # The packet with that number may be the one that was lost.
        omission = evidence.omission(everywhere, self.root) if wrong.tcp.seq == 0 else None
        if omission:
            return Finding("could-not-measure", expected, omission)
        seen = f"seq {wrong.tcp.seq}, ack {wrong.tcp.ack} at {witness.described(wrong)}"
        return Finding("broken", expected, seen, (wrong,))

    def mutations(self, witness: Witness, sample: CapturedPacket | None) -> Iterator[Mutation]:
        """Another acknowledgement number of one, and another sequence number."""
        for number in ("ack", "seq"):

            def change(packet: CapturedPacket, number: str = number) -> CapturedPacket:
                tcp = packet.tcp
                if tcp is None:
                    return packet
                changed = replace(tcp, ack=tcp.ack + 1) if number == "ack" else replace(tcp, seq=tcp.seq + 1)
                return replace(packet, tcp=changed)

            yield Mutation.of(f"another {number} of the {witness.kind}", witness, witness.trails[:1], change)

    @classmethod
    def proposals(cls, witness: Witness) -> Iterator[Proposal]:
        """What could be claimed of a RST."""
        if witness.kind == "RST":
            yield cls("SYN").as_claimed


FIELD = Acknowledges
