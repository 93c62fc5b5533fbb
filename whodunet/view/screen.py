"""What a person at the keyboard saw of a probe: the command and the lines of its output that matter."""

from __future__ import annotations

import re
from collections.abc import Sequence

from whodunet.evidence.observation import Observation
from whodunet.evidence.symptoms import Symptom, SymptomReading

MOST_LINES = 12
LONGEST_LINE = 2000  # characters; nobody reads what comes after them
FEW_HIDDEN = 6  # so few lines of a program's usual furniture are left out silently
# What programs always say, whatever happened: it hides the line that matters. ssh -v keeps its steps to a connection.
_FURNITURE = re.compile(
    r"Pseudo-terminal will not be allocated|Warning: Permanently added|OpenSSH_\d"
    r"|debug\d: (?!Connecting to|connect to address|Connection established|expecting|Authenticated)"
    r"|PING |--- .* ---|rtt min/|traceroute to |\s*% Total|\s*Dload|\* Closing connection|\* Failed to connect"
)
_CURL_METER = re.compile(r"^\s*\d+\s.*(?:--:--:--|\d:\d\d:\d\d)\s+[\d.kMG]+(?=\D|$)")


def screen(observation: Observation, claimed: Sequence[str] = ()) -> list[str]:
    """The command after its prompt, and at most MOST_LINES of what it printed; a line said again at once counts once.

    The lines are as wide as they were, and may hold control characters.

    Args:
        claimed: texts whose lines are always shown.
    """
    every = [_overwritten(line) for line in observation.output.split("\n")]
    matter = [line for line in map(_without_meter, every) if _matters(line, claimed)]
    lines = [line for place, line in enumerate(matter) if line not in matter[max(0, place - 1) : place]]
    hidden = sum(bool(line.strip()) for line in every) - len(matter)
    shown = _shortened(lines)
    if hidden > FEW_HIDDEN and shown == lines:
        shown.insert(0, f"… {hidden} lines left out")
    failure = [f"({observation.failure})"] if observation.failure else []
    return [*f"{observation.host}$ {observation.command}".split("\n"), *shown, *failure]


def _overwritten(line: str) -> str:
    """What is left on a screen of a line that goes back to its beginning, as progress meters do; tabs as blanks."""
    seen = ""
    for written in line.split("\r"):
        seen = written[:LONGEST_LINE] + seen[len(written) :]
    return seen.expandtabs()


def _without_meter(line: str) -> str:
    return _CURL_METER.sub("", line)


def _matters(line: str, claimed: Sequence[str]) -> bool:
    return bool(line.strip()) and (any(text in line for text in claimed) or _FURNITURE.match(line) is None)


def _shortened(lines: list[str]) -> list[str]:
    if len(lines) <= MOST_LINES:
        return lines
    half = MOST_LINES // 2 - 1
    return [*lines[:half], f"… {len(lines) - 2 * half} more lines", *lines[-half:]]


def outcome(observation: Observation, reading: SymptomReading) -> str:
    """The symptom and how long it took: "refused after 15 ms"; with the line that no rule knows where it is unknown."""
    if reading.symptom is Symptom.COULD_NOT_MEASURE:
        return f"{reading.symptom} ({reading.reason})"
    ending = ", killed at its deadline" if observation.exit_status is None else ""
    unknown = f", no rule knows {reading.quote}" if reading.symptom is Symptom.UNKNOWN and reading.line else ""
    return f"{reading.symptom} after {duration(observation.duration_ms)}{ending}{unknown}"


def duration(time_ms: float) -> str:
    """A time as people say it: "15 ms", "4.0 s"."""
    return f"{time_ms:.0f} ms" if time_ms < 1000 else f"{time_ms / 1000:.1f} s"
