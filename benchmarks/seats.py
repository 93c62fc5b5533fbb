"""Labs for a class: how long until all of them are ready, what each weighs, and how long until all are gone.

All are brought up by one `whodunet up --count`, and taken down by one `whodunet down`. A lab among others is lighter
than one alone: what they have in common (programs, libraries) counts once.
"""

from __future__ import annotations

import time

from benchmarks.figures import Cell, Table, Target
from benchmarks.labs import lab_name, whodunet
from benchmarks.memory import lab_processes, weigh

_SEATS = 30
_READY_S, _DOWN_S, _EACH_MIB = 12, 3, 55


def measure(runs: int) -> Table:
    """Brings up thirty labs, weighs them, and takes them down; `runs` times."""
    rows: list[list[Cell]] = [[str(number), *_class(number)] for number in range(1, runs + 1)]
    ready_s, each_mib, down_s = (min(float(row[column] or 0) for row in rows) for column in (1, 2, 3))
    targets = (
        Target("seconds until all are ready, least of all runs", ready_s, _READY_S),
        Target("MiB of each, in sum of PSS", each_mib, _EACH_MIB),
        Target("seconds until all are gone, least of all runs", down_s, _DOWN_S),
    )
    columns = ("run", "ready, s", "each, MiB", "down, s")
    return Table(f"{_SEATS} labs of one scenario (healthy)", columns, rows, targets)


def _class(number: int) -> tuple[float, float, float]:
    base = lab_name(number)
    names = [f"{base}-{seat}" for seat in range(1, _SEATS + 1)]
    began = time.monotonic()
    whodunet("up", "healthy", "--as", base, "--count", str(_SEATS))
    ready_s = time.monotonic() - began
    try:
        weighed = weigh(lab_processes(names))
    finally:
        began = time.monotonic()
        whodunet("down", *names)
        down_s = time.monotonic() - began
    return ready_s, sum(pss for _, pss, _ in weighed.values()) / _SEATS, down_s
