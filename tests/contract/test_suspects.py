"""What a diagnosis can name exists: its causes and classes are the taxonomy's, and a class is never told in part."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from whodunet import diagnosis
from whodunet.catalogue import Catalogue
from whodunet.diagnosis import signals
from whodunet.diagnosis.suspects import BY_CLASS
from whodunet.loading.library import Library

FOLDER = Path(diagnosis.__file__).parent
RULES = ("conclusion", "connected", "local", "names", "refused", "silent", "spoken", "stalled", "suspects", "torn")
TAXONOMY = Library(Catalogue()).taxonomy


def quoted(module: str) -> Iterator[str]:
    """Every string of a module that looks like the name of a cause: lower-case words joined by hyphens."""
    tree = ast.parse((FOLDER / f"{module}.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = node.value.split("-")
            if len(words) > 1 and all(word.isalnum() and word == word.lower() for word in words):
                yield node.value


OTHER_WORDS = {
    *(value.name for value in vars(signals).values() if isinstance(value, signals.Signal)),
    *("syn-ack", "icmp-error", "echo-reply", "name-not-found", "no-resolver"),
}


@pytest.mark.parametrize("module", RULES)
def test_every_cause_that_a_rule_names_is_one_of_the_taxonomy(module: str) -> None:
    known = set(TAXONOMY.causes) | set(TAXONOMY.classes) | OTHER_WORDS

    assert set(quoted(module)) <= known


@pytest.mark.parametrize("name", sorted(TAXONOMY.classes))
def test_a_class_has_the_members_that_the_taxonomy_gives_it(name: str) -> None:
    number = TAXONOMY.classes[name].id
    members = {cause.name for cause in TAXONOMY.causes.values() if number in cause.classes}

    assert BY_CLASS[name].causes == members


def test_suspects_that_lose_a_member_are_no_whole_class_any_more() -> None:
    whole = BY_CLASS["destination-refuses"]

    assert whole.without("service-not-listening").cause_class is None
    assert whole.with_causes("load-balancer-without-targets").cause_class == "destination-refuses"


def test_the_page_about_diagnoses_lists_every_rule_with_its_source_and_when_it_is_wrong() -> None:
    page = (FOLDER.parents[1] / "docs" / "diagnosis.md").read_text()
    rules = [value for value in vars(signals).values() if isinstance(value, signals.Signal)]

    missing = [rule.name for rule in rules if f"| {rule.name} | {rule.source} | {rule.wrong_when} |" not in page]
    assert missing == []
