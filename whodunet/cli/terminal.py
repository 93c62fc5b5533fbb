"""The one way to the terminal: what is printed is made visible first, whoever said it, and fits its width."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Any, TextIO, cast

from whodunet.view.text import columns
from whodunet.view.text.style import Painted, Style, width_of
from whodunet.view.visible import UNENCODABLE, visible


class Guarded:
    """An output stream to which no control character gets; all else of it is the stream's own.

    What programs print under `shell` and `exec` goes to the descriptor and not through here: the terminal is theirs.
    """

    def __init__(self, stream: TextIO) -> None:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=UNENCODABLE)  # an ASCII terminal shows an escape, and nobody a traceback
        self.unguarded = stream

    def write(self, text: str) -> int:
        """Writes the text, and escapes in place of what a terminal would obey."""
        self.unguarded.write(visible(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Writes several."""
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unguarded, name)


def guard() -> None:
    """Guards standard output and error from now on: prints, progress, usage and errors alike."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, Guarded):
            setattr(sys, name, Guarded(stream))


def show(text: Painted) -> None:
    """Prints text with its colours; it was made visible when it was painted."""
    stream = sys.stdout.unguarded if isinstance(sys.stdout, Guarded) else sys.stdout
    print(text, file=cast(TextIO, stream), flush=True)


def style() -> Style:
    """How text is to look on standard output."""
    return Style.of_terminal(sys.stdout, os.environ)


def fitted(text: str) -> str:
    """The text on one line; an ellipsis for what is left out."""
    here = style()
    return columns.cut(here.plain(" ".join(text.split())), here.width)


def filled(text: str) -> str:
    """The paragraphs of a text, broken anew."""
    here = style()
    paragraphs = (here.plain(" ".join(each.split())) for each in text.strip().split("\n\n"))
    return "\n\n".join("\n".join(columns.wrapped(each, here.width)) for each in paragraphs)


def hanging(text: str, indent: int = 4) -> str:
    """Prose below something else: indented by `indent` columns, its further lines by two more."""
    return hanging_line(" ".join(text.split()), indent)


def hanging_line(line: str, indent: int) -> str:
    """One line of a program's words likewise, its blanks as they are."""
    here = style()
    return "\n".join(columns.wrapped(" " * indent + here.plain(line), here.width, " " * (indent + 2)))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows below a header; the last column goes on below itself, the widest others are cut."""
    here = style()
    return "\n".join(columns.table([[here.plain(cell) for cell in row] for row in (header, *rows)], here.width))


def unbroken_words(line: str) -> str:
    """A line for standard error; at a terminal broken between words, so that the terminal does not break a word."""
    if not sys.stderr.isatty():
        return line
    return "\n".join(columns.wrapped(line, width_of(sys.stderr, os.environ), breaks_words=False))
