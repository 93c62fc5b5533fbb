"""The story of a finished run, section by section: what its user saw, what the packets say, and last who did it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from whodunet.cases.claims import EvidenceShown, evidence_told
from whodunet.cases.judging import Judgement
from whodunet.cases.recording import Recording
from whodunet.evidence.observation import REMOVALS, PhaseName, Run
from whodunet.evidence.probe_evidence import ProbeEvidence
from whodunet.evidence.topology import Family
from whodunet.view.models.brief import Brief, ProbeOutcome, brief_of, outcome_of
from whodunet.view.models.ladder import Ladder, ladder_of
from whodunet.view.models.numbering import NumberedPacket, numbering_of
from whodunet.view.models.reasons import Reason, reasons_of
from whodunet.view.models.screen import Screen, screen_of


@dataclass(frozen=True)
class Beginning:
    """What the case is called, and what its user tells."""

    name: str | None  # of the scenario; None where that would give the answer away
    title: str
    story: str  # prose
    seed: int | None  # of the network's particulars; None: those that its file states
    family: Family  # that the probes went over


@dataclass(frozen=True)
class UserSaw:
    """The screens of all probes, in their order."""

    screens: tuple[Screen, ...]


@dataclass(frozen=True)
class NoWitness:
    """Why the capture proves nothing, a sentence each."""

    damage: tuple[str, ...]


@dataclass(frozen=True)
class AnswerAtHost:
    """The packets that explain what the first probe showed, as its own host saw them, and what follows from them."""

    host: str
    point: str  # the interface
    packets: tuple[NumberedPacket, ...]  # what was asked, and the answer where one came
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class HopByHop:
    """All packets of the first probe."""

    probe: str
    outcome: ProbeOutcome
    ladder: Ladder


@dataclass(frozen=True)
class OtherProbes:
    """The other probes in brief."""

    briefs: tuple[Brief, ...]


@dataclass(frozen=True)
class FaultSeen:
    """How each fault was seen to be in place, in the programs' own words."""

    signs: tuple[str, ...]  # a line each; a fault may have several


@dataclass(frozen=True)
class OnceRepaired:
    """All probes in brief, with a fault taken out."""

    briefs: tuple[Brief, ...]
    phase: PhaseName = "repaired"  # which tells how many are out
    is_one_of_several: bool = False


@dataclass(frozen=True)
class Judged:
    """What came of claims."""

    judgements: tuple[Judgement, ...]  # at least one
    are_all: bool  # else those alone that did not hold


@dataclass(frozen=True)
class Blamed:
    """A cause, and where it lies."""

    cause: str  # in the taxonomy's words
    culprit: str | None  # the node or link; None when nothing is wrong


@dataclass(frozen=True)
class Verdict:
    """What was wrong, where, why that is so, and how far it is proven."""

    blamed: tuple[Blamed, ...]  # one at least; of several the outermost first
    evidence: tuple[str, ...]  # sentences: what was measured of packets while the fault was in place
    held: int  # claims
    broken: int
    not_measured: int


@dataclass(frozen=True)
class Lesson:
    """What to take home."""

    text: str  # prose


Section: TypeAlias = (
    Beginning
    | UserSaw
    | NoWitness
    | AnswerAtHost
    | HopByHop
    | OtherProbes
    | FaultSeen
    | OnceRepaired
    | Judged
    | Verdict
    | Lesson
)


@dataclass(frozen=True)
class Story:
    """What there is to tell of a run, in the order in which it is told."""

    sections: tuple[Section, ...]  # without those that have nothing to tell


def story_of(
    recording: Recording, cause_titles: Sequence[str], *, all_claims: bool = False, is_mystery: bool = False
) -> Story:
    """The story of a run. The scenario's first probe is told in full, the others in brief.

    Args:
        cause_titles: each cause in the taxonomy's words, the outermost first.
        all_claims: tells the claims that held, too.
        is_mystery: leaves out what gives the culprit away before the verdict: the scenario's name, the marked column.
    """
    return Story(tuple(_sections(recording, cause_titles, all_claims, is_mystery)))


def _sections(
    recording: Recording, cause_titles: Sequence[str], all_claims: bool, is_mystery: bool
) -> Iterator[Section]:
    question, answer = recording.scenario.question, recording.scenario.answer
    faulty = recording.evidence.get("faulty", {})
    name, run = None if is_mystery else question.name, recording.run
    yield Beginning(name, question.title, question.story, run.seed, run.family)
    if faulty:
        texts = {probe: claim.output for probe, claim in answer.faulty.symptoms.items()}
        yield UserSaw(tuple(screen_of(each.observation, texts.get(probe, ())) for probe, each in faulty.items()))
    if run.damage:  # then nothing of what follows is proven by packets
        yield NoWitness(run.damage)
    yield from _of_probes(faulty, None if is_mystery else answer.culprit)
    yield from _proofs(run)
    yield from _once_repaired(recording, is_mystery)
    judgements = tuple(each for each in recording.judgements if all_claims or each.outcome != "held")
    if judgements:
        yield Judged(judgements, all_claims)
    yield _verdict(recording, cause_titles)
    if answer.lesson:
        yield Lesson(answer.lesson)


def _once_repaired(recording: Recording, is_mystery: bool) -> Iterator[Section]:
    """What is seen once each fault is taken out; of what that reveals, the first probe's packets as well."""
    behind = recording.scenario.answer.behind
    culprits = dict(zip(REMOVALS, (each.culprit for each in behind), strict=False))
    for phase, probes in recording.evidence.items():
        if phase == "faulty" or not probes:
            continue
        yield OnceRepaired(tuple(brief_of(probe, each) for probe, each in probes.items()), phase, bool(behind))
        if phase in culprits:
            first, evidence = next(iter(probes.items()))
            marked = None if is_mystery else culprits[phase]
            yield HopByHop(first, outcome_of(evidence), ladder_of(evidence, marked))


def _of_probes(faulty: Mapping[str, ProbeEvidence], marked: str | None) -> Iterator[Section]:
    """The first probe in full, and the others beside it."""
    first = next(iter(faulty), None)
    if first is None:
        return
    yield from _answer(faulty[first])
    yield HopByHop(first, outcome_of(faulty[first]), ladder_of(faulty[first], marked))
    others = tuple(brief_of(probe, each, beside=faulty[first]) for probe, each in faulty.items() if probe != first)
    if others:
        yield OtherProbes(others)


def _answer(evidence: ProbeEvidence) -> Iterator[Section]:
    explained = evidence.explanation
    if explained is not None:
        numbering = numbering_of(evidence)
        packets = [packet for packet in (explained.asked, explained.answer) if packet is not None]
        yield AnswerAtHost(
            evidence.observation.host,
            explained.asked.point,
            tuple(map(numbering.of, packets)),
            reasons_of(evidence),
        )


def _proofs(run: Run) -> Iterator[Section]:
    for phase in run.phases:
        if phase.name == "faulty" and phase.proofs:
            yield FaultSeen(tuple(sign for proof in phase.proofs for sign in proof.splitlines()))


def _verdict(recording: Recording, cause_titles: Sequence[str]) -> Verdict:
    outcomes = Counter(judgement.outcome for judgement in recording.judgements)
    evidence = tuple(
        evidence_told(claim.claim, recording.evidence[claim.phase][claim.claim.probe])
        for claim in (judgement.claim for judgement in recording.judgements if judgement.outcome == "held")
        if isinstance(claim, EvidenceShown) and claim.phase != "repaired"
    )
    counts = (outcomes["held"], outcomes["broken"], outcomes["could-not-measure"])
    blamed = zip(cause_titles, recording.scenario.answer.blamed, strict=True)
    return Verdict(tuple(Blamed(title, each.culprit) for title, each in blamed), evidence, *counts)
