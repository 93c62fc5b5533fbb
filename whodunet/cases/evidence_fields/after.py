"""How soon packets answer others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Self

from pydantic import ConfigDict, Field, model_validator

from whodunet.cases.evidence_field import CapturePoint, EvidenceField, NodeName, Phrase, Proposal
from whodunet.cases.fields import KindOfPacket, refused
from whodunet.cases.findings import Finding, Witness
from whodunet.cases.mutation import Mutation
from whodunet.evidence.facts import AnswerGap, points_before, true_sender
from whodunet.evidence.packets import PacketKind

if TYPE_CHECKING:
    from whodunet.evidence.packets import CapturedPacket
    from whodunet.evidence.probe_evidence import ProbeEvidence

_ASKED_BY: Final[Mapping[PacketKind, PacketKind]] = {
    "SYN-ACK": "SYN",
    "RST": "SYN",
    "ICMP echo reply": "ICMP echo request",
    "ICMP admin prohibited": "SYN",
    "DNS name error": "DNS query",
    "DNS answer": "DNS query",
}
# An answer is proposed to be early or late only with room between what was measured and what is claimed: another run,
# on a busy machine, is slower. Shares of the baseline round trip.
_EARLY_IF_BELOW, _EARLY = 0.3, 0.5
_LATE_IF_ABOVE, _LATE = 0.95, 0.9


class After(EvidenceField):
    """How soon a packet answers another at one capture point, as a share of the baseline round trip.

    The other packet went the other way, and had reached the answer's sender when that was sent. A probe that tries
    several times is judged by its soonest answer: a busy machine can delay an answer, but never hasten it.
    """

    model_config = ConfigDict(extra="forbid")

    order: ClassVar[int] = 40

    packet: KindOfPacket
    at: CapturePoint
    sender: NodeName | None = Field(default=None, description="node whose address that packet carries as its source")
    below_rtt: Annotated[float, Field(gt=0)] | None = None
    above_rtt: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if self.below_rtt is None and self.above_rtt is None:
            raise refused("has no bound", "give below_rtt or above_rtt")
        return self

    def words(self) -> Iterator[str]:
        """What it claims."""
        yield f"comes {self._expected}"

    @property
    def _expected(self) -> str:
        bounds = [f"less than {self.below_rtt:g}"] if self.below_rtt is not None else []
        bounds += [f"more than {self.above_rtt:g}"] if self.above_rtt is not None else []
        return f"{' and '.join(bounds)} round trips after the {self.packet} at {self.at}"

    def findings(self, witness: Witness) -> Iterator[Finding]:
        """What came of it."""
        yield self._finding(witness)

    def _finding(self, witness: Witness) -> Finding:
        evidence, rtt_ms = witness.evidence, witness.evidence.baseline_rtt_ms
        if not rtt_ms:
            why = "the baseline round trip was not measured in this phase"
            return Finding("could-not-measure", self._expected, why)
        # The one that was answered may be lost, here or where the answer was made; and a sooner answer may be.
        of_asked = evidence.omission((self.at, *_points_of_senders(witness)), self.packet)
        omission = of_asked or evidence.omission((self.at,), witness.kind)
        if omission:
            return Finding("could-not-measure", self._expected, omission)
        soonest = min(self._gaps(witness), key=lambda gap: gap.took_ms, default=None)
        if soonest is None:
            return witness.missing(self._expected, self.at, f"answers no {self.packet} at {self.at}")
        share = soonest.took_ms / rtt_ms
        held = (self.below_rtt is None or share < self.below_rtt) and (self.above_rtt is None or share > self.above_rtt)
        seen = (
            f"{soonest.took_ms:.1f} ms after the {self.packet} at {self.at}: "
            f"{share:.2f} of the baseline round trip of {rtt_ms:.1f} ms"
        )
        waited_ms = None if held else self._what_waiting_may_explain(soonest.took_ms, evidence)
        if waited_ms is not None:
            waited = f"what carries the packets waited {waited_ms:.1f} ms for a processor meanwhile"
            busy = f"the machine was too busy: {waited}"
            return Finding("could-not-measure", self._expected, f"{seen}; {busy}", (soonest.asked, soonest.answer))
        return Finding("held" if held else "broken", self._expected, seen, (soonest.asked, soonest.answer))

    def _what_waiting_may_explain(self, took_ms: float, evidence: ProbeEvidence) -> float | None:
        """How long packets may have waited for a processor, if an answer may have come in time without; else None.

        Waiting makes an answer late, and the round trip longer that it is compared with; never an answer early.
        """
        rtt_ms = evidence.baseline_rtt_ms or 0.0
        if self.below_rtt is not None and took_ms >= self.below_rtt * rtt_ms:
            waited_ms = evidence.observation.waited_ms or 0.0
            may_explain = took_ms - waited_ms < self.below_rtt * rtt_ms
        else:
            waited_ms = evidence.baseline_waited_ms or 0.0
            may_explain = took_ms > (self.above_rtt or 0.0) * (rtt_ms - waited_ms)
        return waited_ms if may_explain else None

    def _gaps(self, witness: Witness) -> tuple[AnswerGap, ...]:
        evidence = witness.evidence
        return evidence.gaps(witness.trails, evidence.of(self.packet, self.sender), self.at)

    def mutations(self, witness: Witness, sample: CapturedPacket | None) -> Iterator[Mutation]:
        """Each answer too late, and what it answers too short a time before."""
        evidence, rtt_ns = witness.evidence, (witness.evidence.baseline_rtt_ms or 0) * 1e6
        if self.below_rtt is not None:
            waited_ns = (evidence.observation.waited_ms or 0) * 1e6
            late_ns = round(self.below_rtt * rtt_ns + waited_ns) + 1

            def later(packet: CapturedPacket) -> CapturedPacket:
                return replace(packet, time_ns=packet.time_ns + late_ns)

            yield Mutation.of(f"the {witness.kind} {late_ns / 1e6:.1f} ms later", witness, witness.trails, later)
        if self.above_rtt is not None:
            for gap in self._gaps(witness)[:1]:
                asked = [trail for trail in evidence.trails if gap.asked in trail.sightings]

                def soon(packet: CapturedPacket, gap: AnswerGap = gap) -> CapturedPacket:
                    return replace(packet, time_ns=gap.answer.time_ns - 1) if packet == gap.asked else packet

                yield Mutation.of(f"the {self.packet} just before the {witness.kind}", witness, asked, soon)

    def told(self, witness: Witness) -> Iterator[Phrase]:
        """What was measured."""
        gaps, rtt_ms = self._gaps(witness), witness.evidence.baseline_rtt_ms
        if gaps and rtt_ms:
            soonest = f", the soonest of {len(gaps)}" if len(gaps) > 1 else ""
            took_ms = min(gap.took_ms for gap in gaps)
            baseline = f"against a baseline round trip of {rtt_ms:.1f} ms"
            came = f"came {took_ms:.1f} ms after the {self.packet}{soonest}, {baseline}"
            yield Phrase(came, f"it {came}")

    @classmethod
    def proposals(cls, witness: Witness) -> Iterator[Proposal]:
        """What could be claimed of answers that came to the probe's host."""
        asked, at = _ASKED_BY.get(witness.kind), witness.trails[0].last.point
        if asked is not None and witness.came_to_the_host:
            yield Proposal(*(cls(packet=asked, at=at, below_rtt=share) for share in (_EARLY, _EARLY_IF_BELOW)))
            yield Proposal(*(cls(packet=asked, at=at, above_rtt=share) for share in (_LATE, _LATE_IF_ABOVE)))


def _points_of_senders(witness: Witness) -> tuple[str, ...]:
    """The capture points of the nodes that the packets come from, and those that they passed just before, if any."""
    topology = witness.evidence.topology
    senders = {true_sender(trail, topology) for trail in witness.trails}
    before = {point for trail in witness.trails for point in points_before(trail.first, topology)}
    return tuple(name for name, interface in topology.interfaces.items() if interface.node in senders or name in before)


FIELD = After
