"""Plays a scenario: brings its lab up, injects, probes, repairs, probes again, and judges what was recorded."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from whodunet import catalogue
from whodunet.cases.fault import Fault, FaultNotInPlace
from whodunet.cases.lab import Capture, Lab
from whodunet.cases.recording import Recording
from whodunet.cases.scenario import Question, Scenario
from whodunet.errors import CannotRun
from whodunet.evidence.observation import Observation, Phase, PhaseName, Run
from whodunet.evidence.topology import Topology
from whodunet.evidence.trails import answer_margin_ns
from whodunet.lab.control import name_for
from whodunet.lab.launching import LabProcess
from whodunet.lab.plan import BESIDE, NOTHING_SPECIAL, LabOptions, Plan
from whodunet.lab.programs import require_programs_of_case, require_versions
from whodunet.lab.running_services import programs_of, require_services
from whodunet.lab.sandboxed import SandboxedLab
from whodunet.loading.library import Library
from whodunet.records import LabFiles, keep_record

if TYPE_CHECKING:
    from whodunet.evidence.capture import CaptureContent, CaptureReader

Progress = Callable[[str], None]
_PLAYS: Final = count(1)
_MOST_ROUND_TRIPS: Final = 8
_LEAST_QUIET_S: Final = 0.02  # a controller, or a busy machine, takes longer than a path without delay
_VERSIONS: Final = "uname -sr; ssh -V 2>&1; ovs-vswitchd --version | head -n 1; tcpdump --version 2>&1 | head -n 1"


def require_services_of(scenario: Scenario, library: Library) -> None:
    """What the hosts of a scenario's network are to run is there, and takes the settings that it is given.

    Raises:
        InvalidInput: for the first that is not or does not.
    """
    library = library.of(scenario)
    require_services(library.topology(scenario.question.topology), library.catalogue)


def plan_for(
    scenario: Scenario, library: Library, name: str | None = None, options: LabOptions = NOTHING_SPECIAL
) -> Plan:
    """What a lab has to be told to stand as the scenario's setup wants it, without its faults.

    Raises:
        CannotRun: when a program that the case needs is not installed, or too old.
    """
    question, setup = scenario.question, scenario.staging.setup
    faults, probes = scenario.staging.faults, question.probes.values()
    library = library.of(scenario)
    require_services_of(scenario, library)
    needs = chain(
        programs_of(library.topology(question.topology), library.catalogue), *(fault.needs for fault in faults)
    )
    require_programs_of_case(needs, {probe.command for probe in probes})
    require_versions(question.requires)
    topology_file = library.topology_file(question.topology)
    beside = library.catalogue.contents()
    if topology_file.parent != catalogue.folder("topologies"):
        topology_file = BESIDE / "topologies" / topology_file.name
    switches = library.topo(question.topology).switches()
    policies = {
        each: library.standing_policy(question.topology, each, setup.policies.get(each, {})) for each in switches
    }
    return Plan(
        name=name or _unique_name(question.name),
        topology_file=str(topology_file),
        topology=question.topology,
        ryu_app=str(catalogue.folder("controllers") / "ryu_app.py"),
        policies=policies,
        uplinks=dict(setup.uplinks),
        places=tuple(map(str, library.catalogue.places)),
        beside=beside,
        scenario=question.name,
        variation=library.variation,
        shares=options.shares,
        other_controller=options.other_controller,
    )


def _unique_name(scenario: str) -> str:
    """A name for a lab that nobody is to find: it lives no longer than a play."""
    return f"{name_for(scenario)[:16].rstrip('-')}-{os.getpid()}-{next(_PLAYS)}"


def play(
    scenario: Scenario,
    library: Library,
    progress: Progress,
    keep: Path | None = None,
    process: LabProcess | None = None,
) -> Recording:
    """Plays a scenario in a lab of its own and judges it.

    Args:
        keep: folder to keep the record in; None keeps nothing.
        process: a process for the lab that was started in advance; a new one if None.

    Raises:
        CannotRun: when the lab cannot be brought up, or ends before its time.
    """
    with SandboxedLab.start(plan_for(scenario, library), progress, process) as lab:
        return play_in(lab, scenario, library, progress, keep)


def play_in(lab: Lab, scenario: Scenario, library: Library, progress: Progress, keep: Path | None = None) -> Recording:
    """Plays a scenario in a lab that was made for it, and judges it; for the arguments see `play`.

    Raises:
        CannotRun: when the lab ends before its time, or something of it has.
    """
    topology = library.of(scenario).topology(scenario.question.topology)
    phases = _play_phases(scenario, topology, lab, progress)
    return recording_of(lab, scenario, library, phases, progress, keep)


def recording_of(
    lab: Lab,
    scenario: Scenario,
    library: Library,
    phases: tuple[Phase, ...],
    progress: Progress,
    keep: Path | None = None,
) -> Recording:
    """What was played in a lab up to now, with its capture, judged; for the arguments see `play`.

    Raises:
        CannotRun: when something of the lab has ended.
    """
    topology = library.of(scenario).topology(scenario.question.topology)
    progress("reading the capture")
    with lab.capture() as capture:
        content, recorded = _recorded(capture)
        state = lab.status()
        if state.lost:
            raise CannotRun(f"{'; '.join(state.lost)}: the lab was not what {scenario.question.name} is about")
        run = Run(
            scenario=scenario.question.name,
            topology=topology.name,
            phases=phases,
            links=state.links,
            notes=(*state.notes, *library.unused_seed(topology)),
            versions=_versions(scenario, lab),
            dropped=capture.dropped,
            capture=replace(recorded.summary(capture.clock_offset_ns), frames=capture.frames),
            seed=library.variation.seed,
            family=library.variation.family,
        )
        recording = Recording.read(scenario, topology, run, recorded)
        if keep is not None:
            about = LabFiles(lab.flow_tables(), lab.logs(), library.of(scenario).catalogue.places)
            keep_record(keep, recording, content, about)
    return recording


def _recorded(capture: Capture) -> tuple[bytes, CaptureContent]:
    """All that had been recorded when the capture was asked for: what is written later belongs to no probe."""
    from whodunet.lab import pcap_reader  # scapy: half a second, which a lab's start must not take

    read: CaptureReader = pcap_reader.read
    content = pcap_reader.content_of(capture.path, capture.size_bytes)
    return content, read(content)


@dataclass(frozen=True)
class _Moment:
    """What the recorder said at one moment."""

    frames: Mapping[str, int]  # by capture point, up to then
    time_ns: int
    waited_ns: int | None


@dataclass(frozen=True)
class Baseline:
    """The round trip that every timing is compared with, and what its packets may have waited for a processor."""

    rtt_ms: float | None
    waited_ms: float | None


def _play_phases(scenario: Scenario, topology: Topology, lab: Lab, progress: Progress) -> tuple[Phase, ...]:
    baseline = measure_baseline(lab)
    phases = [play_phase("faulty", scenario.staging.faults, scenario, topology, lab, progress, baseline)]
    for name, faults in scenario.removals:
        if phases[-1].failure is None:
            phases.append(play_phase(name, faults, scenario, topology, lab, progress, baseline))
    return tuple(phases)


def measure_baseline(lab: Lab) -> Baseline:
    """The round trip of the topology's baseline path now."""
    before = _recorded_by_now(lab)
    rtt_ms = lab.baseline_rtt_ms()
    return Baseline(rtt_ms, _waited_ms(before, _recorded_by_now(lab)))


def play_phase(
    name: PhaseName,
    faults: Sequence[Fault],
    scenario: Scenario,
    topology: Topology,
    lab: Lab,
    progress: Progress,
    baseline: Baseline,
) -> Phase:
    """Puts faults in, in the first phase, or takes them out, and runs the scenario's probes."""
    proofs: list[str] = []
    try:
        for fault in faults:
            # Not which, nor where: whoever reads this is to find out.
            progress("putting the fault in place" if name == "faulty" else "taking the fault out")
            proofs.append(lab.inject(fault) if name == "faulty" else lab.remove(fault))
    except FaultNotInPlace as error:
        return Phase(name, {}, tuple(proofs), baseline.rtt_ms, str(error), baseline_waited_ms=baseline.waited_ms)
    restart_services(scenario, lab, progress)
    round_trip_s = answer_margin_ns(topology, baseline.rtt_ms) / 2e9
    observations, settled_ns = _probe_all(scenario.question, topology.seed, lab, progress, round_trip_s)
    return Phase(name, observations, tuple(proofs), baseline.rtt_ms, None, settled_ns, baseline.waited_ms)


def restart_services(scenario: Scenario, lab: Lab, progress: Progress) -> None:
    """Starts those services again that the scenario wants to meet its faults, or the absence of them, afresh."""
    for host, service in scenario.staging.setup.restart.items():
        progress(f"starting {service} on {host} again")
        lab.restart_service(host, service)


def _probe_all(
    question: Question, seed: int | None, lab: Lab, progress: Progress, round_trip_s: float
) -> tuple[Mapping[str, Observation], int | None]:
    """What came of each probe, and until when their last packets were left the time that they need to arrive."""
    observations: dict[str, Observation] = {}
    settled_ns = None
    before = _recorded_by_now(lab)
    for name in question.order(seed):
        probe = question.probes[name]
        progress(f"{probe.host}$ {probe.command}")
        observation = lab.probe(name, probe)
        after = _recorded_by_now(lab)
        observations[name] = replace(observation, waited_ms=_waited_ms(before, after))
        before = _settle(lab, round_trip_s, after)
        settled_ns = before.time_ns
    return {name: observations[name] for name in question.probes}, settled_ns


def _waited_ms(before: _Moment, after: _Moment) -> float | None:
    if before.waited_ns is None or after.waited_ns is None:
        return None
    return (after.waited_ns - before.waited_ns) / 1e6


def _settle(lab: Lab, round_trip_s: float, now: _Moment) -> _Moment:
    """Waits until no capture point has seen a packet for a round trip: none is under way then.

    Not for ever: in some cases somebody always speaks. What is under way in the end is judged to be so.

    Returns:
        That moment, by the recorder's clock: this process's own may be another (faketime(1), a clock that was set).
    """
    for _ in range(_MOST_ROUND_TRIPS):
        time.sleep(max(round_trip_s, _LEAST_QUIET_S))
        before, now = now, _recorded_by_now(lab)
        if now.frames == before.frames:
            break
    return now


def _recorded_by_now(lab: Lab) -> _Moment:
    with lab.capture() as capture:
        return _Moment(capture.frames, capture.time_ns, capture.waited_ns)


def _versions(scenario: Scenario, lab: Lab) -> Mapping[str, str]:
    lines = lab.execute(scenario.question.vantage, _VERSIONS).stdout.splitlines()
    return dict(zip(("kernel", "ssh", "openvswitch", "tcpdump"), lines, strict=False))
