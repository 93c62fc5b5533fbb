"""What comes along for grading fits the rest: tool files, splits, targets, and the parties of classes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from whodunet import catalogue
from whodunet.cases.strict import Strict
from whodunet.diagnosis import suspects
from whodunet.diagnosis.suspects import Suspects
from whodunet.diagnosis.verdict import Party
from whodunet.grader import CannotBeGraded, CaseToGrade
from whodunet.grading.scoring import Outcome
from whodunet.grading.tool import PLACEHOLDERS, Tool, VerdictPattern
from whodunet.grading.truth import class_as_graded
from whodunet.loading.library import Library, find_scenario, scenario_names
from whodunet.loading.scenario_file import NotOverFamily
from whodunet.loading.split_files import find_split
from whodunet.loading.tool_files import read_tool

LIBRARY: Final = Library()
TOOLS: Final = sorted(catalogue.folder("tools").glob("*.yaml"))
SPLITS: Final = catalogue.names("splits", ".yaml")
CLASSES: Final = {
    name: each for name, each in vars(suspects).items() if isinstance(each, Suspects) and each.cause_class
}


@pytest.mark.parametrize("path", TOOLS, ids=lambda path: path.stem)
def test_every_tool_file_can_be_read(path: Path) -> None:
    assert read_tool(path, LIBRARY.taxonomy).name == path.stem


@pytest.mark.parametrize("name", SPLITS)
def test_every_scenario_of_a_split_can_be_graded(name: str) -> None:
    for scenario in find_split(name).scenarios:
        CaseToGrade.of(find_scenario(scenario), LIBRARY)


def test_development_and_test_have_no_scenario_in_common_and_twins_are_on_one_side() -> None:
    development, test = (frozenset(find_split(name).scenarios) for name in ("development-1", "test-1"))
    assert not development & test
    for name in development | test:
        twin = LIBRARY.scenario(find_scenario(name)).answer.twin_of
        assert twin is None or (twin in development) == (name in development), name


def test_the_development_split_brings_its_seed_and_the_test_split_has_none() -> None:
    assert find_split("development").seed is not None
    assert find_split("test").seed is None


@pytest.mark.parametrize("name", scenario_names())
def test_the_truth_of_every_scenario_that_a_tool_can_be_asked_about_names_a_party(name: str) -> None:
    try:
        case = CaseToGrade.of(find_scenario(name), LIBRARY)
    except (NotOverFamily, CannotBeGraded):
        return
    assert case.truth.parties
    assert (case.truth.culprit is None) == (case.truth.cause == "none")


@pytest.mark.parametrize("name", CLASSES)
def test_graders_take_every_party_for_right_that_a_diagnosis_of_a_class_names(name: str) -> None:
    named = CLASSES[name]
    graded = class_as_graded(LIBRARY.taxonomy.classes[str(named.cause_class)], LIBRARY.taxonomy)
    assert named.parties <= graded.parties
    assert named.causes == graded.members


@pytest.mark.parametrize("model", [Tool, VerdictPattern])
def test_every_key_of_a_tool_file_is_explained(model: type[Strict]) -> None:
    page = (catalogue.folder("docs") / "grade.md").read_text(encoding="utf-8")
    assert [key for key in model.model_fields if key != "name" and f"`{key}`" not in page] == []


def test_every_placeholder_party_and_mark_is_explained() -> None:
    page = (catalogue.folder("docs") / "grade.md").read_text(encoding="utf-8")
    said = [
        *(f"{{{name}}}" for name in PLACEHOLDERS),
        *(f"`{party}`" for party in Party),
        *(f"| {each} |" for each in Outcome),
    ]
    assert [each for each in said if each not in page] == []
