"""How wide text is on a terminal, and how it fits: padded, cut, wrapped, in columns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

_WIDE: Final = ("W", "F")  # Source: Unicode Standard Annex 11, East Asian Width
_COMBINING: Final = ("Mn", "Me")
_NARROWEST_TEXT: Final = 20
_GAP: Final = 2  # columns between two columns of a table


def columns_of(text: str) -> int:
    """The columns that a text without control characters takes: 2 for a wide character, none for a combining one."""
    return len(text) if text.isascii() else sum(map(_columns_of_character, text))


def _columns_of_character(character: str) -> int:
    if unicodedata.category(character) in _COMBINING:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


def padded(text: str, width: int) -> str:
    """The text with blanks after it until it takes `width` columns."""
    return text + " " * (width - columns_of(text))


def cut(text: str, width: int) -> str:
    """The text in at most `width` columns; an ellipsis in place of what is left out."""
    return text if columns_of(text) <= width else text[: _fitting(text, width - 1)] + "…"


def _fitting(text: str, width: int) -> int:
    """How many of the text's first characters fit into `width` columns."""
    if text.isascii():
        return min(len(text), max(0, width))
    taken = 0
    for count, character in enumerate(text):
        taken += _columns_of_character(character)
        if taken > width:
            return count
    return len(text)


def wrapped(text: str, width: int, indent: str = "", after: str = "", *, breaks_words: bool = True) -> list[str]:
    """One line of text as lines of at most `width` columns, the second and later ones indented.

    Blanks inside a line stay as they are, so tables stay tables.

    Args:
        after: the character after which lines break at best, as a comma.
        breaks_words: whether a word that is too long for a line is broken, or sticks out.
    """
    lines: list[str] = []
    rest, before = text.rstrip(), ""
    while rest and columns_of(before + rest) > width:
        end = max(1, _fitting(rest, width - columns_of(before)))
        blanks = (rest.rfind(f"{sign} ", 0, end + 1) + len(sign) for sign in (after, ""))
        middle = end if breaks_words else len(rest.split(" ", 1)[0])
        end = next((blank for blank in blanks if rest[: max(0, blank)].strip(f" {after}")), middle)
        lines.append(before + rest[:end].rstrip())
        rest, before = rest[end:].lstrip(), indent
    return [*lines, before + rest] if rest or not lines else lines


def filled(text: str, width: int, indent: str = "") -> list[str]:
    """Prose as lines of at most `width` columns, whatever its own lines and blanks are."""
    return wrapped(" ".join(text.split()), width, indent)


def table(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Rows with their cells below each other: the last cell goes on below itself, too wide ones before it are cut.

    Words of the last cell stay whole, so that a name there can be copied, and may then stick out.
    """
    *widths, last = (max(map(columns_of, column)) for column in zip(*rows, strict=True))
    while sum(widths) + _GAP * len(widths) + min(last, width // 3) > width:
        widths[widths.index(max(widths))] -= 1
    for *cells, last_cell in rows:
        left = "".join(padded(cut(cell, most), most + _GAP) for cell, most in zip(cells, widths, strict=True))
        yield from _beside(left, last_cell, width, breaks_words=False)


def definitions(rows: Sequence[tuple[str, str]], width: int, before: str = "") -> Iterator[str]:
    """Lines of at most `width` columns: names, and what is said of each beside them; or below, where they are long."""
    longest = max((columns_of(name) for name, _ in rows), default=0)
    is_narrow = width - len(before) - longest - _GAP < _NARROWEST_TEXT
    for name, said in rows:
        if is_narrow:
            yield from wrapped(before + name, width, before)
            yield from wrapped(f"{before}    {said}", width, f"{before}    ")
        else:
            yield from _beside(before + padded(name, longest + _GAP), said, width)


def _beside(left: str, text: str, width: int, *, breaks_words: bool = True) -> Iterator[str]:
    taken = columns_of(left)
    first, *more = wrapped(text, max(1, width - taken), breaks_words=breaks_words)
    yield (left + first).rstrip()
    yield from (" " * taken + line for line in more)


def abbreviated(name: str, width: int) -> str:
    """A node's name in at most `width` columns: each part between hyphens shortened, numbers at their ends kept."""
    if columns_of(name) <= width:
        return name
    parts = name.split("-")
    room = max(1, (width - len(parts) + 1) // len(parts))
    return cut("-".join(_shortened(part, room) for part in parts), width)


def _shortened(part: str, room: int) -> str:
    digits = re.search(r"\d*$", part)
    number = digits.group() if digits else ""
    return part if len(part) <= room else part[: max(1, room - len(number))] + number
