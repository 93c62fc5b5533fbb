"""One company for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.aws.programs.sign_on.company import Company


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    """A company whose sign-on has just started."""
    opened = Company(tmp_path)
    yield opened
    opened.close()
