"""How many labs the kernel's tables of neighbours have room for."""

from __future__ import annotations

from pathlib import Path

import pytest

from whodunet.lab.neighbours import labs_with_room


@pytest.mark.parametrize(("limits", "labs"), [(["1024", "1024"], 36), (["8192", "1024"], 36), (["16"], 1), ([], None)])
def test_the_smaller_table_decides_and_one_lab_always_has_room(
    tmp_path: Path, limits: list[str], labs: int | None
) -> None:
    paths = [tmp_path / str(number) for number in range(2)]
    for path, limit in zip(paths, limits, strict=False):
        path.write_text(f"{limit}\n", encoding="ascii")
    assert labs_with_room(paths) == labs
