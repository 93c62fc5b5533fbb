"""The one place that waits by looking again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from whodunet.errors import CannotRun

Value = TypeVar("Value")
_PAUSE_S: Final = 0.004


def wait_until(look: Callable[[], Value], what: str, timeout_s: float = 20) -> Value:
    """Looks until what is seen is true, and returns it.

    Raises:
        CannotRun: when the time is over; it tells the last thing seen.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise CannotRun(f"waited {timeout_s:g} s for {what}; last seen: {seen!r}")
        time.sleep(_PAUSE_S)
