"""Where topologies, controllers and scenarios lie, and how one is found by name.

In a checkout the three folders stand beside the package, in an installed wheel inside it.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

from whodunet.core.errors import InvalidInput, Problem

_PACKAGE: Final = Path(__file__).resolve().parent


def folder(kind: str) -> Path:
    """The folder `topologies`, `controllers` or `scenarios`."""
    inside = _PACKAGE / kind
    return inside if inside.is_dir() else _PACKAGE.parent / kind


def names(kind: str, suffix: str) -> list[str]:
    """Names of everything in a folder, sorted."""
    return sorted(path.stem for path in folder(kind).glob(f"*{suffix}") if not path.stem.startswith("_"))


def load_module(path: Path) -> ModuleType:
    """Runs a Python file as a module.

    Raises:
        InvalidInput: when there is no such file or it does not run.
    """
    spec = importlib.util.spec_from_file_location(f"whodunet_file_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise InvalidInput(Problem(str(path), "is no Python file", "name an existing file that ends in .py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up by name
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InvalidInput(
            Problem(str(path), f"does not run: {type(error).__name__}: {error}", "fix the file")
        ) from error
    return module
