"""Colour, characters and width of terminal text, each only as far as the terminal has it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NewType, Self, TextIO

from whodunet.view.visible import UNENCODABLE, visible_line

Ink = Literal["red", "green", "yellow", "bold", "dim"]
Painted = NewType("Painted", str)
"""Text whose only control characters are line feeds and colours of ours: only `Style.paint` makes it."""

NO_TERMINAL: Final = 80  # columns of a file, and of whatever reads a pipe
NARROWEST, WIDEST = 40, 120  # what fits into less cannot be read, nor can longer lines

_CODES: Final[dict[Ink, str]] = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
_ASCII: Final = str.maketrans(
    {
        "●": "o",
        "○": "+",
        "◌": "=",
        "─": "-",
        "▶": ">",
        "◀": "<",
        "×": "X",
        "│": "|",
        "→": ">",
        "▲": "^",
        "✓": "+",
        "✗": "x",
    }
    | {"✓": "+", "✗": "x", "…": "~"}
)


@dataclass(frozen=True)
class Style:
    """How text is to look."""

    width: int = NO_TERMINAL  # columns
    ascii_only: bool = False
    colour: bool = False

    @classmethod
    def of_terminal(cls, stream: TextIO, environment: Mapping[str, str]) -> Self:
        """What suits a stream: colour on a terminal alone (https://no-color.org), and characters that it can encode."""
        colour = stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
        return cls(width_of(stream, environment), "utf" not in (stream.encoding or "").lower(), colour)

    def plain(self, text: str) -> str:
        """Text of one line as it will be seen; what is laid out has to pass here before it is measured."""
        if self.ascii_only:
            text = text.translate(_ASCII).encode("ascii", UNENCODABLE).decode("ascii")
        return visible_line(text)

    def paint(self, text: str, ink: Ink | None = None) -> Painted:
        """Text of one line, made visible, in a colour or weight where colour was asked for."""
        seen = self.plain(text)
        return Painted(f"\x1b[{_CODES[ink]}m{seen}\x1b[0m" if self.colour and ink and seen else seen)


def joined(parts: Iterable[Painted], between: Literal["", "\n", "\n\n"] = "") -> Painted:
    """Painted parts one after the other."""
    return Painted(between.join(parts))


def width_of(stream: TextIO, environment: Mapping[str, str]) -> int:
    """The columns to fill: what COLUMNS says, else the terminal's.

    Where the stream is none, 80, which a file is read with and a pager has; less where the terminal of standard error
    is narrower, for that is where the pager is.
    """
    told = environment.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and int(told) > 0:
        wanted = int(told)
    else:
        wanted = _columns_of(stream) or min(NO_TERMINAL, _columns_of(sys.stderr) or NO_TERMINAL)
    return max(NARROWEST, min(wanted, WIDEST))


def _columns_of(stream: TextIO) -> int:
    """The columns of the terminal that a stream is; 0 where it is none, or does not say."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):  # no terminal; no descriptor at all, or a closed one
        return 0
