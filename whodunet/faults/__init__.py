"""The fault kinds: one file each, found by being here."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType

from whodunet import catalogue
from whodunet.cases.fault import Fault
from whodunet.catalogue import Catalogue
from whodunet.errors import InvalidInput, Problem


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
        for name in found.keys() & by_name.keys():
            raise InvalidInput(Problem(str(file), f"its kind {name} already exists", "give it another name"))
        by_name |= found
    return dict(sorted(by_name.items()))


def _kinds_of(module: ModuleType) -> Iterator[tuple[str, type[Fault]]]:
    """The kinds that a module defines; bases have no name, and what it imports is another's."""
    for kind in vars(module).values():
        if isinstance(kind, type) and issubclass(kind, Fault) and kind.__module__ == module.__name__:
            name = kind.model_fields["kind"].default
            if isinstance(name, str):
                yield name, kind
