"""Titles are those that scenarios have when they are read in full."""

from __future__ import annotations

from pathlib import Path

import pytest

from whodunet import catalogue
from whodunet.errors import InvalidInput
from whodunet.loading.library import Library, find_scenario
from whodunet.loading.titles import scenario_titles


def test_every_scenario_has_the_title_that_it_is_played_under() -> None:
    library = Library()
    titles = scenario_titles()
    assert titles == {name: library.scenario(find_scenario(name)).question.title for name in titles}
    assert "_starter" not in titles


@pytest.mark.parametrize("text", ["story: x\n", "title: 3\n", "title: [a\n", "title: a\ntitle: b\n"])
def test_a_file_without_a_title_is_named(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "case.yaml").write_text(text)
    monkeypatch.setattr(catalogue, "folder", lambda _: tmp_path)
    with pytest.raises(InvalidInput, match=r"case\.yaml"):
        scenario_titles()
