"""The one way to the terminal: what is printed is made visible first, whoever said it."""

from __future__ import annotations

import io
import sys
from typing import Any, TextIO, cast

from whodunet.view.style import Painted
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
