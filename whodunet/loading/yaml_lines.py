"""YAML that remembers where each key stands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from whodunet.core.errors import InvalidInput, Problem

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Path = Sequence[str | int]


class _PlainLoader(_Loader):  # type: ignore[misc, valid-type]
    """YAML without dates: a date is text, as JSON has it."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


class Document:
    """A YAML document: its plain content, and the line of everything in it."""

    def __init__(self, text: str, place: str) -> None:
        """Parses a text.

        Raises:
            InvalidInput: when it is no YAML, holds a key twice, or is no mapping.
        """
        self._place = place
        try:
            root = yaml.compose(text, Loader=_PlainLoader)
            self.content: Any = yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a safe loader, without dates
            json.dumps(self.content)  # what cannot be said in JSON has no place in a scenario
        except yaml.YAMLError as error:
            raise InvalidInput(_syntax_problem(error, place)) from error
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            # Binary values, sets, numbers that Python refuses to read, aliases of themselves, endless nesting.
            fix = "write plain texts, numbers, lists and mappings"
            raise InvalidInput(Problem(f"{place}:1", f"cannot be read as plain values: {error}", fix)) from error
        if root is None or not isinstance(self.content, dict):
            raise InvalidInput(Problem(f"{place}:1", "is no mapping of keys to values", "start it with `title: ...`"))
        self._root: yaml.Node = root
        twice = tuple(self._keys_given_twice(root))
        if twice:
            raise InvalidInput(*twice)

    def place(self, path: Path) -> str:
        """Where a value stands: "FILE:LINE: faults[0].node"; of a missing one, where its parent stands."""
        return f"{self._place}:{self._line(path)}: {dotted(path)}"

    def order(self, problem: Problem) -> tuple[int, Problem]:
        """Sorts the problems of this document by line."""
        line = problem.place.removeprefix(f"{self._place}:").partition(":")[0]
        return int(line), problem

    def _line(self, path: Path) -> int:
        node, line = self._root, 1
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            key, node = found
            line = key.start_mark.line + 1
        return line

    def _keys_given_twice(self, node: yaml.Node) -> Iterator[Problem]:
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for key, value in node.value:
                if key.value in seen:
                    line = key.start_mark.line + 1
                    yield Problem(f"{self._place}:{line}: {key.value}", "is given twice", "keep one of the two")
                seen.add(key.value)
                yield from self._keys_given_twice(value)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                yield from self._keys_given_twice(value)


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """The node of a key (or of an item) and the node of its value."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def dotted(path: Path) -> str:
    """A path as people write it: faults[0].node."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "the file"


def _syntax_problem(error: yaml.YAMLError, place: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 1
    wrong = getattr(error, "problem", None) or str(error).splitlines()[0]
    return Problem(f"{place}:{line}", f"is not valid YAML: {wrong}", "look at this line and the one before it")
