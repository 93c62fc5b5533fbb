"""A finished run as one JSON object, with keys that stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from whodunet.cases.judging import Judgement
from whodunet.cases.recording import Recording
from whodunet.evidence.observation import Phase
from whodunet.evidence.probe_evidence import ProbeEvidence
from whodunet.view.models.ladder import Ladder, RoutineRow, Row, ladder_of
from whodunet.view.models.reasons import reasons_of
from whodunet.view.words.packets import label
from whodunet.view.words.probes import sentence

FORMAT = 1  # rises when a key changes its meaning or goes; new keys do not raise it

JsonValue: TypeAlias = "Mapping[str, JsonValue] | Sequence[JsonValue] | str | float | None"
JsonObject: TypeAlias = dict[str, JsonValue]


def as_json(recording: Recording) -> JsonObject:
    """The run as plain values that `json.dumps` takes.

    Keys: `format` (1), `scenario`, `title`, `topology`, `seed` (null: the topology's own particulars), `family`,
    `cause`, `culprit` (null: nothing is wrong), `causes` (each with its `culprit`; the first is the two before),
    `outcome` ("held", "broken" or "could-not-measure": the worst of all
    claims), `claims`, `phases`, `links`, `dropped` (by capture point), `not_understood` (frames, by capture point),
    `damage` (sentences; empty: the capture is the one that was recorded), `notes`, `versions`.

    Of each of the claims: `id`, `phase`, `says`, `outcome`, `expected`, `seen`. Of each of the phases: `name`,
    `baseline_rtt_ms`, `proofs`, `failure`, `probes` (by name). Of each probe: `host`, `command`, `exit_status` (null:
    killed at its deadline), `symptom`, `symptom_line` (what it was read from; of an unknown one what no rule knows),
    `stdout`, `stderr`, `duration_ms`, `failure`, `reasons` (sentences: what the packets at its host tell), `ladder`.

    Of each ladder: `nodes` (in the order of the path) and `rows` (by time), each with `time_ms` (since the packet that
    the probe is about) and `packet` (its label); or, in place of the latter, `routine_packets` (how many packets of
    data and ACKs, all arrived). With a packet: `nodes` (at which it was seen, in its order), `encrypted` (those
    of them that saw but a tunnel's datagram around it), `goal` (the node that it was for; null: none of the topology),
    `ending` ("arrived", "taken over" by a node that has the connection in the
    goal's name, "dropped", "unsettled": still on its way at the end), `left` (true: it was last seen as it left the
    last of its nodes), `ttls` (where first and where last seen; null without an IP header), `spoofed` (the node in
    whose name it came; null: it sent it itself), `sent_again_s` (after the first).
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
        "causes": [{"cause": each.cause, "culprit": each.culprit} for each in scenario.answer.blamed],
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


def _claim(judgement: Judgement) -> JsonObject:
    claim = judgement.claim
    return {
        "id": claim.id,
        "phase": claim.phase,
        "says": claim.says,
        "outcome": judgement.outcome,
        "expected": judgement.expected,
        "seen": judgement.seen,
    }


def _phase(phase: Phase, evidence: Mapping[str, ProbeEvidence]) -> JsonObject:
    return {
        "name": phase.name,
        "baseline_rtt_ms": phase.baseline_rtt_ms,
        "proofs": list(phase.proofs),
        "failure": phase.failure,
        "probes": {probe: _probe(left) for probe, left in evidence.items()},
    }


def _probe(evidence: ProbeEvidence) -> JsonObject:
    observation, reading = evidence.observation, evidence.reading
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
        "reasons": [sentence(reason) for reason in reasons_of(evidence)],
        "ladder": _ladder(ladder_of(evidence)),
    }


def _ladder(ladder: Ladder) -> JsonObject:
    return {"nodes": list(ladder.nodes), "rows": [_row(row) for row in ladder.rows]}


def _row(row: Row) -> JsonObject:
    if isinstance(row, RoutineRow):
        return {"time_ms": row.time_ms, "routine_packets": row.packets}
    return {
        "time_ms": row.time_ms,
        "packet": label(row.packet),
        "nodes": list(row.journey.nodes),
        "encrypted": [node for node in row.journey.nodes if node in row.journey.encrypted],
        "goal": row.journey.goal,
        "ending": row.journey.ending,
        "left": row.journey.has_left,
        "ttls": None if row.first_ttl is None else [row.first_ttl, row.last_ttl],
        "spoofed": row.spoofed,
        "sent_again_s": list(row.again_s),
    }
