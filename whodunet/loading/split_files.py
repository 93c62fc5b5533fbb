"""Files of splits: frozen lists of scenarios, so that results of different days can be compared."""

from __future__ import annotations

import re

from pydantic import Field

from whodunet import catalogue
from whodunet.cases.strict import Strict
from whodunet.errors import InvalidInput, Problem
from whodunet.loading.validation import parse
from whodunet.loading.yaml_lines import Document, read_file, shown
from whodunet.spelling import did_you_mean
from whodunet.variation import HIGHEST_SEED


class Split(Strict):
    """A list of scenarios that never changes; a file of `splits`, named NAME-VERSION."""

    name: str  # with its version
    title: str = Field(min_length=1, description="what it is for")
    seed: int | None = Field(default=None, ge=0, le=HIGHEST_SEED, description="None: whoever grades gives one")
    scenarios: tuple[str, ...] = Field(min_length=1)


def find_split(name: str) -> Split:
    """The split of a name: that of its latest version, where none is named.

    Raises:
        InvalidInput: when there is none.
    """
    files = catalogue.given().files("splits", ".yaml")
    versions = sorted((each for each in files if re.fullmatch(rf"{re.escape(name)}-\d+", each)), key=_version)
    found = name if name in files else versions[-1] if versions else None
    if found is None:
        raise InvalidInput(Problem(f"--split {name}", "is not a split", did_you_mean(name, files)))
    document = Document(read_file(files[found]), shown(files[found]), begins_with="title: ...")
    split, problems = parse(Split, {**document.content, "name": found}, document)
    if split is None:
        raise InvalidInput(*problems)
    return split


def _version(name: str) -> int:
    return int(name.rpartition("-")[2])
