"""What a scenario file's texts refer to, put in its place before the file is read as a scenario.

In texts and keys everywhere, references stand in braces. In evidence and in faults, a capture point may stand without
braces, by its label; and a TTL may be told by who sends it.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from whodunet.cases.references import BRACED, Misreference, References
from whodunet.errors import Problem
from whodunet.loading.yaml_lines import Document, Step

_AS_WRITTEN: Final = ("title", "topology", "family")  # they are read without a topology, too


class Resolution:
    """The resolution of one document: afterwards its content is what the references in it stand for."""

    def __init__(self, document: Document, references: References | None) -> None:
        """Resolves a document.

        Args:
            references: all that it may refer to; None when its topology is not known, and so nothing can be told.
        """
        self._document, self._references = document, references
        self._written_keys: dict[tuple[Step, ...], str] = {}
        self.problems: list[Problem] = []
        self._unresolved: set[tuple[Step, ...]] = set()  # whose value is not what its writer meant
        document.rename_keys(self._written_keys)
        document.content = {key: self._value(value, (key,)) for key, value in document.content.items()}

    def is_meant(self, path: Sequence[Step]) -> bool:
        """True where everything that a place refers to was found, so that it can be read as its writer meant it."""
        return not any(each[: len(path)] == tuple(path) for each in self._unresolved)

    @property
    def unresolved(self) -> set[str]:
        """The places whose value is not what its writer meant: there is no more to be told of it."""
        return {self._document.place(path) for path in self._unresolved}

    def _value(self, value: JsonValue, path: tuple[Step, ...]) -> JsonValue:
        if path[0] in _AS_WRITTEN:
            if path == ("title",) and BRACED.search(str(value)):
                wrong = Misreference("refers to something, but is listed as it stands", "say it in plain words")
                self._wrong(path, wrong)
            return value
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, list):
            return [self._value(each, (*path, number)) for number, each in enumerate(value)]
        if isinstance(value, dict):
            unquoted = self._unquoted(value, path)
            return self._mapping(value, path) if unquoted is None else self._text(unquoted, path)
        return value

    def _mapping(self, mapping: Mapping[str, JsonValue], path: tuple[Step, ...]) -> dict[str, JsonValue]:
        content: dict[str, JsonValue] = {}
        for key, value in mapping.items():
            named = str(self._name(key, (*path, key))) if isinstance(key, str) else key
            if named in content:
                self._wrong((*path, key), Misreference(f"is {named}, which is given already", "keep one of the two"))
            if named != key:
                self._written_keys[*path, named] = key
            content[named] = self._value(value, (*path, named))
        return content

    def _text(self, text: str, path: tuple[Step, ...]) -> JsonValue:
        """What a text stands for where it stands."""
        if not _is_a_ttl_told_by_sender(text, path):
            return self._name(text, path)
        if self._references is None:
            self._unresolved.add(path)
            return text
        ttl = self._references.ttl_as_sent(text, str(path[-1]))
        if isinstance(ttl, Misreference):
            self._wrong(path, ttl)
            return text
        return ttl

    def _name(self, text: str, path: tuple[Step, ...]) -> JsonValue:
        """A text, or a key, with what its references stand for."""
        references, in_evidence = self._references, _is_in_evidence(path)
        if references is None:
            if BRACED.search(text):
                self._unresolved.add(path)
            return text
        labelled = references.topology.labelled
        if text in labelled and (in_evidence or path[0] == "faults"):
            return labelled[text]
        value, wrong = references.resolved(text)
        for each in wrong:
            self._wrong(path, each)
        return value if in_evidence or _may_be_a_number(path) else str(value)

    def _unquoted(self, mapping: Mapping[str, JsonValue], path: tuple[Step, ...]) -> str | None:
        """The reference whose quotes were forgotten: YAML reads {NAME} as a mapping of that key to nothing."""
        key = str(next(iter(mapping), ""))
        text = f"{{{key}}}"
        if list(mapping.values()) != [None] or not BRACED.fullmatch(text) or not self._document.is_in_braces(path):
            return None
        if self._references is not None and not difflib.get_close_matches(key, self._references.values, n=1):
            return None
        wrong = f"is {text} without quotes, which YAML reads as a mapping"
        self._wrong(path, Misreference(wrong, f"write it in quotes: {json.dumps(text)}"))
        return text

    def _wrong(self, path: tuple[Step, ...], misreference: Misreference) -> None:
        self._unresolved.add(path)
        self.problems.append(Problem(self._document.place(path), misreference.wrong, misreference.fix))


def _is_a_ttl_told_by_sender(text: str, path: tuple[Step, ...]) -> bool:
    """Whether a text says what TTL is claimed at a point, or is forged there by a fault."""
    if len(path) < 2 or path[-2] != "ttl":
        return False
    return _is_in_evidence(path) or (path[0] == "faults" and text.startswith("as sent by "))


def _is_in_evidence(path: tuple[Step, ...]) -> bool:
    """True for what a claim says of packets: there, a name with a dot in it is a capture point's."""
    match path:
        case ("answer", "evidence", *claim) | ("answer", "repaired", "evidence", *claim):
            pass
        case ("answer", "behind", int(), "evidence", *claim):
            pass
        case _:
            return False
    return len(claim) > 1 and claim[1] != "probe"


def _may_be_a_number(path: tuple[Step, ...]) -> bool:
    """True where a port is a number; in what people read and type it is text."""
    return path[0] == "faults" or path[:2] == ("setup", "policies")
