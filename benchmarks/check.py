"""What `whodunet check` costs: each scenario by itself, and all of them with `check --all`.

Wall time is mostly waiting: for timeouts that are the symptom, and for pings. CPU is the command's own and that of all
processes of its labs. A scenario with a twin is played beside it; its figures are those of one play.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass

from benchmarks.figures import Cell, Table, Target
from benchmarks.labs import WHODUNET, Ended, environment
from whodunet.loading.library import Library, find_scenario, scenario_names

_OUTCOMES = {0: "held", 1: "DID NOT HOLD", 3: "COULD NOT RUN"}
_PLAIN = "corporate_vpn"  # the topology of scenarios without the cloud's programs
_MOST_TIMES, _MOST_CPU_S = 1.25, 1.0


@dataclass(frozen=True)
class Scenario:
    """One scenario, checked by itself."""

    name: str
    is_plain: bool
    wall_s: float  # of its own play
    cpu_s: float  # of one play, with its share of the command
    outcome: str


def measure(runs: int) -> Table:
    """Checks every scenario once by itself, then all together, whatever `runs` says: it takes minutes."""
    library = Library()
    plain = {name for name in scenario_names() if library.scenario(find_scenario(name)).question.topology == _PLAIN}
    each = [_checked(name, name in plain) for name in scenario_names()]
    together, said = run("check", "--all")
    cores = len(os.sched_getaffinity(0))
    least_s = max(together.cpu_s / cores, *(one.wall_s for one in each))
    rows: list[list[Cell]] = [[one.name, one.wall_s, one.cpu_s, one.outcome] for one in each]
    rows.append(["all, one by one", sum(one.wall_s for one in each), sum(one.cpu_s for one in each), ""])
    rows.append(["check --all", together.wall_s, together.cpu_s, _outcome(together)])
    targets = (
        Target(
            f"CPU seconds of the costliest on {_PLAIN}", max(one.cpu_s for one in each if one.is_plain), _MOST_CPU_S
        ),
        Target(
            f"check --all: times the larger of CPU / {cores} cores and the longest scenario",
            together.wall_s / least_s,
            _MOST_TIMES,
        ),
    )
    notes = [said.strip().splitlines()[-1], f"the larger of the two: {least_s:.1f} s"]
    return Table("whodunet check, seconds", ("scenario", "wall", "CPU", "outcome"), rows, targets, notes)


def _checked(name: str, is_plain: bool) -> Scenario:
    ended, said = run("check", name)
    plays = re.findall(r"^\S+ +(\S+) \(([0-9.]+) s\)", said, re.MULTILINE)
    own = [float(took_s) for played, took_s in plays if played == name]
    return Scenario(name, is_plain, max(own, default=ended.wall_s), ended.cpu_s / max(len(plays), 1), _outcome(ended))


def _outcome(ended: Ended) -> str:
    return _OUTCOMES.get(ended.exit_status, str(ended.exit_status))


def run(*arguments: str) -> tuple[Ended, str]:
    """Runs the command to its end; returns what it cost, and what it said.

    Source of the CPU time: wait4(2), which counts all that was waited for below.
    """
    with tempfile.TemporaryFile("w+") as said:
        started = time.monotonic()
        command = [*WHODUNET, *arguments]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment())
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        ended = Ended(time.monotonic() - started, used.ru_utime + used.ru_stime, child.returncode)
        said.seek(0)
        return ended, said.read()
