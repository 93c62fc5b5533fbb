"""What commands for running labs have in common: which lab is meant, and how it is asked."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whodunet.cli import naming
from whodunet.core.errors import CannotRun, InvalidInput, Problem
from whodunet.lab import control
from whodunet.lab.control import Connection


def add_command(commands: Any, name: str, run: Any, summary: str) -> Any:
    """Adds a command that is for one running lab."""
    parser = commands.add_parser(name, help=summary, description=run.__doc__)
    naming.complete(
        parser.add_argument("--lab", metavar="LAB", help="which lab, when several are running"), naming.labs
    )
    parser.set_defaults(run=run)
    return parser


def ask(lab: str, operation: str, **arguments: Any) -> dict[str, Any]:
    """Asks a lab; answers that carry descriptors are not for this."""
    connection = Connection.to(lab)
    try:
        answer, descriptors = connection.ask(operation, **arguments)
    finally:
        connection.close()
    for descriptor in descriptors:
        os.close(descriptor)
    return answer


def chosen(options: argparse.Namespace) -> str:
    """The lab that a command is for: the named one, or the only one."""
    running = control.running()
    if options.lab:
        return str(options.lab)
    if len(running) == 1:
        return running[0]
    if not running:
        raise CannotRun("no lab is running; `whodunet up NAME` brings one up")
    raise InvalidInput(Problem("--lab", "is needed, for several labs are running", f"use one of: {', '.join(running)}"))


def given_command(options: argparse.Namespace) -> list[str]:
    """The command after the options, without the `--` that parts the two."""
    return list(options.command[1:] if options.command[:1] == ["--"] else options.command)


def topology_of(lab: str) -> Any:
    """The topology of a running lab."""
    status = ask(lab, "status")
    return library_of(status).topology(status["topology"])


def library_of(status: Mapping[str, Any]) -> Any:
    """The library of a lab that says this of itself: with what lay beside its scenario."""
    from whodunet.catalogue import Catalogue
    from whodunet.loading.library import Library

    return Library(Catalogue(tuple(map(Path, status["places"]))))
