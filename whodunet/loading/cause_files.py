"""The taxonomy's files: YAML in, causes or every problem out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from whodunet.cases.causes import Cause, rivals
from whodunet.errors import InvalidInput, Problem
from whodunet.loading.validation import parse
from whodunet.loading.yaml_lines import Document, read_file, shown

_OWN_LETTER: Final = "X"  # of ids that are suggested


def read_causes(files: Mapping[str, Path]) -> Mapping[str, Cause]:
    """The causes of these files, by name.

    Raises:
        InvalidInput: with every problem there is: of a file's form, an id that two have, or two causes that ask for as
            many facts, which one fault may have: nothing would decide between them.
    """
    causes: dict[str, Cause] = {}
    problems: list[Problem] = []
    for name, path in files.items():
        try:
            document = Document(read_file(path), shown(path), begins_with="id: X01")
        except InvalidInput as error:
            problems += error.problems
            continue
        cause, found = parse(Cause, {**document.content, "name": name}, document)
        causes |= {name: cause} if cause else {}
        problems += found
    if not problems:
        problems += _clashes(causes.values(), files)
    if problems:
        raise InvalidInput(*problems)
    return causes


def _clashes(causes: Iterable[Cause], files: Mapping[str, Path]) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for cause in causes:
        other = owners.setdefault(cause.id, cause.name)
        if other != cause.name:
            yield Problem(
                f"{shown(files[cause.name])}: id", f"is {cause.id}, as that of {other}", "choose another number"
            )
    for one, other_cause in rivals(causes):
        wrong = f"asks for as many facts as {one.name}, and a fault may have all of them: nothing decides which it is"
        yield Problem(f"{shown(files[other_cause.name])}: fault", wrong, "ask for one fact more, or for other values")


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
