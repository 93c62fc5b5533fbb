"""Commands for the records of runs: show, runs."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from whodunet.cli import naming
from whodunet.cli.exit_status import exit_status
from whodunet.cli.output import tell
from whodunet.cli.parsing import Commands
from whodunet.cli.runs import add_claims_option, tell_story
from whodunet.cli.terminal import table

if TYPE_CHECKING:
    from whodunet.records import Record


def add_commands(commands: Commands) -> None:
    """Adds this file's commands."""
    showing = commands.add_parser("show", help="tell the story of a kept record", description=show.__doc__)
    naming.complete(
        showing.add_argument("record", nargs="?", metavar="RUN", help="its name or folder; without it: the last"),
        naming.records,
    )
    showing.add_argument("--json", action="store_true", help="print the record as JSON")
    add_claims_option(showing)
    showing.set_defaults(run=show)

    listing = commands.add_parser("runs", help="list the kept records, or remove old ones", description=runs.__doc__)
    listing.add_argument("--prune", type=_count, metavar="KEEP", help="remove all but the latest KEEP")
    listing.add_argument(
        "--older-than", type=_days, metavar="DAYS", help="remove those that are older, of --prune's if both are given"
    )
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(run=runs)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text} is not a number of records")
    return int(text)


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = -1
    if not 0 <= days < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of days")
    return days


def show(options: argparse.Namespace) -> int:
    """Judges a kept record again, without a lab, and tells its story; without a name, that of the last run."""
    from whodunet.loading.library import Library
    from whodunet.records import find_record, latest_record
    from whodunet.replay import read_record

    library = Library()
    folder = latest_record() if options.record is None else find_record(options.record)
    recording = read_record(folder, library)
    tell_story(recording, library, options)
    return exit_status([recording.outcome])


def runs(options: argparse.Namespace) -> int:
    """Lists the records of this user's runs, the latest first; or removes old ones, and lists what it removed."""
    from whodunet.records import prune, records, runs_folder

    listed: Sequence[Record] = records()
    is_pruning = options.prune is not None or options.older_than is not None
    if is_pruning:
        older_than_s = None if options.older_than is None else options.older_than * 86400
        listed = prune(listed, options.prune or 0, older_than_s)
    if options.json:
        print(json.dumps([_as_json(each) for each in listed], indent=2))
    elif listed:
        now = time.time()
        rows = [(_age(now - each.began_s), _size(each.size_bytes), each.state, each.name) for each in listed]
        print(table(("AGE", "SIZE", "STATE", "RUN"), rows))
    else:
        tell("nothing to remove" if is_pruning else f"no record is kept in {runs_folder()}")
    if is_pruning and listed and not options.json:
        print(f"removed {len(listed)}")
    return 0


def _as_json(record: Record) -> dict[str, object]:
    return asdict(record) | {"name": record.name, "folder": str(record.folder)}


def _age(age_s: float) -> str:
    for unit, unit_s in (("d", 86400), ("h", 3600), ("min", 60)):
        if age_s >= unit_s:
            return f"{age_s / unit_s:.0f} {unit}"
    return f"{max(0.0, age_s):.0f} s"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
