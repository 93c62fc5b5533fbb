"""What `whodunet check` costs: each scenario by itself, and all of them with `check --all`, as many at a time as cores.

Wall time is mostly waiting: for timeouts that are the symptom, and for pings. CPU is the command's own and that of all
processes of its labs.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence

from benchmarks.figures import Cell, Table
from benchmarks.labs import WHODUNET, Ended, environment
from whodunet.loading.library import scenario_names

_OUTCOMES = {0: "held", 1: "DID NOT HOLD", 3: "COULD NOT RUN"}


def measure(runs: int) -> Table:
    """Checks every scenario once by itself, then all together, whatever `runs` says: it takes minutes."""
    names = scenario_names()
    rows = [_row(name, run("check", name)) for name in names]
    together = run("check", "--all")
    rows += [_row("all, one by one", _sum(rows)), _row("check --all", together)]
    rows.append(["check --all, per scenario", together.wall_s / len(names), together.cpu_s / len(names), ""])
    return Table("whodunet check, seconds", ("scenario", "wall", "CPU", "outcome"), rows)


def _row(name: str, ended: Ended) -> list[Cell]:
    return [name, ended.wall_s, ended.cpu_s, _OUTCOMES.get(ended.exit_status, str(ended.exit_status))]


def _sum(rows: Sequence[Sequence[Cell]]) -> Ended:
    wall_s, cpu_s = (sum(float(row[place] or 0) for row in rows) for place in (1, 2))
    return Ended(wall_s, cpu_s, 0 if all(row[3] == _OUTCOMES[0] for row in rows) else 1)


def run(*arguments: str) -> Ended:
    """Runs the command to its end. Source of the CPU time: wait4(2), which counts all that was waited for below."""
    with tempfile.TemporaryFile() as said:
        started = time.monotonic()
        command = [*WHODUNET, *arguments]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment())
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    return Ended(time.monotonic() - started, used.ru_utime + used.ru_stime, child.returncode)
