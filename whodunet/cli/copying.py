"""The command that copies files to and from a host: cp."""

from __future__ import annotations

import argparse
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from whodunet.cli.parsing import Commands
from whodunet.cli.running_lab import add_command, add_lab_argument, chosen_lab, require_host
from whodunet.errors import CannotRun, InvalidInput, Problem

if TYPE_CHECKING:
    from whodunet.lab.client import LabClient

_FORM: Final = "write one side as HOST:PATH, e.g. whodunet cp tool.py client:/root/"
_CHUNK_BYTES: Final = 1 << 20


def add_commands(commands: Commands) -> None:
    """Adds this file's command."""
    copying = add_command(commands, "cp", copy, "copy a file to a host, or from one")
    add_lab_argument(copying)
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
    with chosen_lab(options) as lab:
        require_host(source.host or target.host or "", lab.status())
        if target.host is not None:
            _copy_in(lab, Path(source.path), target.host, target.path)
        elif source.host is not None:
            _copy_out(lab, source.host, source.path, Path(target.path))
    return 0


def _copy_in(lab: LabClient, source: Path, host: str, path: str) -> None:
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
        lab.write_file(host, path, source.name, stat.S_IMODE(found.st_mode), content.fileno())


def _copy_out(lab: LabClient, host: str, path: str, target: Path) -> None:
    if target.is_dir():
        target /= path.rpartition("/")[2]
    descriptor = lab.read_file(host, path)
    try:
        with open(descriptor, "rb") as content, open(target, "wb") as copy:
            while chunk := content.read(_CHUNK_BYTES):
                copy.write(chunk)
    except OSError as error:
        with suppress(OSError):
            os.close(descriptor)
        raise CannotRun(f"{target} cannot be written: {error.strerror}") from error
