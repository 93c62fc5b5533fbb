"""A finished run as one JSON object, with keys that stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whodunet.cases.judging import Judgement
from whodunet.cases.recording import Recording
from whodunet.evidence.observation import Observation, Phase
from whodunet.evidence.probe_evidence import ProbeEvidence
from whodunet.evidence.symptoms import SymptomReading

FORMAT = 1  # rises when a key changes its meaning or goes; new keys do not raise it


def as_json(recording: Recording) -> dict[str, Any]:
    """The run as plain values that `json.dumps` takes.

    Keys: `format` (1), `scenario`, `title`, `topology`, `seed` (null: the topology's own particulars), `family`,
    `cause`, `culprit` (null: nothing is wrong), `outcome` ("held",
    "broken" or "could-not-measure": the worst of all claims), `claims` (list of `id`, `phase`, `says`, `outcome`,
    `expected`, `seen`), `phases` (list of `name`, `baseline_rtt_ms`, `proofs`, `failure`, `probes`: by name `host`,
    `command`, `exit_status` (null: killed at its deadline), `symptom`, `symptom_line` (what it was read from; of an
    unknown one what no rule knows), `stdout`, `stderr`, `duration_ms`, `failure`), `links`, `dropped` (by capture
    point),
    `not_understood` (frames, by capture point), `damage` (sentences; empty: the capture is the one that was recorded),
    `notes`, `versions`.
    """
    scenario, run = recording.scenario, recording.run
    return {
        "format": FORMAT,
        "scenario": scenario.question.name,
        "title": scenario.question.title,
        "topology": run.topology,
        "seed": run.seed,
        "family": run.family,
        "cause": scenario.answer.cause,
        "culprit": scenario.answer.culprit,
        "outcome": recording.outcome,
        "claims": [_claim(judgement) for judgement in recording.judgements],
        "phases": [_phase(phase, recording.evidence[phase.name]) for phase in run.phases],
        "links": dict(run.links),
        "dropped": dict(run.dropped),
        "not_understood": dict(run.capture.not_understood) if run.capture else {},
        "damage": list(run.damage),
        "notes": list(run.notes),
        "versions": dict(run.versions),
    }


def _claim(judgement: Judgement) -> dict[str, Any]:
    claim = judgement.claim
    result = {"outcome": judgement.outcome, "expected": judgement.expected, "seen": judgement.seen}
    return {"id": claim.id, "phase": claim.phase, "says": claim.says, **result}


def _phase(phase: Phase, evidence: Mapping[str, ProbeEvidence]) -> dict[str, Any]:
    return {
        "name": phase.name,
        "baseline_rtt_ms": phase.baseline_rtt_ms,
        "proofs": list(phase.proofs),
        "failure": phase.failure,
        "probes": {
            probe: _probe(observation, evidence[probe].reading) for probe, observation in phase.observations.items()
        },
    }


def _probe(observation: Observation, reading: SymptomReading) -> dict[str, Any]:
    return {
        "host": observation.host,
        "command": observation.command,
        "exit_status": observation.exit_status,
        "symptom": str(reading.symptom),
        "symptom_line": reading.line,
        "stdout": observation.stdout,
        "stderr": observation.stderr,
        "duration_ms": observation.duration_ms,
        "failure": observation.failure or reading.reason or None,
    }
