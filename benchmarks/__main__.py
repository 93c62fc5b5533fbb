"""`python -m benchmarks`: measures, and prints each table beside its targets; exit status 1 when a target is missed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Final

from benchmarks import check, delay, memory, reset, seats, session, start
from benchmarks.figures import Table
from benchmarks.machine import machine_line
from whodunet.errors import WhodunetError

BENCHMARKS: Final[dict[str, tuple[Callable[[int], Table], int]]] = {
    "start": (start.measure, 7),
    "memory": (memory.measure, 3),
    "seats": (seats.measure, 1),
    "reset": (reset.measure, 1),
    "delay": (delay.measure, 1),
    "check": (check.measure, 1),
    "session": (session.measure, 5),
}


def main() -> int:
    """Runs the benchmarks that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="See benchmarks/README.md.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--runs", type=int, metavar="N", help="how often each is repeated (default: its own)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no benchmark is named {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    if options.runs is not None and options.runs < 1:
        parser.error("--runs has to be 1 or more")
    try:
        return _run(options.names or list(BENCHMARKS), options.runs, options.json)
    except WhodunetError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 3


def _run(names: list[str], runs: int | None, as_json: bool) -> int:
    machine = machine_line()
    if not as_json:
        print(machine, flush=True)
    tables = {}
    for name in names:
        measure, own_runs = BENCHMARKS[name]
        tables[name] = measure(runs or own_runs)
        if not as_json:
            print(f"\n{tables[name].as_text()}", flush=True)
    if as_json:
        print(json.dumps({"machine": machine} | {name: table.as_json() for name, table in tables.items()}, indent=2))
    return 0 if all(target.is_met for table in tables.values() for target in table.targets) else 1


if __name__ == "__main__":
    sys.exit(main())
