"""How a ladder is laid out and drawn: a lane a node, with the nodes' names above, whatever is drawn in them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from whodunet.view.text.columns import abbreviated, columns_of, cut, padded, wrapped
from whodunet.view.text.style import Ink, Painted, Style, joined

LONGEST_NAME: Final = 20
NARROWEST_STEP, WIDEST_STEP = 2, 13  # columns from one lane to the next
ENOUGH_FOR_LABEL, NARROWEST_LABEL = 28, 12
LANE, POINTER = "│", "▲"


@dataclass(frozen=True)
class Mark:
    """A character in a lane, and what it means."""

    character: str
    meaning: str
    ink: Ink | None = None
    leftwards: str | None = None  # the character at the left end of an arrow, where it is another


SENT: Final = Mark("●", "sent")
PASSED: Final = Mark("○", "passed")
ENCRYPTED: Final = Mark("◌", "passed in a tunnel, encrypted")
ARRIVED: Final = Mark("▶", "arrived", leftwards="◀")
DROPPED: Final = Mark("×", "dropped", "red")
UNSETTLED: Final = Mark("?", "still on its way at the end", "yellow")
LEGEND: Final = (
    SENT,
    PASSED,
    ENCRYPTED,
    ARRIVED,
    DROPPED,
    UNSETTLED,
)  # in this order; a further fate of a packet is a further mark


@dataclass(frozen=True)
class Arrow:
    """How a packet went: at which nodes it was seen, in its order, and what became of it at the last of them."""

    nodes: tuple[str, ...]
    end: Mark
    lost_towards: str | None = None  # the node that it did not reach from the last one; None: it ended in that one
    encrypted: frozenset[str] = frozenset()  # the nodes at which it was seen inside something else alone

    @property
    def stops(self) -> list[tuple[str, Mark]]:
        """The nodes with their marks; what was lost beyond the last node has its end beside it."""
        marks = [SENT, *(ENCRYPTED if node in self.encrypted else PASSED for node in self.nodes[1:])]
        if self.lost_towards is None and not (len(self.nodes) == 1 and self.end is ARRIVED):
            marks[-1] = self.end
        return list(zip(self.nodes, marks, strict=False))

    @property
    def marks(self) -> set[Mark]:
        """The marks that it is drawn with."""
        beside = {self.end} if self.lost_towards is not None else set()
        return beside.union(mark for _, mark in self.stops)


@dataclass(frozen=True)
class Line:
    """A row as it is to be drawn."""

    time: str
    label: str
    ttl: str = ""
    arrow: Arrow | None = None  # None: the label alone, as wide as it is
    ink: Ink | None = None  # of the label


class Lanes:
    """The places of everything in a line, chosen for all lines of one ladder; and the lines, drawn there.

    Where not every node finds room, those go first that packets only pass.
    """

    def __init__(
        self,
        nodes: Sequence[str],
        lines: Sequence[Line],
        style: Style,
        marked: Sequence[str] = (),
        ttl_title: str = "ttl",
    ) -> None:
        drawn = [line for line in lines if line.arrow is not None]
        self._style, self._ttl_title = style, ttl_title
        self._time_width = max([4, *(columns_of(line.time) for line in lines)])
        self._ttl_width = max([len(ttl_title), *(columns_of(line.ttl) for line in drawn)])
        room = style.width - (self._time_width + 1) - 1 - (self._ttl_width + 2)  # for labels and lanes
        ends = [(*line.arrow.nodes[:1], *line.arrow.nodes[-1:]) for line in drawn if line.arrow]
        kept = {node for each in ends for node in each}.union(marked)
        self._nodes = _fitting(nodes, kept, room - NARROWEST_LABEL, style)
        self.left_out = [node for node in nodes if node not in self._nodes]
        self._names = _names(self._nodes, style)
        longest = max([len("packet"), *(columns_of(line.label) for line in drawn)])
        least = min(longest, ENOUGH_FOR_LABEL)
        steps = range(WIDEST_STEP, NARROWEST_STEP, -1)
        self._step = next((step for step in steps if room - _extent(self._names, step) >= least), NARROWEST_STEP)
        self._label_width = max(1, min(longest, room - _extent(self._names, self._step)))
        self._left = self._time_width + 1 + self._label_width + 1 + self._ttl_width + 2  # where the first lane is

    def header(self) -> Iterator[Painted]:
        """What the columns are: names side by side where there is room, else down the two slopes of a roof.

        There the middle lanes begin highest, so that no name stands in another's lane.
        """
        titles = f"{'ms':>{self._time_width}} {padded('packet', self._label_width)} {self._ttl_title}"
        if _fit_side_by_side(self._names, self._step):
            yield self._in_columns(titles, list(enumerate(self._names)))
            return
        middle, last = _middle(self._names), len(self._names) - 1
        for left in reversed(range(middle)):
            right = last - left
            name = cut(self._names[left], self._column(left) + 1)
            slope = " " * (self._column(left) + 1 - columns_of(name)) + name
            cells = [(place, LANE) for place in range(left + 1, right)]
            if right >= middle:
                cells.append((right, self._names[right]))
            yield self._in_columns(slope, cells)
        yield self._in_columns(titles, [(place, LANE) for place in range(last + 1)])

    def _in_columns(self, line: str, cells: Sequence[tuple[int, str]]) -> Painted:
        for place, text in cells:
            line = padded(line, self._column(place)) + text
        return self._style.paint(line.rstrip(), "bold")

    def _column(self, place: int) -> int:
        return self._left + place * self._step

    def row(self, line: Line) -> Painted:
        """One line of the ladder."""
        time = self._style.paint(f"{line.time:>{self._time_width}} ")
        if line.arrow is None:
            words = cut(line.label, self._style.width - self._time_width - 1)
            return joined([time, self._style.paint(words, line.ink)])
        label = self._style.paint(padded(cut(line.label, self._label_width), self._label_width), line.ink)
        ttl = self._style.paint(f" {line.ttl:<{self._ttl_width}}  ")
        return joined([time, label, ttl, *self._drawn(line.arrow)])

    def _drawn(self, arrow: Arrow) -> Iterator[Painted]:
        lane = [LANE if place % self._step == 0 else " " for place in range((len(self._nodes) - 1) * self._step + 1)]
        stops = [(self._nodes.index(node) * self._step, mark) for node, mark in arrow.stops if node in self._nodes]
        if stops:
            start, last = stops[0][0], stops[-1][0]
            if arrow.lost_towards is not None:
                stops.append((self._beside(start, last, arrow.lost_towards, len(lane)), arrow.end))
            end, mark = stops[-1]
            low, high = sorted((start, end))
            lane[low : high + 1] = "─" * (high + 1 - low)
            for place, each in stops:
                lane[place] = each.character
            lane[end] = (end < start and mark.leftwards) or mark.character
            yield self._style.paint("".join(lane[:end]))
            yield self._style.paint(lane[end], mark.ink)
            lane = lane[end + 1 :]
        yield self._style.paint("".join(lane).rstrip())

    def _beside(self, start: int, last: int, towards: str, end_of_lanes: int) -> int:
        """Half way from the last node to the next one: towards where the packet was to go, else straight on."""
        forward = last >= start
        if towards in self._nodes:
            forward = self._nodes.index(towards) * self._step > last
        return max(0, min(last + (self._step // 2) * (1 if forward else -1), end_of_lanes - 1))

    def remark(self, text: str) -> Iterator[Painted]:
        """A line, or several, about the row above."""
        beside = " " * (self._time_width + 1)
        return (self._style.paint(line, "dim") for line in wrapped(beside + text, self._style.width, beside))

    def marked(self, nodes: Sequence[str], text: str) -> Iterator[Painted]:
        """A line that points at a node's lane, or between those of a link's two ends; none where they are not drawn."""
        places = [self._column(self._nodes.index(node)) for node in nodes if node in self._nodes]
        if not places:
            return
        column = sum(places) // len(places)
        pointing = f"{POINTER} {text}"
        if column + columns_of(pointing) > self._style.width:
            pointing = f"{text} {POINTER}"
            column -= columns_of(pointing) - 1
        yield self._style.paint(" " * max(0, column) + pointing, "red")


def _names(nodes: Sequence[str], style: Style) -> list[str]:
    return [abbreviated(style.plain(node), LONGEST_NAME) for node in nodes]


def _fitting(nodes: Sequence[str], kept: Collection[str], room: int, style: Style) -> list[str]:
    """The nodes without as many from their middle as do not fit, and those that have to be kept last of all."""
    fitting = list(nodes)
    while len(fitting) > 2 and _extent(_names(fitting, style), NARROWEST_STEP) > room:
        inner = fitting[1:-1]
        quiet = [node for node in inner if node not in kept] or inner
        fitting.remove(quiet[len(quiet) // 2])
    return fitting


def _extent(names: Sequence[str], step: int) -> int:
    """The columns from the first lane to the end of what reaches farthest to the right."""
    right = max(0, len(names) - 1) if _fit_side_by_side(names, step) else _middle(names)
    return max((place * step + max(1, columns_of(names[place])) for place in range(right, len(names))), default=0)


def _fit_side_by_side(names: Sequence[str], step: int) -> bool:
    return all(columns_of(name) < step for name in names[:-1])


def _middle(names: Sequence[str]) -> int:
    """The first of the names that stand to the right of their lanes."""
    return (len(names) + 1) // 2
