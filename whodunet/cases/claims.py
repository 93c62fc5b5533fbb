"""What a scenario claims, known before any run: each claim with its id and its words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from whodunet.cases.evidence_field import Phrase
from whodunet.cases.findings import Witness
from whodunet.cases.scenario import EvidenceClaim, Scenario, SymptomClaim
from whodunet.evidence.observation import REMOVALS, PhaseName

if TYPE_CHECKING:
    from whodunet.evidence.probe_evidence import ProbeEvidence


@dataclass(frozen=True)
class FaultInPlace:
    """The scenario's faults are seen in place, or in a later phase those to be gone that were taken out before it."""

    phase: PhaseName

    @property
    def id(self) -> str:
        """Its name, the same in every run."""
        return f"{self.phase}/fault {'in place' if self.phase == 'faulty' else 'gone'}"

    @property
    def says(self) -> str:
        """It as a sentence."""
        if self.phase == "faulty":
            return "the fault is seen in place"
        which = f"{self.phase.removesuffix(' removed')} " if self.phase in REMOVALS else ""
        return f"the {which}fault is seen to be gone"


@dataclass(frozen=True)
class SymptomShown:
    """A probe shows a symptom."""

    phase: PhaseName
    probe: str
    claim: SymptomClaim

    @property
    def id(self) -> str:
        """Its name, the same in every run."""
        return f"{self.phase}/symptom/{self.probe}"

    @property
    def says(self) -> str:
        """It as a sentence."""
        printed = "".join(f' and prints "{text}"' for text in self.claim.output)
        return f"{self.probe} says {self.claim.symptom}{printed}"


@dataclass(frozen=True)
class EvidenceShown:
    """The packets of a probe show something."""

    phase: PhaseName
    number: int  # of this phase's claims about packets, from 1
    claim: EvidenceClaim

    @property
    def id(self) -> str:
        """Its name, the same in every run."""
        return f"{self.phase}/evidence/{self.number}"

    @property
    def says(self) -> str:
        """It as a sentence: "the SYN of ssh is last seen at egress-fw-eth1"."""
        return evidence_words(self.claim)


@dataclass(frozen=True)
class SymptomsChange:
    """What is taken out between two phases makes a difference that a user can see."""

    before: PhaseName = "faulty"
    after: PhaseName = "repaired"
    phase: None = None  # it is about two

    @property
    def id(self) -> str:
        """Its name, the same in every run."""
        return f"symptom changes when {self._what} is taken out"

    @property
    def says(self) -> str:
        """It as a sentence."""
        return f"at least one probe shows another symptom once {self._what} is taken out"

    @property
    def _what(self) -> str:
        if self.after in REMOVALS:
            return f"the {self.after.removesuffix(' removed')} fault"
        return "the last fault" if self.before in REMOVALS else "the fault"


@dataclass(frozen=True)
class SaysTheSame:
    """A probe says the same as that of the scenario's twin, figures left out."""

    probe: str
    twin: str  # the other scenario
    phase: PhaseName = "faulty"

    @property
    def id(self) -> str:
        """Its name, the same in every run."""
        return f"{self.phase}/twin"

    @property
    def says(self) -> str:
        """It as a sentence."""
        return f"{self.probe} says the same as in {self.twin}, for another cause"


OwnClaim: TypeAlias = FaultInPlace | SymptomShown | EvidenceShown | SymptomsChange
"""One thing that a scenario says of its own run."""

Claim: TypeAlias = OwnClaim | SaysTheSame
"""One thing that a scenario says."""


def claims_of(scenario: Scenario) -> tuple[OwnClaim, ...]:
    """Everything that a scenario claims of its own run; the order is the order of judging."""
    return tuple(_claims(scenario))


def _claims(scenario: Scenario) -> Iterator[OwnClaim]:
    phases = scenario.answer.phases
    for phase, claims in phases.items():
        if scenario.staging.faults:
            yield FaultInPlace(phase)
        for probe, symptom in claims.symptoms.items():
            yield SymptomShown(phase, probe, symptom)
        for number, evidence in enumerate(claims.evidence, 1):
            yield EvidenceShown(phase, number, evidence)
    yield from (SymptomsChange(before, after) for before, after in pairwise(phases))


def evidence_words(claim: EvidenceClaim) -> str:
    """A claim about packets as a sentence: "the SYN of ssh is last seen at egress-fw-eth1"."""
    parts = [words for said in claim.says for words in said.words()]
    sender = f" in the name of {claim.sender}" if claim.sender else ""
    return f"the {claim.packet} of {claim.probe}{sender} {', '.join(parts) or 'is named, without a claim about it'}"


def evidence_told(claim: EvidenceClaim, evidence: ProbeEvidence) -> str:
    """What a claim about packets that held says, with the values that were measured: "The SYN of ssh ... ."."""
    witness = Witness.of(claim.packet, claim.sender, evidence)
    told = _joined([phrase for said in claim.says for phrase in said.told(witness)])
    if not witness.trails:
        return f"No {claim.packet} of {claim.probe} {told or 'was seen at any capture point'}."
    return f"The {claim.packet} of {claim.probe} {told or 'was seen'}."


def _joined(phrases: list[Phrase]) -> str:
    """Predicates joined by "and", clauses of their own set off: "was seen at a and got as far as b; c saw it twice"."""
    parts: list[str] = []
    for phrase in phrases:
        if not parts:
            parts.append(phrase.predicate)
        elif phrase.clause is None:
            parts[-1] += f" and {phrase.predicate}"
        else:
            parts.append(phrase.clause)
    return "; ".join(parts)
