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
    try:
        with conversation(lab) as client:
            return client.status(_AT_ONCE_S)
    except CannotRun:
        return None


def chosen_lab(options: argparse.Namespace) -> LabClient:
    """A conversation with the lab that a command is for; raises as `chosen` does."""
    return conversation(chosen(options))


def conversation(lab: str) -> LabClient:
    """A conversation with a running lab."""
    from whodunet.lab.client import LabClient

    return LabClient.to(lab)


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


def lab_and_words(
    options: argparse.Namespace, words: Sequence[str], first_words: Callable[[LabStatus], Collection[str]]
) -> tuple[str, list[str]]:
    """Lab and words of `WORD ...`, or of `LAB WORD ...` where nothing else can be meant.

    A first word that is neither a lab nor what a command begins with is still meant as a lab, where the second is what
    a command begins with.

    Args:
        first_words: what the command may begin with in a lab, besides the lab's name.

    Raises:
        CannotRun, InvalidInput: as `chosen` does.
    """
    if options.lab is None and words:
        first, rest = words[0], without_dashes(words[1:])
        running = control.running()
        begins_it = len(running) == 1 and first in first_words(_status(running[0]))
        if not begins_it and (first in running or _names_a_lab(first, rest[:1], running, first_words)):
            return running_lab(first), rest
    return chosen(options), list(words)


def _names_a_lab(
    first: str, second: Sequence[str], running: Sequence[str], first_words: Callable[[LabStatus], Collection[str]]
) -> bool:
    """True for a lab that has ended, or for a word that can only be meant as a lab's name."""
    if control.why_it_ended(first):
        return True
    known = {word for lab in running if (status := status_of(lab)) for word in first_words(status)}
    return first not in known and not known.isdisjoint(second)


def lab_and_choice(
    options: argparse.Namespace, words: Sequence[str], choices: Sequence[str], what: str
) -> tuple[str, list[str]]:
    """Likewise for a command that begins with one of a few words, or takes none; one that is wrong is told first."""
    if len(words) == 1 and words[0] not in control.running() and not control.why_it_ended(words[0]):
        require_one_of(words[0], choices, what)
    lab, rest = lab_and_words(options, words, lambda _: choices)
    for word in rest[:1]:
        require_one_of(word, choices, what)
    return lab, rest


def given_words(first: str | None, others: Sequence[str]) -> list[str]:
    """All words of a command, of which the first may be left out."""
    return [] if first is None else [first, *others]


def place_and_command(options: argparse.Namespace) -> tuple[str, str, list[str]]:
    """Lab, host and command of `HOST COMMAND`, or of `LAB HOST COMMAND` where nothing else can be meant.

    Raises:
        InvalidInput: when the lab has no such host, or none is named.
    """
    lab, words = lab_and_words(options, [options.host, *options.command], lambda status: status.hosts)
    status = _status(lab)
    if not words:
        raise InvalidInput(Problem(lab, "is a lab, and no host is named", f"use one of: {', '.join(status.hosts)}"))
    return lab, require_host(words[0], status), without_dashes(words[1:])


def require_host(name: str, status: LabStatus) -> str:
    """The name, when a lab has a host of that name.

    Raises:
        InvalidInput: with the nearest that there is; for a switch, on which nobody logs in, with what there is instead.
    """
    if name in status.switches:
        fix = f"`whodunet policy {status.name} {name}` shows what it enforces"
        raise InvalidInput(Problem(name, "is a switch, not a host", fix))
    return require_one_of(name, status.hosts, f"host of the lab {status.name}")


def _status(lab: str) -> LabStatus:
    with conversation(lab) as client:
        return client.status()


def given_command(options: argparse.Namespace) -> list[str]:
    """The command after the options, without the `--` that parts the two."""
    return without_dashes(options.command)


def without_dashes(words: Sequence[str]) -> list[str]:
    """Words without the `--` that they may begin with."""
    return list(words[1:] if list(words[:1]) == ["--"] else words)


def library_of(status: LabStatus) -> Library:
    """The library of a lab that says this of itself: with what lay beside its scenario."""
    from whodunet.catalogue import Catalogue
    from whodunet.loading.library import Library

    return Library(Catalogue(tuple(map(Path, status.places))), status.variation)
