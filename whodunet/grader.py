"""Plays cases for a diagnostic tool: brings each one's lab up, runs the tool on the client, and grades what it said.

A lab is played in its faulty state alone. That the fault is in place is seen before the tool runs and after it: where
it has vanished meanwhile, or something else of the lab has ended, there is no score.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Final

from whodunet import engine
from whodunet.cases.fault import Fault, FaultNotInPlace
from whodunet.cases.scenario import Claims, Probe, Scenario
from whodunet.debian_program import DebianProgram
from whodunet.engine import Progress
from whodunet.errors import CannotRun, InvalidInput, Problem
from whodunet.evidence.observation import Observation
from whodunet.evidence.provenance import provenances
from whodunet.evidence.topology import Topology
from whodunet.grading.cost import MeasuredCost
from whodunet.grading.draw import drawn
from whodunet.grading.proof import Proof, prove
from whodunet.grading.report import GradedCase, Said, graded
from whodunet.grading.scoring import score
from whodunet.grading.submission import Submission, read_submission
from whodunet.grading.target import Target, target_of
from whodunet.grading.tool import Tool, filled_in
from whodunet.grading.truth import CaseTruth, Way, truth_of
from whodunet.lab.accounts import HOST_USERS
from whodunet.lab.host_root import PYTHON, Shared
from whodunet.lab.launching import started_warm
from whodunet.lab.pcapng_blocks import blocks_at, blocks_since, whole_blocks
from whodunet.lab.plan import LabOptions
from whodunet.lab.programs import lacking_version, require_programs_of_case
from whodunet.lab.sandboxed import SandboxedLab
from whodunet.lab.sharing import read_share
from whodunet.loading.library import Library, find_scenario, scenario_names
from whodunet.loading.scenario_file import NotOverFamily
from whodunet.records import new_record, record_name
from whodunet.scheduling import SideBySide, Task, expected_s
from whodunet.variation import Variation

_ORDINARY: Final = HOST_USERS["ec2-user"]
_CAPTURE: Final = f"{_ORDINARY.home}/capture.pcapng"  # on the client
_OWN_PACKAGE: Final = "/opt/whodunet-itself"  # where the client has what of whodunet diagnoses
_TELLS: Final = frozenset({"causes", "cause_classes", "scenarios", "topologies", "controllers", "docs", "__pycache__"})
_GRADED: Final = "graded tool"  # what its run is called in a record, beside the case's own probes
_NO_CLAIMS: Final = Claims(symptoms={})


class CannotBeGraded(InvalidInput):
    """A scenario that no tool can be asked about."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.because = problem.wrong


@dataclass(frozen=True)
class CaseToGrade:
    """A scenario in one network, with what a tool is told of it and what its verdict is compared with."""

    scenario: Scenario
    library: Library  # of the network's variation
    topology: Topology
    target: Target
    way: Way
    truth: CaseTruth

    @property
    def name(self) -> str:
        """The scenario's, with the options that ask for its network."""
        return self.library.variation.of(self.scenario.question.name)

    @property
    def ungraded(self) -> GradedCase:
        """The case before a tool has said anything."""
        variation = self.library.variation
        return GradedCase(self.scenario.question.name, variation.seed, variation.family, Said.in_truth(self.truth))

    @classmethod
    def of(cls, file: Path, library: Library) -> CaseToGrade:
        """The case of a scenario's file.

        Raises:
            InvalidInput: with every problem of the file; when it is about the other family, or names no destination.
        """
        scenario = library.scenario(file)
        topology = library.of(scenario).topology(scenario.question.topology)
        target = target_of(scenario.question, topology)
        if target is None:
            wrong = "cannot be graded: its first probe's command names no host and port"
            raise CannotBeGraded(Problem(scenario.question.name, wrong, "name another scenario"))
        way = Way.of(scenario, topology, target.node)
        return cls(scenario, library, topology, target, way, truth_of(scenario, library.of(scenario).taxonomy, way))


def gradable(library: Library, names: Iterable[str] | None = None) -> tuple[list[CaseToGrade], dict[str, str]]:
    """The scenarios that can be graded, and why others cannot, by their names.

    Args:
        names: of some; None: all that there are.

    Raises:
        InvalidInput: when a scenario's file has problems.
    """
    cases: list[CaseToGrade] = []
    left_out: dict[str, str] = {}
    for name in scenario_names() if names is None else names:
        try:
            case = CaseToGrade.of(find_scenario(name), library)
        except (NotOverFamily, CannotBeGraded) as error:
            left_out[name] = error.because
            continue
        lacking = lacking_version(case.scenario.question.requires)
        if lacking is None:
            cases.append(case)
        else:
            left_out[name] = lacking
    return cases, left_out


def drawn_from(stated: Sequence[CaseToGrade], seed: int, count: int) -> list[CaseToGrade]:
    """So many cases of some scenarios, in networks that are drawn from a seed, each with a twin where there is one."""
    libraries = {case.scenario.question.name: case.library for case in stated}
    cases = []
    for each in drawn([case.scenario for case in stated], seed, count):
        library = libraries[each.scenario]
        network = library.at(library.catalogue, Variation(each.seed, library.variation.family))
        cases.append(CaseToGrade.of(find_scenario(each.scenario), network))
    return cases


@dataclass(frozen=True)
class Bench:
    """A tool, and how it gets to the clients that it runs on."""

    tool: Tool
    shares: tuple[Shared, ...]

    @classmethod
    def of(cls, tool: Tool, folder: Path) -> Bench:
        """That of a tool whose file is in a folder.

        Raises:
            InvalidInput: when a folder that it shares does not exist, or cannot be shown.
            CannotRun: when a program that it needs is not installed.
        """
        needs = [DebianProgram(name, package, tool.title) for name, package in tool.needs.items()]
        require_programs_of_case(needs, ())
        shares = tuple(read_share(str(folder / share), f"{tool.name}: shares") for share in tool.shares)
        return cls(tool, (*shares, *(_whodunet_itself() if "{whodunet}" in tool.command else ())))

    def command(self, case: CaseToGrade) -> str:
        """What is run on a case's client."""
        line = self.filled_in(self.tool.command, case)
        return line if self.tool.runs_as == "root" else _as_ordinary_user(line)

    def filled_in(self, command: str, case: CaseToGrade) -> str:
        """One of the tool's commands, with what its placeholders stand for."""
        family = case.topology.family
        values = {
            "host": shlex.quote(case.target.host),
            "port": str(case.target.port),
            "family": family,
            "family.option": "-4" if family == "ipv4" else "-6",
            "capture": _CAPTURE,
            "whodunet": f"env PYTHONPATH={_OWN_PACKAGE} {PYTHON} -m whodunet.cli.main",
        }
        return filled_in(command, values)


def _as_ordinary_user(command: str) -> str:
    """Source: setpriv(1)."""
    who = f"--reuid {_ORDINARY.uid} --regid {_ORDINARY.uid} --clear-groups --inh-caps -all --bounding-set -all"
    home = shlex.quote(_ORDINARY.home)
    user = f"HOME={home} USER={_ORDINARY.name} LOGNAME={_ORDINARY.name}"
    return f"cd {home} && {user} exec setpriv {who} --no-new-privs bash -c {shlex.quote(command)}"


def _whodunet_itself() -> Iterator[Shared]:
    """The parts of this package that can diagnose: not those that say what can be wrong in a lab."""
    package = Path(__file__).resolve().parent
    for path in sorted(package.iterdir()):
        if path.name not in _TELLS:
            yield Shared(str(path), f"{_OWN_PACKAGE}/whodunet/{path.name}")


def grade_case(bench: Bench, case: CaseToGrade, progress: Progress, keep: Path | None = None) -> GradedCase:
    """Plays a case and grades what the tool says.

    Args:
        keep: folder to keep the record in; None keeps nothing.
    """
    plan = engine.plan_for(case.scenario, case.library, options=LabOptions(shares=bench.shares))
    try:
        if keep is None:
            with SandboxedLab.start(plan, progress) as lab:
                return _grade_in(lab, bench, case, progress, None)
        with new_record(keep, case.scenario.source), SandboxedLab.start(plan, progress) as lab:
            return replace(_grade_in(lab, bench, case, progress, keep), record=str(keep))
    except (CannotRun, FaultNotInPlace) as error:
        return replace(case.ungraded, invalid=str(error))


def _grade_in(lab: SandboxedLab, bench: Bench, case: CaseToGrade, progress: Progress, keep: Path | None) -> GradedCase:
    tool, vantage = bench.tool, case.way.vantage
    proofs = [lab.inject(fault) for fault in case.scenario.staging.faults]
    engine.restart_services(case.scenario, lab, progress)
    baseline = engine.measure_baseline(lab)
    tries = _give_capture(lab, case, progress) if tool.reads_capture else {}
    command = Probe(host=vantage, command=bench.command(case), deadline_s=tool.time_limit_s)
    asked = _asking(case.scenario, command)
    played = engine.play_phase("faulty", (), asked, case.topology, lab, progress, baseline)
    phase = replace(played, proofs=tuple(proofs), observations={**tries, **played.observations})
    changed = what_changed(lab, case.scenario.staging.faults, baseline.rtt_ms is not None)
    recording = engine.recording_of(lab, asked, case.library, (phase,), progress, keep)
    observation = phase.observations[_GRADED]
    if changed is not None or observation.failure is not None:
        return replace(case.ungraded, invalid=changed or observation.failure)
    submission = read_submission(tool, observation, case.library.of(case.scenario).causes())
    evidence = recording.evidence["faulty"]
    cost = MeasuredCost.of(observation.duration_ms / 1e3, vantage, evidence[_GRADED].packets, case.topology)
    proof = Proof()
    if isinstance(submission, Submission) and submission.evidence:
        packets = sorted(chain(*(each.packets for each in evidence.values())), key=attrgetter("time_ns"))
        proof = prove(submission, packets, provenances(packets, case.topology), case.way, case.truth)
    version = _version_of(bench, case, lab)
    return graded(case.ungraded, submission, score(submission, case.truth), proof, cost, version)


def _give_capture(lab: SandboxedLab, case: CaseToGrade, progress: Progress) -> Mapping[str, Observation]:
    """Has the case's user try all that the question lists, and gives the client what it saw of that itself.

    Returns:
        What came of each try.
    """
    question, vantage = case.scenario.question, case.way.vantage
    tries: dict[str, Observation] = {}
    for name in question.order(case.topology.seed):
        probe = question.probes[name]
        if probe.host == vantage:
            progress(f"{probe.host}$ {probe.command}")
            tries[name] = lab.probe(name, probe)
    began_ns = min((each.started_ns for each in tries.values() if each.failure is None), default=0)
    points = [each.name for each in case.topology.interfaces.values() if each.node == vantage]
    with lab.capture() as capture, capture.path.open("rb") as recorded, tempfile.TemporaryFile() as file:
        file.writelines(blocks_since(began_ns, blocks_at(points, whole_blocks(recorded))))
        file.seek(0)
        lab.write_file(vantage, _CAPTURE, "", 0o644, file.fileno())
    return tries


def _version_of(bench: Bench, case: CaseToGrade, lab: SandboxedLab) -> str | None:
    """What the tool says of its version there; None where it says nothing."""
    if bench.tool.version is None:
        return None
    said = lab.execute(case.way.vantage, bench.filled_in(bench.tool.version, case))
    return next(iter((said.stdout + said.stderr).strip().splitlines()), None)


def _asking(scenario: Scenario, command: Probe) -> Scenario:
    """The scenario with a tool's command as its only probe, and nothing claimed of what that shows."""
    question = scenario.question.model_copy(update={"probes": {_GRADED: command}})
    answer = scenario.answer.model_copy(update={"faulty": _NO_CLAIMS, "behind": (), "repaired": None})
    return scenario.model_copy(update={"question": question, "answer": answer})


def what_changed(lab: SandboxedLab, faults: Sequence[Fault], had_baseline: bool) -> str | None:
    """Why the network is not any more the one that the case is about; None when it is."""
    vanished = next((fault for fault in faults if not fault.endures(lab)), None)
    if vanished is not None:
        return f"{vanished.kind} at {vanished.culprit()} was not in place any more when the tool had run"
    lost = lab.status().lost
    if lost:
        return "; ".join(lost)
    if had_baseline and lab.baseline_rtt_ms() is None:
        return "the baseline's path answered before the tool ran, and not after it"
    return None


def grade_all(bench: Bench, cases: Sequence[CaseToGrade], jobs: int | None, keep: Path | None) -> Iterator[GradedCase]:
    """Grades cases in labs side by side, and tells of each as soon as it is done; an interruption ends all labs.

    Args:
        jobs: labs at a time; None: as many as the machine has room for.
        keep: folder to keep a record of each case in; None keeps none.
    """
    tasks = {
        case.name: Task(
            partial(grade_case, bench, case, _silent, keep and keep / record_name(case.name)),
            expected_s(case.scenario, case.topology),
        )
        for case in cases
    }
    with started_warm(len(tasks)):
        plays = SideBySide(tasks, jobs)
        try:
            for _, done in plays.finished():
                yield done.result()
        except BaseException:
            plays.end()
            raise


def _silent(text: str) -> None:
    """Progress that nobody wants to see."""
