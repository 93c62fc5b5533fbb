"""Where `new` cannot write a scenario."""

from __future__ import annotations

from pathlib import Path

import pytest

from whodunet.cli.main import main


def test_a_folder_that_is_not_there_is_told_with_the_command_that_makes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my cases"
    assert main(["new", str(folder / "case")]) == 2
    fix = f"make it first: mkdir -p '{folder}'"
    assert capsys.readouterr().err == f"whodunet: {folder}: is a folder that does not exist; {fix}\n"
