"""How the symptom of a probe is read off its program's exit status and words."""

from __future__ import annotations

from whodunet.core.command_line import network_program
from whodunet.core.observation import Observation
from whodunet.core.symptom import Symptom
from whodunet.core.symptom_rows import ROWS, stood

__all__ = ["Symptom", "classify"]

# Source: POSIX shell, 2.8.2 "Exit Status for Commands": 127 command not found, 126 found but not executable.
NOT_RUN = frozenset({126, 127})


def classify(command: str, observation: Observation) -> Symptom:
    """The symptom that a command's exit status and output show; UNKNOWN for words that no row of the table knows.

    A command killed at its deadline has stalled when its output shows that the connection stood, else it timed out.
    """
    if observation.failure is not None or observation.exit_status in NOT_RUN:
        return Symptom.COULD_NOT_MEASURE
    found = network_program(command)
    if found is None:
        return Symptom.UNKNOWN
    status = found.own_status(observation.exit_status)
    for row in ROWS:
        if row.fits(found.program, command, status, observation):
            return row.symptom
    if status is not None:
        return Symptom.UNKNOWN
    return Symptom.STALLED if stood(found.program, observation.output) else Symptom.TIMED_OUT
