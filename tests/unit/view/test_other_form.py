"""The models and words are enough for a form that nobody has thought of yet: here, a page of HTML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import singledispatch
from types import ModuleType
from typing import get_args
from xml.etree import ElementTree

import pytest

from whodunet.view.models.ladder import Ladder, PacketRow, Row
from whodunet.view.models.screen import LeftOut
from whodunet.view.models.story import (
    AnswerAtHost,
    Beginning,
    FaultSeen,
    HopByHop,
    Judged,
    Lesson,
    NoWitness,
    OnceRepaired,
    OtherProbes,
    Section,
    Story,
    UserSaw,
    Verdict,
    story_of,
)
from whodunet.view.words.ladder import row_label
from whodunet.view.words.packets import tcpdump_line
from whodunet.view.words.probes import in_brief, sentence
from whodunet.view.words.story import heading, how_far_proven, who_did_it

Element = ElementTree.Element


def element(tag: str, text: str = "", children: Iterable[Element] = (), look: str = "") -> Element:
    made = Element(tag, {"class": look} if look else {})
    made.text = text
    made.extend(children)
    return made


def page(story: Story) -> Element:
    """A section a part of the page, each below its heading."""
    parts = (element("section", children=[element("h2", heading(each)), *told(each)]) for each in story.sections)
    return element("main", children=parts)


@singledispatch
def told(section: Section) -> Iterator[Element]:
    raise NotImplementedError(type(section).__name__)


@told.register
def _(section: Beginning | Lesson) -> Iterator[Element]:
    yield element("p", section.story if isinstance(section, Beginning) else section.text)


@told.register
def _(section: UserSaw) -> Iterator[Element]:
    for screen in section.screens:
        shown = (f"({each.lines} lines)" if isinstance(each, LeftOut) else each for each in screen.printed)
        yield element("pre", "\n".join([f"{screen.host}$ {screen.command}", *shown]))


@told.register
def _(section: NoWitness | FaultSeen) -> Iterator[Element]:
    for each in section.damage if isinstance(section, NoWitness) else section.signs:
        yield element("p", each)


@told.register
def _(section: AnswerAtHost) -> Iterator[Element]:
    yield element("pre", "\n".join(map(tcpdump_line, section.packets)))
    yield from (element("p", sentence(reason)) for reason in section.reasons)


@told.register
def _(section: HopByHop) -> Iterator[Element]:
    yield table(section.ladder)


@told.register
def _(section: OtherProbes | OnceRepaired) -> Iterator[Element]:
    yield from (element("p", in_brief(brief)) for brief in section.briefs)


@told.register
def _(section: Judged) -> Iterator[Element]:
    yield from (element("li", each.claim.says, look=each.outcome) for each in section.judgements)


@told.register
def _(section: Verdict) -> Iterator[Element]:
    yield from (element("p", text) for text in (who_did_it(section), *section.evidence, how_far_proven(section)))


def table(ladder: Ladder) -> Element:
    """A row a packet, a cell a node: what happened to the packet there."""
    heads = [element("th", node, look="culprit" * (node in ladder.culprit)) for node in ladder.nodes]
    rows = [element("tr", children=cells(row, ladder)) for row in ladder.rows]
    return element("table", children=[element("tr", children=[element("th"), *heads]), *rows])


def cells(row: Row, ladder: Ladder) -> list[Element]:
    happening = (happened(row, node) for node in ladder.nodes) if isinstance(row, PacketRow) else ()
    return [element("td", row_label(row)), *(element("td", each) for each in happening)]


def happened(row: PacketRow, node: str) -> str:
    journey = row.journey
    if node not in journey.nodes:
        return ""
    if node == journey.nodes[0]:
        return "sent"
    return journey.ending if node == journey.nodes[-1] and not journey.has_left else "passed"


def test_a_page_says_all_that_a_terminal_shows(case: ModuleType) -> None:
    recording = case.recording(case.scenario(*case.REFERENCE_EVIDENCE))

    made = page(story_of(recording, ["The firewall"], all_claims=True))

    assert [each.text for each in made.iter("h2")] == [
        "reference: refused by someone else",
        "What the user saw",
        "The answer, as client sees it",
        "The packets of ssh, hop by hop (refused after 100 ms)",
        "The fault, in the lab's own words",
        "Once the fault is taken out",
        "What was claimed",
        "Verdict",
    ]
    [ladder] = made.iter("table")
    assert [[cell.text for cell in row] for row in ladder] == [
        ["", "client", "fw", "r1", "instance"],
        ["SYN", "sent", "dropped", "", ""],
        ["RST seq 0 ack 1 as instance", "arrived", "sent", "", ""],
    ]
    assert [cell.text for cell in ladder[0] if cell.get("class")] == ["fw"]
    paragraphs = [each.text or "" for each in made.iter("p")]
    assert "The firewall, at fw." in paragraphs
    assert any(each.startswith("The SYN of ssh was seen at client-eth0") for each in paragraphs)
    assert [each.get("class") for each in made.iter("li")] == ["held"] * 7


@pytest.mark.parametrize("kind", get_args(Section))
def test_every_kind_of_section_is_told(kind: type[Section]) -> None:
    assert told.dispatch(kind) is not told.dispatch(object)
