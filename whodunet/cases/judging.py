"""Judging: what a scenario claims, and whether a run and its capture bear it out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from whodunet.cases.findings import Finding, Outcome, answer_time_words, findings
from whodunet.cases.scenario import Claims, EvidenceClaim, Scenario, SymptomClaim
from whodunet.evidence.observation import Observation, Phase, PhaseName, Run
from whodunet.evidence.probe_evidence import Evidence, ProbeEvidence
from whodunet.evidence.symptoms import Symptom, SymptomReading

CHANGE = "symptom changes when the fault is taken out"


@dataclass(frozen=True)
class Claim:
    """One thing that a scenario says."""

    id: str  # "faulty/symptom/ssh": the same in every run
    phase: PhaseName | None  # None: about both
    says: str  # one readable sentence


@dataclass(frozen=True)
class Judgement:
    """What came of a claim."""

    claim: Claim
    outcome: Outcome
    expected: str = ""
    seen: str = ""  # when held as well: the fact that bears it out


def claims_of(scenario: Scenario) -> tuple[Claim, ...]:
    """Everything that a scenario claims, known before any run; the order is the order of judging."""
    return tuple(_claims(scenario))


def _claims(scenario: Scenario) -> Iterator[Claim]:
    for phase, claims in _phases(scenario):
        if scenario.staging.faults:
            yield _fault_claim(phase)
        for probe, symptom in claims.symptoms.items():
            yield Claim(f"{phase}/symptom/{probe}", phase, _symptom_words(probe, symptom))
        for number, evidence in enumerate(claims.evidence, 1):
            yield Claim(f"{phase}/evidence/{number}", phase, evidence_words(evidence))
    if scenario.answer.repaired is not None:
        yield Claim(CHANGE, None, "at least one probe shows another symptom once the fault is taken out")


def _phases(scenario: Scenario) -> Iterator[tuple[PhaseName, Claims]]:
    yield "faulty", scenario.answer.faulty
    if scenario.answer.repaired is not None:
        yield "repaired", scenario.answer.repaired


def _fault_claim(phase: PhaseName) -> Claim:
    if phase == "faulty":
        return Claim("faulty/fault in place", phase, "the fault is seen in place")
    return Claim("repaired/fault gone", phase, "the fault is seen to be gone")


def _symptom_words(probe: str, claim: SymptomClaim) -> str:
    printed = "".join(f' and prints "{text}"' for text in claim.output)
    return f"{probe} says {claim.symptom}{printed}"


def evidence_words(claim: EvidenceClaim) -> str:
    """A claim about packets as a sentence: "the SYN of ssh is last seen at egress-fw-eth1"."""
    parts = [f"is seen at {', '.join(claim.seen_at)}"] if claim.seen_at else []
    parts += [f"is not seen at {', '.join(claim.not_seen_at)}"] if claim.not_seen_at else []
    parts += [f"is first seen at {claim.first_seen_at}"] if claim.first_seen_at else []
    parts += [f"is last seen at {claim.last_seen_at}"] if claim.last_seen_at else []
    parts += [f"has TTL {ttl} at {point}" for point, ttl in claim.ttl.items()]
    parts += [f"is seen at least {times} times at {point}" for point, times in claim.at_least.items()]
    parts += [f"comes {answer_time_words(claim.after)}"] if claim.after else []
    parts += [f"acknowledges the {claim.acknowledges}"] if claim.acknowledges else []
    sender = f" in the name of {claim.sender}" if claim.sender else ""
    return f"the {claim.packet} of {claim.probe}{sender} {', '.join(parts) or 'is named, without a claim about it'}"


def judge(scenario: Scenario, run: Run, evidence: Evidence) -> tuple[Judgement, ...]:
    """What came of every claim, in the order of `claims_of`.

    Args:
        evidence: what each probe of the run left (`evidence_of`).
    """
    claims = {claim.id: claim for claim in claims_of(scenario)}
    judged: dict[str, Finding] = {}
    for phase, wanted in _phases(scenario):
        if scenario.staging.faults:
            judged[_fault_claim(phase).id] = _fault_finding(scenario, run, phase)
        left = evidence.get(phase, {})
        for probe, symptom in wanted.symptoms.items():
            judged[f"{phase}/symptom/{probe}"] = _symptom_finding(symptom, left.get(probe))
        for number, claim in enumerate(wanted.evidence, 1):
            judged[f"{phase}/evidence/{number}"] = judge_evidence(claim, left.get(claim.probe))
    if scenario.answer.repaired is not None:
        judged[CHANGE] = _change_finding(scenario, evidence)
    return tuple(
        Judgement(claim, judged[id_].outcome, judged[id_].expected, judged[id_].seen) for id_, claim in claims.items()
    )


def _phase(run: Run, name: PhaseName) -> Phase | None:
    return next((phase for phase in run.phases if phase.name == name), None)


def _fault_finding(scenario: Scenario, run: Run, name: PhaseName) -> Finding:
    wanted = len(scenario.staging.faults)
    expected = f"{wanted} fault{'s' * (wanted > 1)} {'in place' if name == 'faulty' else 'gone'}"
    phase = _phase(run, name)
    if phase is None:
        return Finding("could-not-measure", expected, "this phase was not run")
    if phase.failure is not None:
        return Finding("broken", expected, phase.failure)
    if len(phase.proofs) < wanted:
        return Finding("could-not-measure", expected, f"proofs of {len(phase.proofs)}")
    return Finding("held", expected, "; ".join(phase.proofs))


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


def judge_evidence(claim: EvidenceClaim, evidence: ProbeEvidence | None) -> Finding:
    """All that a claim about packets says as one: broken when one thing is, else not measured when one thing is not.

    Args:
        evidence: of the probe that the claim is about; None: it was not run.
    """
    if evidence is None or evidence.observation.failure is not None:
        why = (evidence and evidence.observation.failure) or "the probe was not run"
        return Finding("could-not-measure", evidence_words(claim), why)
    if evidence.doubt is not None:
        return Finding("could-not-measure", evidence_words(claim), evidence.doubt)
    found = findings(claim, evidence)
    for outcome in ("broken", "could-not-measure", "held"):
        some = [finding for finding in found if finding.outcome == outcome]
        if some:
            return Finding(some[0].outcome, _joined(f.expected for f in some), _joined(f.seen for f in some))
    return Finding("could-not-measure", "something", "the claim names a packet and says nothing of it")


def _joined(texts: Iterator[str]) -> str:
    return "; ".join(dict.fromkeys(texts))


def _change_finding(scenario: Scenario, evidence: Evidence) -> Finding:
    """A case whose symptoms stay the same without its fault is not about that fault."""
    expected = "another symptom of at least one probe"
    faulty, repaired = evidence.get("faulty", {}), evidence.get("repaired", {})
    pairs = [
        (probe, faulty[probe].reading.symptom, repaired[probe].reading.symptom)
        for probe in scenario.question.probes
        if probe in faulty and probe in repaired
    ]
    measured = [pair for pair in pairs if Symptom.COULD_NOT_MEASURE not in pair]
    changed = [f"{probe}: {before}, then {after}" for probe, before, after in measured if before is not after]
    if changed:
        return Finding("held", expected, "; ".join(changed))
    if not measured or len(measured) < len(scenario.question.probes):
        return Finding("could-not-measure", expected, "not every probe was measured in both phases")
    return Finding("broken", expected, "; ".join(f"{probe}: {before} in both phases" for probe, before, _ in measured))
