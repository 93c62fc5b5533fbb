"""What `whodunet check` costs: each scenario by itself, and all of them with `check --all`.

Wall time is mostly waiting: for timeouts that are the symptom, and for pings. CPU is told in two ways: as a shell's
`time` counts it (wait4(2)), and all that the machine gave, which is twice as much, see `benchmarks.processor_time`.
A scenario with a twin is played beside it; its figures are those of one play.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from statistics import mean

from benchmarks.figures import Cell, Table, Target
from benchmarks.labs import WHODUNET, Ended, environment
from benchmarks.processor_time import counted
from whodunet.loading.library import Library, find_scenario, scenario_names

_OUTCOMES = {0: "held", 1: "DID NOT HOLD", 3: "COULD NOT RUN"}
_MOST_TIMES = 1.25
_MOST_PLAIN_CPU_S, _MOST_CLOUD_CPU_S = 1.2, 3.0  # means; both states of each scenario included


@dataclass(frozen=True)
class Scenario:
    """One scenario, checked by itself."""

    name: str
    is_plain: bool
    wall_s: float  # of its own play
    cpu_s: float  # of one play, with its share of the command, as `time` counts it
    all_cpu_s: float
    outcome: str


def measure(runs: int) -> Table:
    """Checks every scenario once by itself, then all together, whatever `runs` says: it takes minutes."""
    library = Library()
    each = [_checked(name, _is_plain(name, library)) for name in scenario_names()]
    together, said = run("check", "--all")
    cores = len(os.sched_getaffinity(0))
    least_s = max(together.all_cpu_s / cores, *(one.wall_s for one in each))
    rows: list[list[Cell]] = [[one.name, one.wall_s, one.cpu_s, one.all_cpu_s, one.outcome] for one in each]
    sums = [sum(figures) for figures in zip(*((one.wall_s, one.cpu_s, one.all_cpu_s) for one in each), strict=True)]
    rows.append(["all, one by one", *sums, ""])
    rows.append(["check --all", together.wall_s, together.cpu_s, together.all_cpu_s, _outcome(together)])
    targets = (
        Target(
            "CPU seconds by `time` of a scenario without the cloud's programs, the mean",
            mean(one.cpu_s for one in each if one.is_plain),
            _MOST_PLAIN_CPU_S,
        ),
        Target(
            "CPU seconds by `time` of a scenario with the cloud's programs, the mean",
            mean(one.cpu_s for one in each if not one.is_plain),
            _MOST_CLOUD_CPU_S,
        ),
        Target(
            f"check --all: times the larger of all CPU / {cores} cores and the longest scenario",
            together.wall_s / least_s,
            _MOST_TIMES,
        ),
    )
    notes = [said.strip().splitlines()[-1], f"the larger of the two: {least_s:.1f} s"]
    return Table(
        "whodunet check, seconds", ("scenario", "wall", "CPU by `time`", "all CPU", "outcome"), rows, targets, notes
    )


def _is_plain(name: str, library: Library) -> bool:
    """True where no host of the network runs the cloud's control plane, which its other programs need."""
    scenario = library.scenario(find_scenario(name))
    topology = library.of(scenario).topology(scenario.question.topology)
    return not any("control-plane" in services for services in topology.services.values())


def _checked(name: str, is_plain: bool) -> Scenario:
    ended, said = run("check", name)
    plays = re.findall(r"^\S+ +(\S+) \(([0-9.]+) s\)", said, re.MULTILINE)
    own = [float(took_s) for played, took_s in plays if played == name]
    cpu_s, all_cpu_s = (each / max(len(plays), 1) for each in (ended.cpu_s, ended.all_cpu_s))
    return Scenario(name, is_plain, max(own, default=ended.wall_s), cpu_s, all_cpu_s, _outcome(ended))


def _outcome(ended: Ended) -> str:
    return _OUTCOMES.get(ended.exit_status, str(ended.exit_status))


def run(*arguments: str) -> tuple[Ended, str]:
    """Runs the command to its end; returns what it cost, and what it said.

    Raises:
        CannotRun: where its processor time cannot be counted.
    """
    with tempfile.TemporaryFile("w+") as said, counted() as processor_time:
        started = time.monotonic()
        child = subprocess.Popen(
            [*WHODUNET, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env=environment(),
            preexec_fn=processor_time.join,  # noqa: PLW1509 - there are no threads here
        )
        _, status, used = os.wait4(child.pid, 0)
        wall_s, child.returncode = time.monotonic() - started, os.waitstatus_to_exitcode(status)
        ended = Ended(wall_s, used.ru_utime + used.ru_stime, processor_time.used_s, child.returncode)
        said.seek(0)
        return ended, said.read()
