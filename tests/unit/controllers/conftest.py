"""What the tests of the policies share: each states its addresses of both families, as `IPV4` and `IPV6`."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(params=["IPV4", "IPV6"], ids=str.lower)
def ends(request: pytest.FixtureRequest) -> Any:
    """The addresses of one family: what a test says of it holds for the other."""
    return vars(request.module)[request.param]
