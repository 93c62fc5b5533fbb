"""Text that a terminal prints and never obeys: what programs, names, records and peers said, made visible."""

from __future__ import annotations

import codecs
import unicodedata
from typing import Final

# Control characters (C0, DEL, C1), formatting ones (bidirectional overrides, zero-width joiners, tags), surrogates,
# private and unassigned ones, line and paragraph separators. Source: Unicode, section 4.5, General Category.
_OBEYED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
UNENCODABLE: Final = "whodunet-visible"  # the error handler for characters that a stream's encoding lacks


class _Escapes(dict[int, str]):
    """What `str.translate` puts for each character; decided once for each."""

    def __init__(self, kept: str) -> None:
        super().__init__((ord(character), character) for character in kept)

    def __missing__(self, point: int) -> str:
        character = chr(point)
        return self.setdefault(point, _escaped(character) if unicodedata.category(character) in _OBEYED else character)


_IN_TEXT: Final = _Escapes("\n\t")
_IN_LINE: Final = _Escapes("")


def visible(text: str) -> str:
    """The text with every character that a terminal would obey, or not show, written as its escape.

    Line feeds and tabs stay. The escape is JSON's, `\\u001b` (RFC 8259, section 7), so that JSON stays the same JSON.
    What comes out passes unchanged a second time, and XML 1.0 can write all of it (section 2.2, Char).
    """
    return text.translate(_IN_TEXT)


def visible_line(text: str) -> str:
    """The same for what has to stay within its line, as a name: line feeds and tabs are escaped, too."""
    return text.translate(_IN_LINE)


def _escaped(character: str) -> str:
    """Source: RFC 8259, section 7: beyond the basic plane as two surrogates."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place] << 8 | units[place + 1]:04x}" for place in range(0, len(units), 2))


def _unencodable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_escaped, error.object[error.start : error.end])), error.end


codecs.register_error(UNENCODABLE, _unencodable)
