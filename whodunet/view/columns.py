"""How wide text is on a terminal, and how it fits: padded, cut, wrapped, in two columns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

_WIDE: Final = ("W", "F")  # Source: Unicode Standard Annex 11, East Asian Width
_COMBINING: Final = ("Mn", "Me")
_NARROWEST_TEXT: Final = 20


def columns_of(text: str) -> int:
    """The columns that a text without control characters takes: 2 for a wide character, none for a combining one."""
    return len(text) if text.isascii() else sum(map(_columns_of_character, text))


def _columns_of_character(character: str) -> int:
    if unicodedata.category(character) in _COMBINING:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


def padded(text: str, width: int) -> str:
    """The text with blanks after it until it takes so many columns."""
    return text + " " * (width - columns_of(text))


def cut(text: str, width: int) -> str:
    """The text in at most so many columns; an ellipsis in place of what is left out."""
    return text if columns_of(text) <= width else text[: _fitting(text, width - 1)] + "…"


def _fitting(text: str, width: int) -> int:
    """How many of the text's first characters take at most so many columns."""
    if text.isascii():
        return min(len(text), max(0, width))
    taken = 0
    for count, character in enumerate(text):
        taken += _columns_of_character(character)
        if taken > width:
            return count
    return len(text)


def wrapped(text: str, width: int, indent: str = "", after: str = "") -> list[str]:
    """One line of text as lines of at most so many columns, the second and later ones indented.

    Blanks inside a line stay as they are, so tables stay tables; a word that is too long for a line is broken.

    Args:
        after: the character after which lines break at best, as a comma.
    """
    lines: list[str] = []
    rest, before = text.rstrip(), ""
    while rest and columns_of(before + rest) > width:
        end = max(1, _fitting(rest, width - columns_of(before)))
        blanks = (rest.rfind(f"{sign} ", 0, end + 1) + len(sign) for sign in (after, ""))
        end = next((blank for blank in blanks if rest[: max(0, blank)].strip(f" {after}")), end)
        lines.append(before + rest[:end].rstrip())
        rest, before = rest[end:].lstrip(), indent
    return [*lines, before + rest]


def filled(text: str, width: int, indent: str = "") -> list[str]:
    """Prose as lines of at most so many columns, whatever its own lines and blanks are."""
    return wrapped(" ".join(text.split()), width, indent)


def table(rows: Sequence[tuple[str, str]], width: int, before: str = "") -> Iterator[str]:
    """Lines of at most so many columns: names, and what is said of each beside them; or below, where they are long."""
    longest = max((columns_of(name) for name, _ in rows), default=0)
    beside = len(before) + longest + 2
    is_narrow = width - beside < _NARROWEST_TEXT
    for name, said in rows:
        if is_narrow:
            yield from wrapped(before + name, width, before)
            yield from wrapped(f"{before}    {said}", width, f"{before}    ")
        else:
            first, *more = wrapped(said, width - beside)
            yield f"{before}{padded(name, longest)}  {first}".rstrip()
            yield from (" " * beside + line for line in more)


def abbreviated(name: str, width: int) -> str:
    """A node's name in so many columns: each part between hyphens shortened, numbers at their ends kept."""
    if columns_of(name) <= width:
        return name
    parts = name.split("-")
    room = max(1, (width - len(parts) + 1) // len(parts))
    return cut("-".join(_shortened(part, room) for part in parts), width)


def _shortened(part: str, room: int) -> str:
    digits = re.search(r"\d*$", part)
    number = digits.group() if digits else ""
    return part if len(part) <= room else part[: max(1, room - len(number))] + number
