"""What a person wants to have on the hosts: a folder or file of the machine, as `--mount` names it."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path, PurePosixPath
from typing import Final

from whodunet.errors import InvalidInput, Problem
from whodunet.lab.host_root import OWN, Shared

_FORM: Final = "write DIR, DIR:PATH, or DIR:PATH:rw"
_ALLOWED: Final = ("/home", "/mnt", "/opt", "/root", "/srv", "/tmp", "/var")  # elsewhere a host has what makes it one
_OWN: Final = PurePosixPath(OWN)


def read_share(text: str, asked_by: str = "--mount") -> Shared:
    """What `--mount` says: `DIR` is shown as /mnt/NAME, `DIR:PATH` as PATH; read-only, unless `:rw` follows.

    Args:
        asked_by: what has it in it, as messages name that.

    Raises:
        InvalidInput: when there is no such folder or file, or the place on the hosts is not to be had.
    """
    place = f"{asked_by} {text}"
    source, *more = text.split(":")
    writable = more[-1:] == ["rw"]
    target = more[:-1] if writable or more[-1:] == ["ro"] else more
    if not source or len(target) > 1:
        raise InvalidInput(Problem(place, "cannot be read", _FORM))
    path = Path(source).resolve()
    if not path.exists():
        raise InvalidInput(Problem(place, f"{source} does not exist", "name a folder or file of this machine"))
    if path == Path("/"):
        raise InvalidInput(Problem(place, "is all of this machine", "name the folder that is needed"))
    _require_reachable(path, place)
    return Shared(str(path), _on_hosts(target[0] if target else f"/mnt/{path.name}", place), writable)


def _on_hosts(target: str, place: str) -> str:
    path = PurePosixPath(posixpath.normpath(target))
    if not any(PurePosixPath(folder) in path.parents for folder in _ALLOWED) or path.is_relative_to(_OWN):
        raise InvalidInput(Problem(place, f"{target} is not possible", f"use a path below {', '.join(_ALLOWED)}"))
    return str(path)


def _require_reachable(path: Path, place: str) -> None:
    """Root's labs run under ids that nobody has, so what they are to see must be open to everybody."""
    if os.geteuid() != 0:
        if not os.access(path, os.R_OK):
            raise InvalidInput(Problem(place, "cannot be read by you", "name something that you may read"))
        return
    for each in (*reversed(path.parents), path):
        needed = 0o001 if each != path else 0o005 if path.is_dir() else 0o004
        if each.stat().st_mode & needed != needed:
            wrong = f"{each} is closed to other users, and root's labs run under ids that nobody has"
            raise InvalidInput(Problem(place, wrong, "open it to others, copy it elsewhere, or use `whodunet cp`"))
