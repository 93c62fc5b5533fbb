"""What a person at the keyboard saw of a probe: the command and the lines of its output that matter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from whodunet.evidence.observation import Observation

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


@dataclass(frozen=True)
class LeftOut:
    """Lines that are not shown: what programs always say, or the middle of a long output."""

    lines: int
    is_middle: bool


@dataclass(frozen=True)
class Screen:
    """A command and what it printed. The lines are as wide as they were, and may hold control characters."""

    host: str
    command: str  # may be of several lines
    printed: tuple[str | LeftOut, ...]
    failure: str | None  # why it could not be measured


def screen_of(observation: Observation, claimed: Sequence[str] = ()) -> Screen:
    """The command, and at most MOST_LINES of what it printed; a line said again at once counts once.

    Args:
        claimed: texts whose lines are always shown.
    """
    every = [_overwritten(line) for line in observation.output.split("\n")]
    matter = [line for line in map(_without_meter, every) if _matters(line, claimed)]
    lines = [line for place, line in enumerate(matter) if line not in matter[max(0, place - 1) : place]]
    hidden = sum(bool(line.strip()) for line in every) - len(matter)
    return Screen(observation.host, observation.command, tuple(_shown(lines, hidden)), observation.failure)


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


def _shown(lines: Sequence[str], hidden: int) -> list[str | LeftOut]:
    if len(lines) > MOST_LINES:
        half = MOST_LINES // 2 - 1
        return [*lines[:half], LeftOut(len(lines) - 2 * half, is_middle=True), *lines[-half:]]
    return [LeftOut(hidden, is_middle=False), *lines] if hidden > FEW_HIDDEN else list(lines)
