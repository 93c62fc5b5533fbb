"""Imports what others have written without its noise, and without what takes long and is not used here."""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Final

_ALLOCATIONS: Final = 50_000  # between two looks for garbage; Python's own number is 700


def collect_rarely() -> None:
    """Has Python look for garbage less often: what a start makes stays, and to look at it took a tenth of the start."""
    gc.set_threshold(_ALLOCATIONS)


@contextmanager
def importing_mininet() -> Iterator[None]:
    """Inside the `with`, Mininet can be imported.

    Mininet wants `distutils.version.StrictVersion`, for one comparison of Open vSwitch's version. Where setuptools is
    installed, or Python is 3.12 or newer, that is setuptools' copy, which takes longer to import than all of Mininet.
    """
    with stand_ins({"distutils": {}, "distutils.version": {"StrictVersion": _version}}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its use of distutils and its invalid escapes are not ours to fix
        yield


@contextmanager
def stand_ins(modules: Mapping[str, Mapping[str, object]]) -> Iterator[None]:
    """Inside the `with`, modules of these names hold these attributes, unless they have been imported before."""
    missing = [name for name in modules if name not in sys.modules]
    for name in missing:
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(modules[name])
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


@contextmanager
def without(name: str) -> Iterator[None]:
    """Inside the `with`, a module seems not to be installed, unless it has been imported before."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # Source: the language reference, 5.3.1, "The module cache"
    try:
        yield
    finally:
        del sys.modules[name]


def _version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))
