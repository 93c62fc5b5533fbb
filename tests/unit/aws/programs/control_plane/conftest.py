"""One control plane for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.aws.programs.control_plane.plane import Plane


@pytest.fixture
def plane(tmp_path: Path) -> Plane:
    """The control plane, with its records in a directory of the test."""
    return Plane(tmp_path / "records")
