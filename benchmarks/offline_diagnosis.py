"""How often the client's own capture alone is enough: `python -m benchmarks.offline_diagnosis FOLDER...`.

Each FOLDER holds records of runs (`whodunet run --keep FOLDER/NAME`). Of each record the packets at the client's
interfaces are diagnosed, of the phase with the fault in place, without topology, story or words of the programs. The
truth is the record's own. Runs with a seed are counted apart: rules were made while looking at those without.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from whodunet.cases.recording import Recording
from whodunet.catalogue import Catalogue
from whodunet.diagnosis import suspects
from whodunet.diagnosis.from_capture import diagnose_capture, questions, vantage_of
from whodunet.diagnosis.question import Question
from whodunet.diagnosis.verdict import Party, Verdict
from whodunet.errors import InvalidInput
from whodunet.evidence.observation import Observation, PhaseName
from whodunet.evidence.packets import CapturedPacket
from whodunet.lab import pcap_reader
from whodunet.loading.library import Library
from whodunet.records import CAPTURE_FILE, RUN_FILE
from whodunet.replay import read_record

Packets: TypeAlias = list[CapturedPacket]
Outcome = Literal["exact", "in set", "wrong", "undetermined", "nothing captured"]
_SETTLING_NS = 500_000_000  # answers that are on their way when a probe ends
_ALL_PARTIES = 10  # a verdict that names them all says nothing


@dataclass(frozen=True)
class Trial:
    """One record, diagnosed from the client's packets."""

    name: str
    seed: int | None
    cause: str | None  # None: nothing is wrong
    verdict: Verdict | None  # None: the client's interfaces saw nothing to diagnose
    outcome: Outcome


def main(folders: list[str]) -> None:
    """Diagnoses every record and prints what came of each, and the counts."""
    library = Library(Catalogue())
    trials = [trial for folder in folders for trial in _trials(Path(folder), library)]
    for trial in trials:
        said = trial.verdict
        print(f"{trial.outcome:17} {trial.name} ({trial.cause or 'healthy'})")
        if said is not None:
            print(f"{'':18}{said.confidence}: {said.summary}")
            print(f"{'':18}{len(said.causes)}: {', '.join(sorted(said.causes))}")
    for seeded in (False, True):
        counted = [trial for trial in trials if (trial.seed is not None) == seeded]
        if counted:
            print(f"\n{'out of sample (seeds)' if seeded else 'in sample (no seed)'}: {_summary(counted)}")


def _summary(trials: list[Trial]) -> str:
    outcomes = Counter(trial.outcome for trial in trials)
    asked = len(trials) - outcomes["nothing captured"]
    right = outcomes["exact"] + outcomes["in set"]
    confident = sum(t.outcome == "wrong" and t.verdict is not None and t.verdict.confidence == "high" for t in trials)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    share = f"{right} of {asked} in set ({100 * right / max(1, asked):.0f} %)"
    return f"{len(trials)} records: {counts}; {share}; wrong with high confidence: {confident}"


def _trials(folder: Path, library: Library) -> Iterator[Trial]:
    for run in sorted(folder.glob(f"*/{RUN_FILE}")):
        try:
            recording = read_record(run.parent, library)
            capture = pcap_reader.read_capture(run.parent / CAPTURE_FILE)
        except InvalidInput as unreadable:
            print(f"{run.parent}: {unreadable}", file=sys.stderr)
        else:
            if not recording.run.phase("faulty").observations:
                print(f"{run.parent}: its fault did not come about", file=sys.stderr)
                continue
            yield _trial(run.parent.name, recording, capture)


def _trial(name: str, recording: Recording, capture: Sequence[CapturedPacket]) -> Trial:
    answer, topology = recording.scenario.answer, recording.topology
    cause = answer.cause if answer.culprit is not None else None
    seed = recording.run.seed if topology.seed is not None else None
    points = _interfaces(recording)
    client = [packet for packet in capture if packet.point in points]
    try:
        vantage = vantage_of(_during(recording, client, "faulty"))
        asked = _what_was_tried(recording, client)
    except InvalidInput:
        return Trial(name, seed, cause, None, "nothing captured")
    verdict = diagnose_capture(vantage, asked)
    return Trial(name, seed, cause, verdict, _outcome(verdict, cause))


def _interfaces(recording: Recording) -> frozenset[str]:
    host = _probes(recording, "faulty")[0].host
    return frozenset(name for name, interface in recording.topology.interfaces.items() if interface.node == host)


def _probes(recording: Recording, phase: PhaseName) -> list[Observation]:
    """The probes of a phase at the host of the scenario's first one; with a seed, they ran in another order."""
    observations = list(recording.run.phase(phase).observations.values())
    return [observation for observation in observations if observation.host == observations[0].host]


def _during(recording: Recording, client: Sequence[CapturedPacket], phase: PhaseName, first: bool = False) -> Packets:
    """What the client saw during the probes of a phase, or of the first alone, until the next thing began."""
    own = _probes(recording, phase)[:1] if first else _probes(recording, phase)
    began, ended = min(each.started_ns for each in own), max(each.ended_ns for each in own)
    later = [each.started_ns for other in recording.run.phases for each in other.observations.values()]
    until = min([ended + _SETTLING_NS, *(start for start in later if start > ended)])
    return [packet for packet in client if began <= packet.time_ns <= until]


def _what_was_tried(recording: Recording, client: Sequence[CapturedPacket]) -> Question:
    """The target of the first probe, which whoever sends a capture says with it; off the repaired run, if need be.

    Raises:
        InvalidInput: when it sent nothing in either.
    """
    phases: tuple[PhaseName, ...] = ("faulty", "repaired")
    for phase in phases:
        if any(each.name == phase for each in recording.run.phases):
            try:
                asked = questions(vantage_of(_during(recording, client, phase, first=True)))
            except InvalidInput:
                continue
            if any(question.port for question in asked):
                return asked[0]
    return questions(vantage_of(_during(recording, client, "faulty")))[0]


def _outcome(verdict: Verdict, cause: str | None) -> Outcome:
    if cause is None:
        if verdict.parties == {Party.NOBODY}:
            return "exact"
        return "in set" if Party.NOBODY in verdict.parties else "wrong"
    if len(verdict.parties) >= _ALL_PARTIES:
        return "undetermined"
    if cause not in verdict.causes:
        return "wrong"
    members = suspects.BY_CLASS[verdict.cause_class].causes if verdict.cause_class else frozenset()
    return "exact" if len(verdict.causes - members) + bool(members) == 1 else "in set"


if __name__ == "__main__":
    main(sys.argv[1:])
