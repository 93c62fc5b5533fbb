"""The taxonomy's files: YAML in, causes and classes of them or every problem out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TypeVar

from whodunet.cases.causes import Cause, CauseClass, Taxonomy, rivals
from whodunet.errors import InvalidInput, Problem
from whodunet.loading.validation import parse
from whodunet.loading.yaml_lines import Document, read_file, shown
from whodunet.spelling import did_you_mean

_OWN_LETTER: Final = "Z"  # of ids that are suggested: no party of the project's own taxonomy has it
Entry = TypeVar("Entry", Cause, CauseClass)


def read_taxonomy(causes: Mapping[str, Path], classes: Mapping[str, Path]) -> Taxonomy:
    """The causes and classes of these files, by name.

    Raises:
        InvalidInput: with every problem there is: of a file's form, an id that two have, a class that does not exist,
            or two causes that ask for as many facts, which one fault may have: nothing would decide between them.
    """
    known_classes, problems = _read(CauseClass, classes, "id: E20")
    known_causes, found = _read(Cause, causes, f"id: {_OWN_LETTER}01")
    problems += found
    if not problems:
        taxonomy = Taxonomy(known_causes, known_classes)
        problems += [*_clashes(known_causes, causes), *_clashes(known_classes, classes)]
        problems += _contradictions(taxonomy, causes)
    if problems:
        raise InvalidInput(*problems)
    return taxonomy


def _read(kind: type[Entry], files: Mapping[str, Path], begins_with: str) -> tuple[dict[str, Entry], list[Problem]]:
    entries: dict[str, Entry] = {}
    problems: list[Problem] = []
    for name, path in files.items():
        try:
            document = Document(read_file(path), shown(path), begins_with=begins_with)
        except InvalidInput as error:
            problems += error.problems
            continue
        entry, found = parse(kind, {**document.content, "name": name}, document)
        entries |= {name: entry} if entry else {}
        problems += found
    return entries, problems


def _clashes(entries: Mapping[str, Cause] | Mapping[str, CauseClass], files: Mapping[str, Path]) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for name, entry in entries.items():
        other = owners.setdefault(entry.id, name)
        if other != name:
            yield Problem(f"{shown(files[name])}: id", f"is {entry.id}, as that of {other}", "choose another number")


def _contradictions(taxonomy: Taxonomy, files: Mapping[str, Path]) -> Iterator[Problem]:
    ids = [each.id for each in taxonomy.classes.values()]
    for cause in taxonomy.causes.values():
        for named in (each for each in cause.classes if each not in ids):
            place = f"{shown(files[cause.name])}: classes"
            yield Problem(place, f"has {named}, which is not a class", did_you_mean(named, ids))
        if cause.fault is not None and cause.not_made is not None:
            place = f"{shown(files[cause.name])}: not_made"
            yield Problem(place, "is said of a cause that a fault makes", "keep one of the two")
    for one, other in rivals(taxonomy.causes.values()):
        wrong = f"asks for as many facts as {one.name}, and a fault may have all of them: nothing decides which it is"
        yield Problem(f"{shown(files[other.name])}: fault", wrong, "ask for one fact more, or for other values")


def suggestion(facts: Mapping[str, str], causes: Mapping[str, Cause]) -> str:
    """The file that adds a cause of a fault with these facts, as lines to copy."""
    taken = {cause.id for cause in causes.values()}
    number = next(each for each in range(1, 100) if f"{_OWN_LETTER}{each:02d}" not in taken)
    said = ", ".join(f"{key}: {_quoted(value)}" for key, value in facts.items())
    return "\n".join(
        [
            f"id: {_OWN_LETTER}{number:02d}",
            "party: who has to change something",
            "title: What is wrong, in one sentence",
            "looks_like: timed out",
            "told_by: what tells it from causes that look the same",
            f"fault: {{{said}}}",
        ]
    )


def _quoted(value: str) -> str:
    return (
        value
        if re.fullmatch(r"[a-z][a-z-]*", value)
        and value not in ("none", "null", "true", "false", "yes", "no", "on", "off")
        else f'"{value}"'
    )
