"""The small case, for every unit test."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def case() -> ModuleType:
    """tests/unit/case.py, loaded by path: another distribution installs a package that is called `tests`."""
    spec = importlib.util.spec_from_file_location("small_case", Path(__file__).parent / "case.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
