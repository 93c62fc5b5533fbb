"""A ladder as text: an arrow as far as each packet came, over the lanes of the nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from whodunet.view.models.ladder import Ladder, PacketRow, Row
from whodunet.view.text.columns import wrapped
from whodunet.view.text.lanes import ARRIVED, DROPPED, LEGEND, UNSETTLED, Arrow, Lanes, Line, Mark
from whodunet.view.text.style import Painted, Style, joined
from whodunet.view.words.packets import label

MOST_ROWS: Final = 24
MOST_TIMES: Final = 8  # of retransmissions that are listed


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
        drawn += lanes.remark(_sent_again(row)) if isinstance(row, PacketRow) and row.again_s else ()
    if len(ladder.rows) > most_rows:
        drawn += lanes.remark(f"… and {len(ladder.rows) - most_rows} more")
    drawn += lanes.marked(ladder.culprit, "the culprit")
    legend = _legend([row for row in shown if isinstance(row, PacketRow)], lines, lanes.left_out)
    drawn += (style.paint(part, "dim") for each in legend for part in wrapped(style.plain(each), style.width, "  "))
    return joined(drawn, "\n")


def _line(row: Row, style: Style) -> Line:
    time = f"{row.time_ms:z.1f}"
    if not isinstance(row, PacketRow):
        return Line(time, style.plain(f"… {row.packets} packets of data and ACKs, all arrived"), ink="dim")
    named = f" as {row.spoofed}" if row.spoofed else ""
    words = style.plain(label(row.packet) + named)
    return Line(time, words, style.plain(_ttls(row)), _arrow(row), "yellow" if row.spoofed else None)


def _arrow(row: PacketRow) -> Arrow:
    """What a switch or host took in and did not let out ended there, all else in the cable."""
    journey = row.journey
    if journey.has_come:
        return Arrow(journey.nodes, ARRIVED)
    mark = UNSETTLED if journey.ending == "unsettled" else DROPPED
    return Arrow(journey.nodes, mark, (journey.goal or "") if journey.has_left else None)


def _ttl_title(rows: Sequence[Row]) -> str:
    """What the column of TTLs is called: as in IPv6 where all packets are of it."""
    versions = {row.packet.captured.ip.version for row in rows if isinstance(row, PacketRow) and row.packet.captured.ip}
    return "hlim" if versions == {6} else "ttl"  # tcpdump's short names


def _ttls(row: PacketRow) -> str:
    if row.first_ttl is None or row.last_ttl is None:
        return ""
    return f"{row.first_ttl}" if row.first_ttl == row.last_ttl else f"{row.first_ttl}→{row.last_ttl}"


def _sent_again(row: PacketRow) -> str:
    """When: "retransmitted at +1, +3 s"; what its sender does not wait to have answered is only sent again."""
    times = ", ".join(map(_seconds, row.again_s[:MOST_TIMES]))
    more = f" … ({len(row.again_s)} times)" if len(row.again_s) > MOST_TIMES else ""
    return f"{'retransmitted' if row.is_retransmitted else 'sent again'} at {times} s{more}"


def _seconds(gap_s: float) -> str:
    """A time after another, in seconds: "+7.5", and "+0.004" where that is what there is to tell."""
    return f"+{gap_s:.{1 if gap_s >= 0.1 else 3}f}".rstrip("0").rstrip(".")


def _legend(rows: Sequence[PacketRow], lines: Sequence[Line], left_out: Sequence[str]) -> Iterator[str]:
    """What the signs of this ladder mean; a line each, which may be too long."""
    drawn: set[Mark] = {mark for line in lines if line.arrow for mark in line.arrow.marks}
    if drawn:
        yield "   ".join(f"{mark.character} {mark.meaning}" for mark in LEGEND if mark in drawn)
    changed = next((row for row in rows if row.first_ttl != row.last_ttl), None)
    if changed is not None and changed.packet.captured.ip is not None:
        yield f"{_ttls(changed)}: {changed.packet.captured.ip.ttl_name} where first seen → where last seen"
    for name in dict.fromkeys(row.spoofed for row in rows if row.spoofed):
        yield f"as {name}: its source address is {name}'s, but it was first seen elsewhere"
    if left_out:
        yield f"No column for: {', '.join(left_out)}"
