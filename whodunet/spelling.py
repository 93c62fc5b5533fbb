"""What somebody meant who wrote a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def did_you_mean(
    name: str, known: Iterable[str], otherwise: str = "", listed_by: str = "", such_as: Sequence[str] = ()
) -> str:
    """A fix for a name that does not exist: the nearest that does, or all of them.

    Args:
        listed_by: the command that lists them, where they are too many for a message.
        such_as: some of them, to be told beside that command.
    """
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    if listed_by:
        examples = f", such as {', '.join(such_as)}" if such_as else ""
        return f"`{listed_by}` lists all that there are{examples}"
    choices = f"use one of: {', '.join(known)}" if known else "there is none"
    return f"{otherwise}, or {choices}" if otherwise else choices
