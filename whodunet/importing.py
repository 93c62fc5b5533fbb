"""Imports what others have written without its noise, and without what takes long and is not used here."""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Iterator
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
def importing_scapy() -> Iterator[None]:
    """Inside the `with`, scapy is imported without the names of all makers of network cards and Bluetooth devices.

    To load them is a fifth of its import, and it would keep a copy of them in the user's home.
    """
    import scapy.main

    scapy.main.SCAPY_CACHE_FOLDER = None
    stand_ins = {"scapy.libs.manuf": {"DATA": ""}, "scapy.libs.bluetoothids": {"DATA": {}}}
    missing = [name for name in stand_ins if name not in sys.modules]
    for name in missing:
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(stand_ins[name])
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
