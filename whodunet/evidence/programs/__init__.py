"""The programs whose words the table of symptoms knows: one file each, found by being here."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from whodunet.evidence.program import Program, Programs


def _own() -> Mapping[str, Program]:
    """Those of this folder."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}").PROGRAM for name in names}


_known = Programs(_own())


def known() -> Programs:
    """All programs that this process knows."""
    return _known


def add(programs: Mapping[str, Program]) -> None:
    """Has this process know more, which come before its own: a file of a name that is there replaces that one."""
    global _known  # noqa: PLW0603 - the words of programs are facts, the same for whoever reads a symptom
    _known = Programs({**_known.by_file, **programs})
