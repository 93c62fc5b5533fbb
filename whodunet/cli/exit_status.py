"""With which status a command ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

HELD: Final = 0
DID_NOT_HOLD: Final = 1
INVALID_INPUT: Final = 2
COULD_NOT_RUN: Final = 3  # or could not measure
BY_SIGNAL: Final = 128  # and the signal's number: as shells say it


def exit_status(outcomes: Sequence[str]) -> int:
    """0 when all held, 1 when one did not, 3 when one could not be measured."""
    if "broken" in outcomes:
        return DID_NOT_HOLD
    return HELD if outcomes and all(outcome == "held" for outcome in outcomes) else COULD_NOT_RUN
