"""A ladder as text: an arrow as far as each packet came, over the lanes of the nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from whodunet.view.models.ladder import Ladder, PacketRow, Row
from whodunet.view.text.columns import wrapped
from whodunet.view.text.lanes import ARRIVED, DROPPED, LEGEND, UNSETTLED, Arrow, Lanes, Line, Mark
from whodunet.view.text.style import Painted, Style, joined
from whodunet.view.words.ladder import explained_name, explained_ttls, row_label, sent_again, ttls

MOST_ROWS: Final = 24


def render_ladder(ladder: Ladder, style: Style | None = None, most_rows: int = MOST_ROWS) -> Painted:
    """The ladder in lines.

    Args:
        style: width in columns, characters, colour.
        most_rows: packets drawn; the rest is counted in a last line.
    """
    style = style or Style()
    if not ladder.rows:
        return style.paint("no packet was seen at any capture point")
    shown = ladder.rows[:most_rows]
    lines = [_line(row, style) for row in shown]
    lanes = Lanes(ladder.nodes, lines, style, ladder.culprit, ttl_title=_ttl_title(shown))
    drawn = list(lanes.header())
    for row, line in zip(shown, lines, strict=True):
        drawn.append(lanes.row(line))
        drawn += lanes.remark(sent_again(row)) if isinstance(row, PacketRow) and row.again_s else ()
    if len(ladder.rows) > most_rows:
        drawn += lanes.remark(f"… and {len(ladder.rows) - most_rows} more")
    drawn += lanes.marked(ladder.culprit, "the culprit")
    legend = _legend([row for row in shown if isinstance(row, PacketRow)], lines, lanes.left_out)
    drawn += (style.paint(part, "dim") for each in legend for part in wrapped(style.plain(each), style.width, "  "))
    return joined(drawn, "\n")


def _line(row: Row, style: Style) -> Line:
    time = f"{row.time_ms:z.1f}"
    words = style.plain(row_label(row))
    if not isinstance(row, PacketRow):
        return Line(time, words, ink="dim")
    return Line(time, words, style.plain(ttls(row)), _arrow(row), "yellow" if row.spoofed else None)


def _arrow(row: PacketRow) -> Arrow:
    """What a switch or host took in and did not let out ended there, all else in the cable."""
    journey = row.journey
    if journey.has_come:
        return Arrow(journey.nodes, ARRIVED, encrypted=journey.encrypted)
    mark = UNSETTLED if journey.ending == "unsettled" else DROPPED
    return Arrow(journey.nodes, mark, (journey.goal or "") if journey.has_left else None, journey.encrypted)


def _ttl_title(rows: Sequence[Row]) -> str:
    """What the column of TTLs is called: as in IPv6 where all packets are of it."""
    versions = {row.packet.captured.ip.version for row in rows if isinstance(row, PacketRow) and row.packet.captured.ip}
    return "hlim" if versions == {6} else "ttl"  # tcpdump's short names


def _legend(rows: Sequence[PacketRow], lines: Sequence[Line], left_out: Sequence[str]) -> Iterator[str]:
    """What the signs of this ladder mean; a line each, which may be too long."""
    drawn: set[Mark] = {mark for line in lines if line.arrow for mark in line.arrow.marks}
    if drawn:
        yield "   ".join(f"{mark.character} {mark.meaning}" for mark in LEGEND if mark in drawn)
    yield from [told for row in rows if (told := explained_ttls(row))][:1]
    yield from map(explained_name, dict.fromkeys(row.spoofed for row in rows if row.spoofed))
    if left_out:
        yield f"No column for: {', '.join(left_out)}"
