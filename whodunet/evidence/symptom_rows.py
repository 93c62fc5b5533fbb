"""The rows of which the table of symptoms is made: what a program that prints and exits so has met.

A row gives the frame in which a program says something; what the libraries call it stands in symptom_words.py. Lines
end with a newline here, whatever the program ended them with.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_words import NOT_SAID, Meaning, Vocabulary

Statuses = frozenset[int | None]
UNSEEN = -1  # no exit status of a program is negative: here, another program's status hides this one's
KILLED: Statuses = frozenset({None})  # at the deadline, or by timeout(1)
OK: Statuses = frozenset({0})
FAILED: Statuses = frozenset(range(1, 256)) | KILLED
ANY: Statuses = OK | FAILED
SSH_FAILED: Statuses = frozenset({255}) | KILLED  # Source: ssh(1), EXIT STATUS: "255 if an error occurred"
SSH_RAN: Statuses = frozenset(range(255))  # ssh(1): "the exit status of the remote command"

# What NOT_SAID is where the connection may have stood as well.
FAILED_SOMEHOW: Meaning = (*NOT_SAID, Symptom.RESET, Symptom.CLOSED, Symptom.STALLED)


@dataclass(frozen=True)
class Said:
    """What a program's output shows at a row."""

    meaning: Meaning
    line: str  # the line that says it; empty where only the exit status does
    beyond_packets: bool = False  # see Row


@dataclass(frozen=True)
class Row:
    """What one program says when one thing has happened."""

    pattern: str  # searched in both outputs, `^` and `$` at each line; empty: only the exit status decides
    means: Symptom | Meaning | Vocabulary  # a vocabulary: the rest of the line, after the pattern, says what
    statuses: Statuses = ANY
    only_for: str = ""  # the command line has to match this
    once: str = ""  # the output has to match this as well
    # it is about what this host's packets do not show: a jump host's connection, a pipe, a session inside a connection
    beyond_packets: bool = False

    @property
    def patterns(self) -> tuple[str, ...]:
        """All its regular expressions."""
        return self.pattern, self.only_for, self.once

    def read(self, command: str, status: int | None, output: str) -> Said | None:
        """What this row tells of a program that ended so and printed that; None when it does not fit.

        Where the pattern occurs several times the last counts: earlier attempts were followed by others.
        """
        if not self._fits_status(status) or re.search(self.only_for, command) is None:
            return None
        if re.search(self.once, output, re.MULTILINE) is None:
            return None
        if not self.pattern:
            return Said(self._meaning("") or (Symptom.UNKNOWN,), "", self.beyond_packets)
        for match in reversed(list(re.finditer(self.pattern, output, re.MULTILINE))):
            meaning = self._meaning(output[match.end() :].partition("\n")[0])
            if meaning is not None:
                return Said(meaning, _line_at(output, match.end()), self.beyond_packets)
        return None

    def _meaning(self, rest: str) -> Meaning | None:
        if isinstance(self.means, Vocabulary):
            return self.means.meaning(rest)
        return self.means if isinstance(self.means, tuple) else (self.means,)

    def _fits_status(self, status: int | None) -> bool:
        if status == UNSEEN:  # then words have to do, and a row without words says nothing
            return bool(self.pattern)
        return status in self.statuses


def _line_at(output: str, place: int) -> str:
    """The line in which a match ends."""
    start = output.rfind("\n", 0, max(0, place)) + 1
    return output[start:].partition("\n")[0].strip()


def with_statuses(rows: tuple[Row, ...], statuses: Statuses) -> tuple[Row, ...]:
    """The same rows for a program that fails with other exit statuses."""
    return tuple(replace(row, statuses=statuses) for row in rows)
