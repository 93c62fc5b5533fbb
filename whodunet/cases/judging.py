"""Judging: whether a run and what its probes left bear out what a scenario claims."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from whodunet.cases.claims import (
    Claim,
    EvidenceShown,
    FaultInPlace,
    OwnClaim,
    SymptomsChange,
    SymptomShown,
    claims_of,
    evidence_words,
)
from whodunet.cases.findings import Finding, Outcome, Witness, worst
from whodunet.cases.scenario import EvidenceClaim, Scenario, SymptomClaim
from whodunet.evidence.observation import Observation, PhaseName, Run
from whodunet.evidence.probe_evidence import Evidence, ProbeEvidence
from whodunet.evidence.symptoms import Symptom, SymptomReading


@dataclass(frozen=True)
class Judgement:
    """What came of a claim, thing by thing."""

    claim: Claim
    findings: tuple[Finding, ...]  # one at least

    @property
    def outcome(self) -> Outcome:
        """Broken when one finding is, else not measured when one is not."""
        return worst(finding.outcome for finding in self.findings)

    @property
    def expected(self) -> str:
        """What was expected by the findings that decided the outcome."""
        return _joined(finding.expected for finding in self._deciding)

    @property
    def seen(self) -> str:
        """What they saw instead; when all held, the facts that bear them out."""
        return _joined(finding.seen for finding in self._deciding)

    @property
    def _deciding(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.outcome == self.outcome)


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts))


def judge(scenario: Scenario, run: Run, evidence: Evidence) -> tuple[Judgement, ...]:
    """What came of every claim, in the order of `claims_of`.

    Args:
        evidence: what each probe of the run left (`evidence_of`).
    """
    return tuple(Judgement(claim, _findings(claim, scenario, run, evidence)) for claim in claims_of(scenario))


def _findings(claim: OwnClaim, scenario: Scenario, run: Run, evidence: Evidence) -> tuple[Finding, ...]:
    match claim:
        case FaultInPlace(phase):
            changed = dict(scenario.removals).get(phase, scenario.staging.faults)
            return (_fault_finding(len(changed), run, phase),)
        case SymptomShown(phase, probe, symptom):
            return (_symptom_finding(symptom, evidence.get(phase, {}).get(probe)),)
        case EvidenceShown(phase, _, packets):
            return judge_evidence(packets, evidence.get(phase, {}).get(packets.probe))
        case SymptomsChange():
            return (_change_finding(claim, scenario, evidence),)


def _fault_finding(wanted: int, run: Run, name: PhaseName) -> Finding:
    expected = f"{wanted} fault{'s' * (wanted > 1)} {'in place' if name == 'faulty' else 'gone'}"
    phase = next((phase for phase in run.phases if phase.name == name), None)
    if phase is None:
        return Finding("could-not-measure", expected, "this phase was not run")
    if phase.failure is not None:
        return Finding("broken", expected, phase.failure)
    if len(phase.proofs) < wanted:
        return Finding("could-not-measure", expected, f"proofs of {len(phase.proofs)}")
    return Finding("held", expected, "; ".join(line for proof in phase.proofs for line in proof.splitlines()))


def _symptom_finding(claim: SymptomClaim, evidence: ProbeEvidence | None) -> Finding:
    expected = str(claim.symptom)
    if evidence is None:
        return Finding("could-not-measure", expected, "the probe was not run")
    reading, observation = evidence.reading, evidence.observation
    if reading.symptom is Symptom.COULD_NOT_MEASURE:
        return Finding("could-not-measure", expected, reading.reason)
    seen = _as_seen(reading, observation)
    if reading.symptom is not claim.symptom:
        return Finding("broken", expected, seen)
    missing = [text for text in claim.output if text not in observation.output]
    if missing:
        return Finding("broken", f'{expected} and "{missing[0]}" in the output', seen)
    return Finding("held", expected, seen)


def _as_seen(reading: SymptomReading, observation: Observation) -> str:
    status = "killed at its deadline" if observation.exit_status is None else f"exit status {observation.exit_status}"
    said = reading.quote or "it printed nothing"
    unknown = "no rule knows " if reading.symptom is Symptom.UNKNOWN and reading.line else ""
    whose = f", as {reading.program} says" if reading.is_one_of_several else ""
    return f"{reading.symptom}{whose} ({status}, {observation.duration_ms:.0f} ms): {unknown}{said}"


def judge_evidence(claim: EvidenceClaim, evidence: ProbeEvidence | None) -> tuple[Finding, ...]:
    """What came of each thing that a claim about packets says; one finding at least.

    Args:
        evidence: of the probe that the claim is about; None: it was not run.
    """
    if evidence is None or evidence.observation.failure is not None:
        why = (evidence and evidence.observation.failure) or "the probe was not run"
        return (Finding("could-not-measure", evidence_words(claim), why),)
    if evidence.doubt is not None:
        return (Finding("could-not-measure", evidence_words(claim), evidence.doubt),)
    witness = Witness.of(claim.packet, claim.sender, evidence)
    found = tuple(finding for said in claim.says for finding in said.findings(witness))
    if not found:
        return (Finding("could-not-measure", "something", "the claim names a packet and says nothing of it"),)
    return found


def _change_finding(claim: SymptomsChange, scenario: Scenario, evidence: Evidence) -> Finding:
    """A case whose symptoms stay the same without its fault is not about that fault."""
    expected = "another symptom of at least one probe"
    first, then = evidence.get(claim.before, {}), evidence.get(claim.after, {})
    pairs = [
        (probe, first[probe].reading.symptom, then[probe].reading.symptom)
        for probe in scenario.question.probes
        if probe in first and probe in then
    ]
    measured = [pair for pair in pairs if Symptom.COULD_NOT_MEASURE not in pair]
    changed = [f"{probe}: {before}, then {after}" for probe, before, after in measured if before is not after]
    if changed:
        return Finding("held", expected, "; ".join(changed))
    if not measured or len(measured) < len(scenario.question.probes):
        return Finding("could-not-measure", expected, "not every probe was measured in both phases")
    return Finding("broken", expected, "; ".join(f"{probe}: {before} in both phases" for probe, before, _ in measured))
