"""Memory of one running lab: the sum of its processes' proportional set sizes (PSS).

PSS counts a page that several processes share in equal parts, so the sum over a lab counts each page once. A page that
processes outside share too (another lab, another Python) counts in part only: measure with no other lab running. The
column "private" is what no other process shares.

Source: proc(5), /proc/PID/smaps_rollup.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from benchmarks.figures import Cell, Table, Target
from benchmarks.labs import lab_name, whodunet
from whodunet.errors import CannotRun
from whodunet.lab import control

_LIMIT_MIB = 80


def measure(runs: int) -> Table:
    """Brings up `runs` labs, one after another, and weighs each."""
    others = control.running()
    weighed = [_weigh_one(number) for number in range(runs)]
    totals = [sum(pss for _, pss, _ in each.values()) for each in weighed]
    middle = weighed[totals.index(statistics.median_low(totals))]
    by_size = sorted(middle.items(), key=lambda each: -each[1][1])
    rows: list[list[Cell]] = [[program, *figures] for program, figures in by_size]
    count, private = (sum(figures[place] for figures in middle.values()) for place in (0, 2))
    median = statistics.median_low(totals)
    notes = [f"{runs} labs, from {min(totals):.1f} to {max(totals):.1f} MiB"]
    notes += [f"other labs were running and shared pages: {', '.join(others)}"] if others else []
    return Table(
        "Memory of one running lab (healthy), MiB",
        ("program", "processes", "PSS", "private"),
        [*rows, ["sum", count, median, private]],
        (Target("MiB in sum of PSS, median", median, _LIMIT_MIB),),
        notes,
    )


def _weigh_one(number: int) -> dict[str, tuple[int, float, float]]:
    name = lab_name(number)
    whodunet("up", "healthy", "--as", name)
    try:
        return weigh(lab_processes([name]))
    finally:
        whodunet("down", "--lab", name)


def lab_processes(names: Collection[str]) -> list[int]:
    """The launchers of labs and all processes below them; a lab's orphans go to its PID 1, so none is missed.

    Raises:
        CannotRun: when one of the labs has no process.
    """
    children: dict[int, list[int]] = defaultdict(list)
    labelled: dict[int, str] = {}  # launcher, PID 1, server ...: all carry the launcher's command line
    for pid, parent, command in _processes():
        children[parent].append(pid)
        label = command.rpartition(" ")[2]
        if "whodunet.lab.server" in command and label in names:
            labelled[pid] = label
    below = {pid for process in labelled for pid in children[process]}
    roots = [pid for pid in labelled if pid not in below]
    if missing := set(names) - {labelled[pid] for pid in roots}:
        raise CannotRun(f"these labs have no process: {', '.join(sorted(missing))}")
    found: list[int] = []
    while roots:
        found.append(roots.pop())
        roots += children[found[-1]]
    return found


def _processes() -> Iterator[tuple[int, int, str]]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            yield int(folder.name), int(after_name[1]), _command(folder)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile


def _command(folder: Path) -> str:
    return (folder / "cmdline").read_text(encoding="utf-8", errors="replace").replace("\0", " ").strip()


def weigh(pids: list[int]) -> dict[str, tuple[int, float, float]]:
    """Number of processes, PSS and private memory in MiB of each program among some processes."""
    counts: Counter[str] = Counter()
    pss: Counter[str] = Counter()
    private: Counter[str] = Counter()
    for folder in (Path("/proc", str(pid)) for pid in pids):
        sizes = _sizes_kib(folder)
        program = program_name(_command(folder), (folder / "comm").read_text(encoding="utf-8").strip())
        counts[program] += 1
        pss[program] += sizes.get("Pss", 0)
        private[program] += sizes.get("Private_Clean", 0) + sizes.get("Private_Dirty", 0)
    return {program: (counts[program], pss[program] / 1024, private[program] / 1024) for program in counts}


def _sizes_kib(folder: Path) -> Mapping[str, int]:
    text = (folder / "smaps_rollup").read_text(encoding="ascii")
    return {name: int(size) for name, size in re.findall(r"^(\w+): +([0-9]+) kB$", text, re.MULTILINE)}


def program_name(command: str, comm: str) -> str:
    """The name that a table shows: a Python program by its module or file, any other by its own name."""
    found = re.search(r"python\S* .*?(?:-m ([\w.]+)|(\w+)\.py)(?: |$)", command)
    return f"python {found[1] or found[2]}" if found else comm
