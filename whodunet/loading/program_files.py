"""Files of a folder `programs`: what a network program says, for the table of symptoms."""

from __future__ import annotations

from pathlib import Path

from whodunet import catalogue
from whodunet.catalogue import Catalogue
from whodunet.errors import InvalidInput, Problem
from whodunet.evidence import programs
from whodunet.evidence.program import Program


def learn_programs(places: Catalogue) -> None:
    """Has this process know the programs of a catalogue's places, beside those of its own.

    Raises:
        InvalidInput: when a file does not run, holds no program, or one that is known already.
    """
    for name, path in places.files("programs", ".py").items():
        text = path.read_bytes()
        if _learnt.get(name) != text:  # a record has a copy of what it was judged with
            programs.add({name: _program(name, path)})
            _learnt[name] = text


_learnt: dict[str, bytes] = {}  # the files, by name, that this process has read


def _program(name: str, path: Path) -> Program:
    program = catalogue.attribute(path, "PROGRAM")
    if not isinstance(program, Program):
        raise InvalidInput(Problem(str(path), "holds no program in PROGRAM", "see docs/scenarios.md"))
    known = programs.known()
    taken = [each for each in program.names if known.called(each) is not None]
    if name in known or taken:
        wrong = f"is about {', '.join(taken) or name}, whose words are known already"
        raise InvalidInput(Problem(str(path), wrong, "give it another name, or add rows to the file that is there"))
    return program
