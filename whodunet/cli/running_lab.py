"""What commands for running labs have in common: which lab is meant, and how it is asked."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from whodunet.cli import naming
from whodunet.cli.parsing import Commands
from whodunet.errors import CannotRun, InvalidInput, Problem
from whodunet.lab import control

if TYPE_CHECKING:
    from whodunet.lab.client import LabClient
    from whodunet.lab.requests import LabStatus
    from whodunet.loading.library import Library

_AT_ONCE_S: Final = 2.0  # a lab that is up answers within milliseconds


def add_command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], int], summary: str
) -> argparse.ArgumentParser:
    """Adds a command that is for one running lab."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=run.__doc__)
    naming.complete(
        parser.add_argument("--lab", metavar="LAB", help="which lab, when several are running"), naming.labs
    )
    parser.set_defaults(run=run)
    return parser


def add_lab_argument(parser: argparse.ArgumentParser) -> None:
    """Lets a command that takes no other name take the lab's without `--lab`."""
    naming.complete(parser.add_argument("named", nargs="?", metavar="LAB", help="the same as --lab LAB"), naming.labs)


def status_of(lab: str) -> LabStatus | None:
    """What a lab is; None when it has just ended, or is still being brought up and answers nobody."""
    from whodunet.lab.client import LabClient

    try:
        with LabClient.to(lab) as client:
            return client.status(_AT_ONCE_S)
    except CannotRun:
        return None


def chosen_lab(options: argparse.Namespace) -> LabClient:
    """A conversation with the lab that a command is for; raises as `chosen` does."""
    from whodunet.lab.client import LabClient

    return LabClient.to(chosen(options))


def chosen(options: argparse.Namespace) -> str:
    """The lab that a command is for: the named one, or the only one.

    Raises:
        CannotRun: when it does not run, or none does.
        InvalidInput: when several run and none is named.
    """
    name = options.lab or getattr(options, "named", None)
    if name:
        return running_lab(name)
    running = control.running()
    if len(running) == 1:
        return running[0]
    if not running:
        raise CannotRun("no lab is running; `whodunet up NAME` brings one up")
    raise InvalidInput(Problem("--lab", "is needed: several labs are running", f"use one of: {', '.join(running)}"))


def running_lab(name: str) -> str:
    """The name, when a lab of that name runs.

    Raises:
        CannotRun: when none does.
    """
    running = control.running()
    if name in running:
        return name
    if why := control.why_it_ended(name):
        raise CannotRun(f"the lab {name} has ended by itself: {why}")
    fix = _did_you_mean(name, running) if running else "`whodunet up NAME` brings one up"
    raise CannotRun(f"no lab named {name} is running; {fix}")


def require_one_of(name: str, known: Collection[str], what: str) -> str:
    """The name, when it is one that there is.

    Raises:
        InvalidInput: with the nearest that there is, or all of them.
    """
    if name not in known:
        raise InvalidInput(Problem(name, f"is not a {what}", _did_you_mean(name, known)))
    return name


def _did_you_mean(name: str, known: Collection[str]) -> str:
    from whodunet.spelling import did_you_mean

    return did_you_mean(name, known)


def place_and_command(options: argparse.Namespace) -> tuple[str, str, list[str]]:
    """Lab, host and command of `HOST COMMAND`, or of `LAB HOST COMMAND` where nothing else can be meant.

    Raises:
        InvalidInput: when the lab has no such host.
    """
    first, rest = options.host, given_command(options)
    running = control.running()
    is_a_host = len(running) == 1 and first in _hosts(running[0])
    if options.lab is None and first in running and rest and rest[0] in _hosts(first) and not is_a_host:
        return first, rest[0], _without_dashes(rest[1:])
    lab = chosen(options)
    return lab, require_one_of(first, _hosts(lab), f"host of the lab {lab}"), rest


def _hosts(lab: str) -> Sequence[str]:
    from whodunet.lab.client import LabClient

    with LabClient.to(lab) as client:
        return client.status().hosts


def given_command(options: argparse.Namespace) -> list[str]:
    """The command after the options, without the `--` that parts the two."""
    return _without_dashes(options.command)


def _without_dashes(words: Sequence[str]) -> list[str]:
    return list(words[1:] if list(words[:1]) == ["--"] else words)


def library_of(status: LabStatus) -> Library:
    """The library of a lab that says this of itself: with what lay beside its scenario."""
    from whodunet.catalogue import Catalogue
    from whodunet.loading.library import Library

    return Library(Catalogue(tuple(map(Path, status.places))), status.variation)
