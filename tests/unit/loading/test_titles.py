"""Titles are those that scenarios have when they are read in full."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from whodunet import catalogue
from whodunet.cases.scenario import Scenario
from whodunet.errors import InvalidInput
from whodunet.loading.library import Library, find_scenario
from whodunet.loading.scenario_file import NotOverFamily
from whodunet.loading.titles import scenario_titles, scenarios_by_cause
from whodunet.variation import Variation

LIBRARY: Final = Library()
OVER_IPV6: Final = Library(variation=Variation(family="ipv6"))


def read(name: str) -> Scenario:
    """A scenario of the project, over IPv6 where it is about that alone."""
    try:
        return LIBRARY.scenario(find_scenario(name))
    except NotOverFamily:
        return OVER_IPV6.scenario(find_scenario(name))


def test_every_scenario_has_the_title_that_it_is_played_under() -> None:
    titles = scenario_titles()
    assert titles == {name: read(name).question.title for name in titles}
    assert "_starter" not in titles


def test_a_cause_is_shown_by_the_scenarios_whose_answer_it_is() -> None:
    answers = {name: read(name).answer for name in scenario_titles()}
    for cause, names in scenarios_by_cause().items():
        assert names == tuple(name for name in answers if cause in answers[name].causes)


def test_a_case_with_several_faults_shows_the_cause_of_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.yaml").write_text("answer: {cause: outer, behind: [{cause: inner}, {cause: inner}]}\n")
    (tmp_path / "other.yaml").write_text("answer: {cause: inner}\n")
    (tmp_path / "unfinished.yaml").write_text("answer: [3]\n")
    monkeypatch.setattr(catalogue, "folder", lambda _: tmp_path)
    assert scenarios_by_cause() == {"outer": ("one",), "inner": ("one", "other")}


@pytest.mark.parametrize("text", ["story: x\n", "title: 3\n", "title: [a\n", "title: a\ntitle: b\n"])
def test_a_file_without_a_title_is_named(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "case.yaml").write_text(text)
    monkeypatch.setattr(catalogue, "folder", lambda _: tmp_path)
    with pytest.raises(InvalidInput, match=r"case\.yaml"):
        scenario_titles()
