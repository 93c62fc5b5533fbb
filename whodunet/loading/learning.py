"""What a process comes to know by files beside a scenario: the words of programs, and kinds of packets.

Both are facts, the same for whoever reads a symptom or a capture: so the process knows them from then on, and not one
library alone. A record has a copy of what it was judged with; reading that teaches nothing new.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from whodunet import catalogue
from whodunet.catalogue import Catalogue
from whodunet.errors import InvalidInput, Problem
from whodunet.evidence import packet_kinds, programs
from whodunet.evidence.packet_kinds import Kind
from whodunet.evidence.program import Program

_learnt: dict[tuple[str, str], bytes] = {}  # by folder and name, the files that this process has read


def learn(places: Catalogue) -> None:
    """Has this process know the programs and kinds of packets of a catalogue's places, beside those of its own.

    Raises:
        InvalidInput: when a file does not run, or holds nothing, or what is known already.
    """
    for name, path in _new(places, "programs"):
        programs.add({name: _program(name, path)})
    for _, path in _new(places, "packet_kinds"):
        packet_kinds.add(_kinds(path))


def _new(places: Catalogue, folder: str) -> Iterator[tuple[str, Path]]:
    """Name and path of each file that was not read before; it counts as read once it was understood."""
    for name, path in places.files(folder, ".py").items():
        text = path.read_bytes()
        if _learnt.get((folder, name)) != text:
            yield name, path
            _learnt[folder, name] = text


def _program(name: str, path: Path) -> Program:
    program = catalogue.attribute(path, "PROGRAM")
    if not isinstance(program, Program):
        raise InvalidInput(Problem(str(path), "holds no program in PROGRAM", "see docs/scenarios.md"))
    for pattern in (pattern for row in program.rows for pattern in row.patterns):
        try:
            re.compile(pattern)
        except re.error as error:
            raise InvalidInput(Problem(str(path), f"has the pattern {pattern!r}: {error}", "fix it")) from error
    known = programs.known()
    taken = [each for each in program.names if known.called(each) is not None]
    if name in known or taken:
        wrong = f"is about {', '.join(taken) or name}, whose words are known already"
        raise InvalidInput(Problem(str(path), wrong, "give it another name, or add rows to the file that is there"))
    return program


def _kinds(path: Path) -> tuple[Kind, ...]:
    kinds = catalogue.attribute(path, "KINDS")
    if not (isinstance(kinds, tuple) and kinds and all(isinstance(kind, Kind) for kind in kinds)):
        raise InvalidInput(Problem(str(path), "holds no kinds of packets in KINDS", "see docs/scenarios.md"))
    taken = [kind.name for kind in kinds if kind.name in packet_kinds.known()]
    if taken:
        raise InvalidInput(Problem(str(path), f"its kind {taken[0]} already exists", "give it another name"))
    return kinds
