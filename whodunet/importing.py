"""Imports what others have written without its noise, and without what takes long and is not used here."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def importing_mininet() -> Iterator[None]:
    """Inside the `with`, Mininet can be imported.

    Mininet wants `distutils.version.StrictVersion`, for one comparison of Open vSwitch's version. Where setuptools is
    installed, or Python is 3.12 or newer, that is setuptools' copy, which takes longer to import than all of Mininet.
    """
    stand_ins = {name: ModuleType(name) for name in ("distutils", "distutils.version") if name not in sys.modules}
    if "distutils.version" in stand_ins:
        vars(stand_ins["distutils.version"])["StrictVersion"] = _version
    sys.modules.update(stand_ins)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its use of distutils and its invalid escapes are not ours to fix
            yield
    finally:
        for name in stand_ins:
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
