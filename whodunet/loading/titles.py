"""What the scenarios are about, without checking them: a list is asked for more often than a case is played."""

from __future__ import annotations

from pathlib import Path

from whodunet import catalogue
from whodunet.core.errors import InvalidInput, Problem
from whodunet.loading.yaml_lines import Document


def scenario_titles() -> dict[str, str]:
    """The title of each scenario that comes with the lab, by its name.

    Raises:
        InvalidInput: when a file has none.
    """
    folder = catalogue.folder("scenarios")
    return {name: _title(folder / f"{name}.yaml") for name in catalogue.names("scenarios", ".yaml")}


def _title(path: Path) -> str:
    title = Document(path.read_text(encoding="utf-8"), str(path)).content.get("title")
    if not isinstance(title, str):
        raise InvalidInput(Problem(str(path), "has no title", "`whodunet check` says what else is wrong in it"))
    return title
