"""A ladder in words: what each row is, when a packet was sent again, and what is remarkable about it."""

from __future__ import annotations

from typing import Final

from whodunet.view.models.ladder import PacketRow, RoutineRow, Row
from whodunet.view.words.packets import label

_MOST_TIMES: Final = 8  # of retransmissions that are listed


def row_label(row: Row) -> str:
    """What a row is: "RST seq 0 ack 1 as instance", "… 8 packets of data and ACKs, all arrived"."""
    if isinstance(row, RoutineRow):
        return f"… {row.packets} packets of data and ACKs, all arrived"
    return label(row.packet) + (f" as {row.spoofed}" if row.spoofed else "")


def ttls(row: PacketRow) -> str:
    """With which TTL a packet was first and last seen: "64", "64→58"; empty where it has none."""
    if row.first_ttl is None or row.last_ttl is None:
        return ""
    return f"{row.first_ttl}" if row.first_ttl == row.last_ttl else f"{row.first_ttl}→{row.last_ttl}"


def sent_again(row: PacketRow) -> str:
    """When: "retransmitted at +1, +3 s"; what its sender does not wait to have answered is only sent again."""
    times = ", ".join(map(_seconds, row.again_s[:_MOST_TIMES]))
    more = f" … ({len(row.again_s)} times)" if len(row.again_s) > _MOST_TIMES else ""
    return f"{'retransmitted' if row.is_retransmitted else 'sent again'} at {times} s{more}"


def _seconds(gap_s: float) -> str:
    """A time after another, in seconds: "+7.5", and "+0.004" where that is what there is to tell."""
    return f"+{gap_s:.{1 if gap_s >= 0.1 else 3}f}".rstrip("0").rstrip(".")


def explained_ttls(row: PacketRow) -> str | None:
    """What the two TTLs of a packet mean; None where they are the same."""
    ip = row.packet.captured.ip
    if ip is None or row.first_ttl == row.last_ttl:
        return None
    return f"{ttls(row)}: {ip.ttl_name} where first seen → where last seen"


def explained_name(node: str) -> str:
    """What it means that a packet came "as" a node."""
    return f"as {node}: its source address is {node}'s, but it was first seen elsewhere"
