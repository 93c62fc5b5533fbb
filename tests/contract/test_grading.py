"""What comes along for grading fits the rest: tool files, splits, targets, and the parties of classes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from whodunet import catalogue
from whodunet.diagnosis import suspects
from whodunet.diagnosis.suspects import Suspects
from whodunet.errors import InvalidInput
from whodunet.grader import CannotBeGraded, CaseToGrade
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


@pytest.mark.parametrize("name", CLASSES)
def test_graders_take_every_party_for_right_that_a_diagnosis_of_a_class_names(name: str) -> None:
    named = CLASSES[name]
    graded = class_as_graded(LIBRARY.taxonomy.classes[str(named.cause_class)], LIBRARY.taxonomy)
    assert named.parties <= graded.parties
    assert named.causes == graded.members
