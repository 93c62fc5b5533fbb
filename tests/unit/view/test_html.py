"""The page of grades stands alone, and whatever a tool or a file is called stays text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from tests.unit.grading.graded import invalid, one_case, report, said
from whodunet.diagnosis.verdict import Party
from whodunet.grading.report import Change
from whodunet.grading.scoring import Outcome
from whodunet.view.html import render_html


class Page(HTMLParser):
    """The tags of a page, and its links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str | None] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Notes it."""
        self.tags.add(tag)
        self.links += [value for name, value in attributes if name in ("href", "src")]


def test_the_page_loads_nothing_and_links_each_case_to_its_record() -> None:
    page = Page(render_html(report(one_case(said(Party.FIRST_HOP))), (), {"reset": "../grades/a b/reset"}))
    assert page.links == ["../grades/a%20b/reset"]
    assert page.tags.isdisjoint({"script", "link", "img", "iframe"})


def test_no_name_becomes_markup() -> None:
    nasty = "<script>alert(1)</script>"
    case = invalid(nasty, nasty)
    text = render_html(
        report(case, title=nasty, left_out={nasty: nasty}), (Change(nasty, "party", Outcome.EXACT, Outcome.WRONG),), {}
    )
    assert "script" not in Page(text).tags
    assert text.count("&lt;script&gt;") >= 5


def test_the_matrix_tells_right_from_wrong_and_neither_from_both() -> None:
    cases = [
        one_case(said(Party.FIRST_HOP)),
        one_case(said(Party.DESTINATION), name="b"),
        one_case(said(), name="c"),
    ]
    row = re.search(r"<tr><th>first hop(<td.*)", render_html(report(*cases), (), {}))
    assert row is not None
    assert row[1] == '<td class="n hit">1<td class="n ">1<td class="n miss">1'
