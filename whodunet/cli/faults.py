"""The command that switches the faults of a running lab: fault."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from whodunet.cli import naming
from whodunet.cli.parsing import Commands
from whodunet.cli.running_lab import add_command, conversation, given_words, lab_and_choice, library_of, require_one_of
from whodunet.cli.terminal import table
from whodunet.errors import CannotRun

if TYPE_CHECKING:
    from whodunet.cases.fault import Fault
    from whodunet.lab.client import LabClient

_CHANGES: Final = ("list", "on", "off")


def add_commands(commands: Commands) -> None:
    """Adds this file's command."""
    switching = add_command(commands, "fault", fault, "take the faults of a lab out, put them in again, or list them")
    naming.complete(
        switching.add_argument("change", nargs="?", metavar="[LAB] list|on|off", help="default: list"),
        naming.labs_or(_CHANGES),
    )
    switching.add_argument(
        "which", nargs="*", metavar="FAULT", help="a number from the list, or a kind; without it: all of them"
    )
    switching.add_argument("--json", action="store_true", help="the list as JSON")


def fault(options: argparse.Namespace) -> int:
    """Lists the faults of a lab's scenario by their kinds, takes some out or puts them in, and says which are in place.

    Off restores what was there before; on brings it back, at once and as it was.
    """
    words = given_words(options.change, options.which)
    name, said = lab_and_choice(options, words, _CHANGES, "change of a fault")
    change, which = said[0] if said else "list", said[1:]
    with conversation(name) as lab:
        staging = lab.staging(library_of(lab.status()).fault_kinds())
        if staging is None:
            raise CannotRun(f"the lab {lab.name} was not brought up by `whodunet up`; whoever did switches its faults")
        numbers = _meant(which, [each.kind for each in staging.faults])
        if change != "list":
            _switch(lab, [staging.faults[number - 1] for number in numbers], is_on=change == "on")
            for host, service in staging.setup.restart.items():
                lab.restart_service(host, service)
        states = [(number, staging.faults[number - 1]) for number in numbers]
        rows = [(number, each.kind, "off" if each.proof(lab) is None else "on") for number, each in states]
    if options.json:
        print(json.dumps([dict(zip(("number", "kind", "state"), row, strict=True)) for row in rows], indent=2))
    elif rows:
        print(table(("NR", "KIND", "STATE"), [(str(number), kind, state) for number, kind, state in rows]))
    return 0


def _meant(which: Sequence[str], kinds: Sequence[str]) -> list[int]:
    """The numbers of the faults that words mean: from 1, in the order of the scenario."""
    if not kinds:
        raise CannotRun("the scenario of this lab has no fault")
    numbers = [str(number) for number in range(1, len(kinds) + 1)]
    for word in which:
        require_one_of(word, [*kinds, *numbers], "fault of this lab")
    return [int(number) for number, kind in zip(numbers, kinds, strict=True) if not which or {number, kind} & {*which}]


def _switch(lab: LabClient, faults: Sequence[Fault], *, is_on: bool) -> None:
    """Brings each fault into a state, unless it is in it; the last one in is the first one out."""
    for each in faults if is_on else reversed(faults):
        if (each.proof(lab) is not None) != is_on:
            (lab.inject if is_on else lab.remove)(each)
