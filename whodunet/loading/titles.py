"""What the scenarios are about, without checking them: a list is asked for more often than a case is played."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import JsonValue

from whodunet import catalogue
from whodunet.errors import InvalidInput, Problem
from whodunet.loading.yaml_lines import Document


def scenario_titles() -> dict[str, str]:
    """The title of each scenario, by its name: of those that come with the lab and those of the folders given.

    Raises:
        InvalidInput: when a file has none.
    """
    return {name: _title(path) for name, path in _files()}


def scenarios_by_cause() -> Mapping[str, tuple[str, ...]]:
    """The scenarios that show each cause, by its name; one with several faults shows the cause of each."""
    shown: dict[str, tuple[str, ...]] = {}
    for name, path in _files():
        for cause in dict.fromkeys(_causes(_content(path).get("answer"))):
            shown[cause] = (*shown.get(cause, ()), name)
    return shown


def _files() -> list[tuple[str, Path]]:
    return sorted(catalogue.given().files("scenarios", ".yaml").items())


def _content(path: Path) -> dict[str, JsonValue]:
    return Document(path.read_text(encoding="utf-8"), str(path)).content


def _title(path: Path) -> str:
    title = _content(path).get("title")
    if not isinstance(title, str):
        raise InvalidInput(Problem(str(path), "has no title", "`whodunet check` says what else is wrong in it"))
    return title


def _causes(answer: JsonValue) -> Iterator[str]:
    if isinstance(answer, dict):
        if isinstance(cause := answer.get("cause"), str):
            yield cause
        behind = answer.get("behind")
        for each in behind if isinstance(behind, list) else ():
            yield from _causes(each)
