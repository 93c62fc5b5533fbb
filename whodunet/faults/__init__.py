"""The fault kinds: one file each, found by being here."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping

from whodunet.core.fault import Fault


def kinds() -> Mapping[str, type[Fault]]:
    """Every fault kind by the name that scenario files use."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    by_name = {str(kind.model_fields["kind"].default): kind for kind in _concrete(Fault)}
    return dict(sorted(by_name.items()))


def _concrete(base: type[Fault]) -> Iterator[type[Fault]]:
    for kind in base.__subclasses__():
        if isinstance(kind.model_fields["kind"].default, str):
            yield kind
        yield from _concrete(kind)
