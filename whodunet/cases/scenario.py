"""A scenario: one case with its question, its staging and its answer.

The three are separate types so that whatever diagnoses can be given the question alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SerializeAsAny, WithJsonSchema

from whodunet.cases.evidence_field import EvidenceField, NodeName
from whodunet.cases.fault import Fault
from whodunet.cases.fields import KindOfPacket, one_of
from whodunet.cases.strict import Strict
from whodunet.evidence.observation import REMOVALS, PhaseName
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.topology import Family
from whodunet.variation import Draws


class Probe(Strict):
    """One real command on one host."""

    host: str = Field(description="node of the topology that runs the command")
    command: str = Field(min_length=1, description="shell command, as a person would type it on that host")
    deadline_s: float = Field(default=30, gt=0, le=600, description="killed after this time; then it counts as hanging")


class Question(Strict):
    """What a learner or a diagnostic program is told."""

    name: str
    title: str
    story: str
    topology: str
    vantage: str
    probes: Mapping[str, Probe]
    requires: Mapping[str, str] = Field(default_factory=dict)  # program: the version that it has to have at least
    probes_in_order: bool = False  # True: each may depend on those before it, so no seed draws another order

    def order(self, seed: int | None) -> tuple[str, ...]:
        """The names of the probes in the order in which they run."""
        names = tuple(self.probes)
        return names if self.probes_in_order else Draws(seed).in_any_order("order of probes", names)


class Setup(Strict):
    """The circumstances of a case, which stay when its faults are taken out."""

    uplinks: Mapping[str, str] = Field(
        default_factory=dict, description="host: the way out that it uses, e.g. client: home"
    )
    policies: Mapping[str, Mapping[str, Any]] = Field(
        default_factory=dict,
        description="switch: what its policy says instead of the topology's (keys are replaced whole)",
    )
    restart: Mapping[str, str] = Field(
        default_factory=dict,
        description="host: one of its services, started again once the faults are in, and once they are out",
    )


class Staging(Strict):
    """How the lab is put into the state of the case."""

    setup: Setup
    faults: tuple[SerializeAsAny[Fault], ...]


CLAIMABLE = tuple(str(symptom) for symptom in Symptom if symptom is not Symptom.COULD_NOT_MEASURE)


def _claimable(value: object) -> object:
    """Refuses what no probe can show: that something could not be measured is what a check says, never a claim."""
    return one_of(value, CLAIMABLE)


class SymptomClaim(Strict):
    """What a probe has to show."""

    symptom: Annotated[
        Symptom, BeforeValidator(_claimable), WithJsonSchema({"type": "string", "enum": list(CLAIMABLE)})
    ]
    output: tuple[str, ...] = Field(default=(), description="texts that have to appear in what the command printed")


class EvidenceClaim(Strict):
    """What the packets of a probe have to show at the capture points (interfaces)."""

    probe: str
    packet: KindOfPacket
    sender: NodeName | None = Field(
        default=None, description="node whose address it carries as its source; a forged packet carries another's"
    )

    @property
    def says(self) -> tuple[EvidenceField, ...]:
        """What it says of those packets; the fields that it can have are those of its type (`claim_model`)."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value for value in values if isinstance(value, EvidenceField))


class Claims(Strict):
    """What is seen in one phase."""

    symptoms: Mapping[str, SymptomClaim]
    evidence: tuple[SerializeAsAny[EvidenceClaim], ...] = ()


class Blame(Strict):
    """A cause, and where it sits."""

    cause: str
    cause_title: str | None = None  # of a cause that the taxonomy does not list
    culprit: str | None


class CauseBehind(Blame):
    """A further cause, which is met once the fault before it is taken out."""

    shown: Claims  # then


class Answer(Blame):
    """The truth about a case. Nothing that diagnoses may hold a value of this type.

    The first cause is its own; where it has several, those behind come in the order in which packets meet them.
    """

    faulty: Claims
    behind: tuple[CauseBehind, ...] = ()
    repaired: Claims | None
    twin_of: str | None = None  # the scenario that shows the same words for another cause
    lesson: str = ""

    @property
    def blamed(self) -> tuple[Blame, ...]:
        """Every cause with its culprit, the outermost first."""
        return (self, *self.behind)

    @property
    def causes(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(each.cause for each in self.blamed)

    @property
    def phases(self) -> Mapping[PhaseName, Claims]:
        """What is seen in each phase, in their order."""
        shown: dict[PhaseName, Claims] = {"faulty": self.faulty}
        shown.update(zip(REMOVALS, (each.shown for each in self.behind), strict=False))
        return shown | ({"repaired": self.repaired} if self.repaired is not None else {})


class OneFamily(Strict):
    """Why a case is about one family of addresses, and cannot be shown over the other."""

    only: Family = Field(description="the family over which it holds")
    because: str = Field(min_length=1, description="what the other one lacks or does differently")


class Scenario(Strict):
    """One case, in one variation of its topology."""

    question: Question
    staging: Staging
    answer: Answer
    family: OneFamily | None = Field(default=None, description="None: it holds over both")
    source: str = Field(default="", description="the text of the file that states it")
    file: str = Field(default="", description="that file, beside which more of what it refers to may lie")

    @property
    def removals(self) -> tuple[tuple[PhaseName, tuple[Fault, ...]], ...]:
        """The phases after the first, and which faults are taken out before each: one by one where each has a cause."""
        faults = self.staging.faults
        if not faults:
            return ()
        if not self.answer.behind:
            return (("repaired", faults),)
        phases = (*REMOVALS[: len(faults) - 1], "repaired")
        return tuple((phase, (fault,)) for phase, fault in zip(phases, faults, strict=True))
