"""The command that copies files to and from a host: cp."""

from __future__ import annotations

import argparse
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from whodunet.cli.parsing import Commands
from whodunet.cli.running_lab import add_command, chosen
from whodunet.errors import CannotRun, InvalidInput, Problem
from whodunet.lab.control import Connection

_FORM: Final = "write one side as HOST:PATH, e.g. whodunet cp tool.py client:/root/"
_CHUNK_BYTES: Final = 1 << 20


def add_commands(commands: Commands) -> None:
    """Adds this file's command."""
    copying = add_command(commands, "cp", copy, "copy a file to a host, or from one")
    copying.add_argument("source", metavar="SOURCE", help="a path here, or HOST:PATH")
    copying.add_argument("target", metavar="TARGET", help="a path here, or HOST:PATH")


@dataclass(frozen=True)
class Place:
    """A file, here or on a host."""

    host: str | None
    path: str

    @classmethod
    def read(cls, text: str) -> Self:
        """`HOST:PATH`, or a path here; a path with a colon is written with a slash in front of it (./a:b)."""
        host, colon, path = text.partition(":")
        if colon and host and "/" not in host:
            return cls(host, path or ".")
        return cls(None, text)


def copy(options: argparse.Namespace) -> int:
    """Copies one file to a host of a running lab, or from one; what is there is replaced. Paths on a host that do not
    begin with / are in /root.
    """
    source, target = Place.read(options.source), Place.read(options.target)
    if (source.host is None) == (target.host is None):
        raise InvalidInput(Problem(f"cp {options.source} {options.target}", "copies between here and a host", _FORM))
    lab = chosen(options)
    if target.host is not None:
        _copy_in(lab, Path(source.path), target)
    else:
        _copy_out(lab, source, Path(target.path))
    return 0


def _copy_in(lab: str, source: Path, target: Place) -> None:
    try:
        found = source.stat()
        if not stat.S_ISREG(found.st_mode):
            raise InvalidInput(
                Problem(str(source), "is not an ordinary file", "copy files one by one, or `up --mount`")
            )
        content = source.open("rb")
    except OSError as error:
        raise InvalidInput(Problem(str(source), f"cannot be read: {error.strerror}", "name a file")) from error
    with content:
        mode = stat.S_IMODE(found.st_mode)
        _ask(
            lab, "write_file", given=[content.fileno()], host=target.host, path=target.path, name=source.name, mode=mode
        )


def _copy_out(lab: str, source: Place, target: Path) -> None:
    if target.is_dir():
        target /= source.path.rpartition("/")[2]
    _, descriptors = _ask(lab, "read_file", host=source.host, path=source.path)
    (descriptor,) = descriptors
    try:
        with open(descriptor, "rb") as content, open(target, "wb") as copy:
            while chunk := content.read(_CHUNK_BYTES):
                copy.write(chunk)
    except OSError as error:
        with suppress(OSError):
            os.close(descriptor)
        raise CannotRun(f"{target} cannot be written: {error.strerror}") from error


def _ask(lab: str, operation: str, **arguments: Any) -> tuple[dict[str, Any], list[int]]:
    connection = Connection.to(lab)
    try:
        return connection.ask(operation, **arguments)
    finally:
        connection.close()
