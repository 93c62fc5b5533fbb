"""The fault kinds: one file each, found by being here."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Final

from whodunet import catalogue
from whodunet.cases.fault import Fault
from whodunet.catalogue import Catalogue
from whodunet.errors import InvalidInput, Problem

_TO_BE_SAID: Final = ("culprit", "facts", "inject", "remove", "signs")  # what the base cannot know


def kinds(places: Catalogue) -> Mapping[str, type[Fault]]:
    """Every fault kind by the name that scenario files use: those here, and those of a catalogue's other places.

    Raises:
        InvalidInput: when a file does not run, holds no kind, or one of a name that is taken.
    """
    own = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    by_name = {name: kind for module in own for name, kind in _kinds_of(module)}
    here = set(catalogue.folder("faults").glob("*.py"))
    for file in (file for file in places.files("faults", ".py").values() if file not in here):
        found = dict(_kinds_of(catalogue.load_module(file)))
        if not found:
            raise InvalidInput(Problem(str(file), "holds no kind of fault", "see docs/scenarios.md, or move it"))
        for name, kind in found.items():
            _require_whole(kind, name, file)
        for name in found.keys() & by_name.keys():
            raise InvalidInput(Problem(str(file), f"its kind {name} already exists", "give it another name"))
        by_name |= found
    return dict(sorted(by_name.items()))


def _require_whole(kind: type[Fault], name: str, file: Path) -> None:
    bare = [each for each in _TO_BE_SAID if getattr(kind, each) is getattr(Fault, each)]
    if bare:
        raise InvalidInput(Problem(str(file), f"its kind {name} has no {bare[0]}()", "add it; see docs/scenarios.md"))


def _kinds_of(module: ModuleType) -> Iterator[tuple[str, type[Fault]]]:
    """The kinds that a module defines; bases have no name, and what it imports is another's."""
    for kind in vars(module).values():
        if isinstance(kind, type) and issubclass(kind, Fault) and kind.__module__ == module.__name__:
            name = kind.model_fields["kind"].default
            if isinstance(name, str):
                yield name, kind
