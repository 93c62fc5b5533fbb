"""The taxonomy on a terminal: a list by party, one cause, one class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from whodunet.view.models.causes import CauseEntry, ClassEntry, Party
from whodunet.view.text import columns
from whodunet.view.text.style import Painted, Style, joined
from whodunet.view.words.causes import answered, described, more_of, named


def render_causes(parties: Iterable[Party], style: Style) -> Painted:
    """Each party's causes: id, name, how many scenarios show it, title."""
    return joined((joined(_party(party, style), "\n") for party in parties), "\n\n")


def _party(party: Party, style: Style) -> Iterator[Painted]:
    yield style.paint(party.name, "bold")
    causes = ((entry.cause, str(len(entry.scenarios) or "-")) for entry in party.entries)
    rows = [tuple(map(style.plain, (cause.id, cause.name, count, cause.title))) for cause, count in causes]
    yield from map(style.paint, columns.table(rows, style.width))


def render_cause(entry: CauseEntry, style: Style) -> Painted:
    """All that is known of a cause, and of the classes that it is a member of."""
    cause = entry.cause
    titled = _titled(named(cause), cause.title, (*described(cause), *more_of(entry)), style)
    return joined([titled, *(render_class(each, style) for each in entry.alike)], "\n\n")


def render_class(entry: ClassEntry, style: Style) -> Painted:
    """What is to be said of causes that look the same."""
    heading = f"{named(entry.cause_class)}: the same from the client"
    return _titled(heading, entry.cause_class.title, answered(entry), style)


def _titled(heading: str, title: str, said: Iterable[tuple[str, str]], style: Style) -> Painted:
    """A heading, a sentence, and labelled texts below."""
    rows = [(label, style.plain(text)) for label, text in said]
    lines = [*columns.filled(style.plain(f"{title}."), style.width), *columns.definitions(rows, style.width, "  ")]
    headings = columns.filled(style.plain(heading), style.width)
    return joined([*(style.paint(line, "bold") for line in headings), *map(style.paint, lines)], "\n")
