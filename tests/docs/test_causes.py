"""docs/causes.md is what the taxonomy's files make of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from whodunet.cli.main import main

PAGE = Path(__file__).parents[2] / "docs/causes.md"


def test_the_page_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["causes", "--markdown"]) == 0
    assert capsys.readouterr().out == PAGE.read_text(encoding="utf-8"), "whodunet causes --markdown > docs/causes.md"
