"""The taxonomy on a terminal: every cause, in 80 columns or as many as there are."""

from __future__ import annotations

from typing import Final

import pytest

from whodunet.cases.causes import Taxonomy
from whodunet.loading.library import Library
from whodunet.view.models.causes import by_party, class_entries_of, entries_of
from whodunet.view.text.causes import render_cause, render_causes, render_class
from whodunet.view.text.style import Style

TAXONOMY: Final[Taxonomy] = Library().taxonomy
SCENARIOS: Final = {"egress-reset": ("one-case", "another-case")}
ENTRIES: Final = {entry.cause.name: entry for entry in entries_of(TAXONOMY, SCENARIOS)}
CLASSES: Final = {entry.cause_class.id: entry for entry in class_entries_of(TAXONOMY)}


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    style = Style(width)
    told = [render_cause(entry, style) for entry in ENTRIES.values()]
    told += [render_class(entry, style) for entry in CLASSES.values()]
    assert max(len(line) for text in told for line in text.splitlines()) <= width


def test_the_list_has_each_cause_once_below_its_party_with_how_many_scenarios_show_it() -> None:
    blocks = [block.splitlines() for block in render_causes(by_party(ENTRIES.values()), Style(80)).split("\n\n")]
    rows = [line.split() for block in blocks for line in block[1:] if not line.startswith(" ")]
    assert [row[:2] for row in rows] == [
        [entry.cause.id, entry.cause.name] for party in by_party(ENTRIES.values()) for entry in party.entries
    ]
    assert {row[1]: row[2] for row in rows if row[2] != "-"} == {"egress-reset": "2"}
    assert max(len(line) for block in blocks for line in block) <= 80
    assert [block[0] for block in blocks] == [party.name for party in by_party(ENTRIES.values())]


def test_a_cause_is_told_with_all_that_its_file_says_and_with_whom_it_may_be_confused() -> None:
    entry = ENTRIES["service-not-listening"]
    told = " ".join(render_cause(entry, Style(80)).split())
    cause = entry.cause
    said = (cause.mechanism, cause.client_sees, cause.wire_shows, cause.elsewhere, cause.told_by, cause.experiment)
    for text in (*said, *cause.sources, cause.party, cause.title, CLASSES["E1"].cause_class.honest_answer):
        assert " ".join(text.split()) in told
    assert "H03 host-firewall-reset" in told


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("egress-reset", "scenarios one-case, another-case"),
        ("egress-drop", "scenarios no scenario yet"),
        ("tw-recycle", "scenarios none: Linux has had no tcp_tw_recycle since 4.12."),
    ],
)
def test_it_is_said_which_scenarios_show_a_cause_or_why_none_does(name: str, shown: str) -> None:
    assert shown in " ".join(render_cause(ENTRIES[name], Style(80)).split())


def test_what_a_file_does_not_say_is_left_out() -> None:
    assert "elsewhere" not in render_cause(ENTRIES["local-route-prohibit"], Style(80))
    assert "made by" not in render_cause(ENTRIES["tw-recycle"], Style(80))
