"""Colour and characters of terminal text, both only where they are asked for."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, TextIO

DROPPED = "\u00d7"  # the multiplication sign
UNSETTLED = "?"
_CODES = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
_ASCII = str.maketrans(
    {"●": "o", "○": "+", "─": "-", "▶": ">", "◀": "<", DROPPED: "X", "│": "|", "→": ">", "✓": "+", "✗": "x", "…": "~"}
)


@dataclass(frozen=True)
class Style:
    """How text is to look."""

    width: int = 110  # columns
    ascii_only: bool = False
    colour: bool = False

    @classmethod
    def of_terminal(cls, stream: TextIO, environment: Mapping[str, str]) -> Self:
        """What suits a stream: colour on a terminal alone (https://no-color.org), and characters that it can encode."""
        is_terminal = stream.isatty()
        width = shutil.get_terminal_size((110, 0)).columns if is_terminal else 110
        colour = is_terminal and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
        return cls(max(width, 80), "utf" not in (stream.encoding or "").lower(), colour)

    def paint(self, text: str, name: str) -> str:
        """The text in a colour or weight, when colour was asked for."""
        return f"\x1b[{_CODES[name]}m{text}\x1b[0m" if self.colour else text

    def plain(self, text: str) -> str:
        """The text in ASCII characters, when those were asked for; each stays as wide as it was."""
        return text.translate(_ASCII) if self.ascii_only else text
