"""YAML that remembers where each key stands, from files that may be anything."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Final, TypeAlias

import yaml
from pydantic import JsonValue

from whodunet.errors import InvalidInput, Problem

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Step: TypeAlias = "str | int"  # a key, or an item's number
Path = Sequence[Step]

# What no scenario needs, and would take memory or time without end.
_MOST_BYTES: Final = 1_000_000
_MOST_VALUES: Final = 50_000  # once every alias is written out
_DEEPEST: Final = 40
_UNQUOTED: Final = re.compile(r"""(?<![$%"'{])\{[A-Za-z][\w.-]*\}""")  # YAML takes such braces for its own


_TEXT: Final = "tag:yaml.org,2002:str"


class _PlainLoader(_Loader):  # type: ignore[misc, valid-type]
    """YAML without dates: a date is text, as JSON has it."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def shown(path: FilePath) -> str:
    """The path as messages name it: relative where it lies below the current directory."""
    resolved = path.resolve()
    return str(resolved.relative_to(FilePath.cwd())) if resolved.is_relative_to(FilePath.cwd()) else str(path)


def read_file(path: FilePath) -> str:
    """The text of a file that somebody wrote.

    Raises:
        InvalidInput: when it is not a regular file, too large, unreadable or not UTF-8.
    """
    fix = "name a readable YAML file"
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):  # a pipe would make us wait, a device would never end
            raise InvalidInput(
                Problem(shown(path), f"is {_KINDS.get(stat.S_IFMT(state.st_mode), 'no regular file')}", fix)
            )
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise InvalidInput(Problem(shown(path), f"is larger than {_MOST_BYTES} bytes", "name a file of less"))
        return content.decode("utf-8")
    except OSError as error:
        raise InvalidInput(Problem(shown(path), f"cannot be read: {error.strerror or error}", fix)) from error
    except UnicodeDecodeError as error:
        wrong = f"is not UTF-8: byte 0x{error.object[error.start]:02x} at {error.start}"
        raise InvalidInput(Problem(shown(path), wrong, "save it as UTF-8")) from error


_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def refuse_explosive(text: str, place: str) -> None:
    """Refuses YAML that is nested without end, or whose aliases stand for more values than anybody writes.

    Counted on the parser's events, which needs neither recursion nor the values themselves.

    Raises:
        InvalidInput: at the line where it becomes too much.
        yaml.YAMLError: when it is not YAML.
    """
    sizes: dict[str | None, int] = {}  # of each anchor, with its aliases written out
    opened: list[tuple[str | None, int]] = []  # anchor of each open collection, and how many values came before it
    count = 0
    for event in yaml.parse(text, Loader=_PlainLoader):
        anchor = getattr(event, "anchor", None)
        if isinstance(event, yaml.CollectionStartEvent):
            opened.append((anchor, count))
            sizes[anchor] = _MOST_VALUES  # until it is closed: an alias inside of what it stands for has no end
            count += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            name, before = opened.pop()
            if name is not None:
                sizes[name] = count - before
        elif isinstance(event, yaml.AliasEvent):
            count += sizes.get(anchor, 1)
        elif isinstance(event, yaml.ScalarEvent):
            count += 1
            if anchor is not None:
                sizes[anchor] = 1
        line = f"{place}:{event.start_mark.line + 1 if event.start_mark else 1}"
        if len(opened) > _DEEPEST:
            raise InvalidInput(Problem(line, f"is nested more than {_DEEPEST} levels deep", "write it flatter"))
        if count > _MOST_VALUES:
            wrong = f"holds more than {_MOST_VALUES} values, with every alias written out"
            raise InvalidInput(Problem(line, wrong, "write fewer, and no aliases of aliases"))


class Document:
    """A YAML document: its plain content, and the line of everything in it."""

    def __init__(self, text: str, place: str, begins_with: str = "title: ...") -> None:
        """Parses a text.

        Args:
            begins_with: how such a file begins, for messages.

        Raises:
            InvalidInput: when it is not YAML, holds a key twice, or is not a mapping.
        """
        self._place = place
        try:
            refuse_explosive(text, place)
            root = yaml.compose(text, Loader=_PlainLoader)
            content: JsonValue = yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a safe loader, without dates
            json.dumps(content)  # what cannot be said in JSON has no place in a scenario
        except yaml.YAMLError as error:
            raise InvalidInput(_syntax_problem(error, text, place)) from error
        except (TypeError, ValueError, OverflowError, RecursionError, AttributeError, LookupError) as error:
            # Binary values, sets, numbers that Python refuses to read, and what is not of the type that its tag says.
            fix = "write plain texts, numbers, lists and mappings"
            raise InvalidInput(Problem(f"{place}:1", f"cannot be read as plain values: {error}", fix)) from error
        if root is None or not isinstance(content, dict):
            raise InvalidInput(
                Problem(f"{place}:1", "is not a mapping of keys to values", f"start it with `{begins_with}`")
            )
        self.content: dict[str, JsonValue] = content
        self._root: yaml.Node = root
        self._written_keys: Mapping[tuple[Step, ...], str] = {}
        twice = tuple(self._keys_given_twice(root))
        if twice:
            raise InvalidInput(*twice)

    def rename_keys(self, written_keys: Mapping[tuple[Step, ...], str]) -> None:
        """Tells of keys that are others in the content than in the file; places are told as the file has them.

        Args:
            written_keys: the path to each such key, and the key that stands in the file.
        """
        self._written_keys = written_keys

    def place(self, path: Path) -> str:
        """Where a value stands: "FILE:LINE: faults[0].node"; of a missing one, where its parent stands."""
        written = self._as_written(path)
        return f"{self._place}:{self._line(written)}: {dotted(written)}"

    def written(self, path: Path) -> str | None:
        """The text that stands in the file, before anything in it was resolved; None for any other value."""
        node = self._root
        for step in self._as_written(path):
            found = _child(node, step)
            if found is None:
                return None
            _, node = found
        is_text = isinstance(node, yaml.ScalarNode) and node.tag == _TEXT
        return node.value if is_text and isinstance(node.value, str) else None

    def _as_written(self, path: Path) -> list[Step]:
        return [self._written_keys.get(tuple(path[: at + 1]), step) for at, step in enumerate(path)]

    def is_in_braces(self, path: Path) -> bool:
        """True for a mapping that is written as {KEY: VALUE}."""
        node = self._root
        for step in path:
            found = _child(node, step)
            if found is None:
                return False
            _, node = found
        return isinstance(node, yaml.MappingNode) and bool(node.flow_style)

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


def _child(node: yaml.Node, step: Step) -> tuple[yaml.Node, yaml.Node] | None:
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


def _syntax_problem(error: yaml.YAMLError, text: str, place: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 1
    wrong = getattr(error, "problem", None) or str(error).splitlines()[0]
    near = text.splitlines()[max(line - 2, 0) : line]
    braced = next((found[0] for each in near if (found := _UNQUOTED.search(each))), None)
    fix = f"quote the whole value in which {braced} stands" if braced else "look at this line and the one before it"
    return Problem(f"{place}:{line}", f"is not valid YAML: {wrong}", fix)
