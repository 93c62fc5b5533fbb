"""The command that begins a scenario: new."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path
from typing import Final

from whodunet.cli import hints
from whodunet.cli.parsing import Commands
from whodunet.errors import InvalidInput, Problem

_STARTER: Final = "_starter"  # the scenario to start from: beside the others, and listed nowhere
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")  # its lab is called so, too


def add_commands(commands: Commands) -> None:
    """Adds this file's command."""
    beginning = commands.add_parser("new", help="write a scenario to start from", description=new.__doc__)
    beginning.add_argument("name", metavar="NAME", help="what the case is called; a folder may stand before it")
    beginning.set_defaults(run=new)


def new(options: argparse.Namespace) -> int:
    """Writes NAME.yaml: a small case that holds, with comments that say what to change."""
    from whodunet import catalogue

    path = Path(options.name.removesuffix(".yaml") + ".yaml")
    if not _NAME.fullmatch(path.stem):
        fix = "use small letters, digits and hyphens, at most 32"
        raise InvalidInput(Problem(options.name, "cannot be the name of a scenario", fix))
    text = (catalogue.folder("scenarios") / f"{_STARTER}.yaml").read_text(encoding="utf-8")
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise InvalidInput(Problem(str(path), "already exists", "choose another name")) from error
    except FileNotFoundError as error:
        fix = f"make it first: mkdir -p {shlex.quote(str(path.parent))}"
        raise InvalidInput(Problem(str(path.parent), "is a folder that does not exist", fix)) from error
    following = hints.command(f"check {path if '/' in options.name else f'./{path}'}")
    print(f"wrote {path}; next: {following}")
    return 0
