"""What the scenarios are about, without checking them: a list is asked for more often than a case is played."""

from __future__ import annotations

from pathlib import Path

from whodunet import catalogue
from whodunet.errors import InvalidInput, Problem
from whodunet.loading.yaml_lines import Document


def scenario_titles() -> dict[str, str]:
    """The title of each scenario, by its name: of those that come with the lab and those of the folders given.

    Raises:
        InvalidInput: when a file has none.
    """
    return {name: _title(path) for name, path in sorted(catalogue.given().files("scenarios", ".yaml").items())}


def _title(path: Path) -> str:
    title = Document(path.read_text(encoding="utf-8"), str(path)).content.get("title")
    if not isinstance(title, str):
        raise InvalidInput(Problem(str(path), "has no title", "`whodunet check` says what else is wrong in it"))
    return title
