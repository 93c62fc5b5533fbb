"""The patterns of policies: `*`, `?`, and variables such as `${aws:userid}` that a request fills in.

Source: IAM User Guide, "IAM JSON policy elements: Resource" and "Variables and tags".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Context = Mapping[str, str]  # by key in lower case: keys are the same in any case

_PIECE = re.compile(r"\$\{(?P<variable>[^}]*)\}|(?P<wildcard>[*?])|(?P<literal>[^*?$]+|\$)")
_DEFAULT = re.compile(r"(?P<key>[^,]*?)\s*,\s*'(?P<default>[^']*)'\s*")
_CHARACTERS = "*?$"  # as a variable, each stands for itself
_LAST_PART = 5  # colons before the last part of an ARN, where a wildcard stands for colons too


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    wildcard: bool = False


def matches_action(pattern: str, action: str) -> bool:
    """Whether an action is one of the pattern's, in any case."""
    return _regex(_pieces(pattern, {}, variables=False), arn=False, ignore_case=True).fullmatch(action) is not None


def matches(pattern: str, value: str, context: Context, *, arn: bool = True) -> bool:
    """Whether the whole value fits; never, if a variable of the pattern has no value in the request.

    Args:
        arn: whether a wildcard stops at the colons of an ARN, except in its last part; `*` alone is everything.
    """
    try:
        pieces = list(_pieces(pattern, context))
    except KeyError:
        return False
    return _regex(pieces, arn=arn and pattern != "*").fullmatch(value) is not None


def filled_in(template: str, context: Context) -> str | None:
    """The text with its variables' values, wildcards left as they are; None if a variable has no value."""
    try:
        return "".join(piece.text for piece in _pieces(template, context))
    except KeyError:
        return None


def _pieces(pattern: str, context: Context, *, variables: bool = True) -> Iterator[_Piece]:
    for found in _PIECE.finditer(pattern):
        if found["variable"] is not None:
            yield _Piece(_value(found["variable"], context) if variables else found[0])
        else:
            yield _Piece(found[0], wildcard=found["wildcard"] is not None)


def _value(variable: str, context: Context) -> str:
    if variable in _CHARACTERS and variable:
        return variable
    optional = _DEFAULT.fullmatch(variable)
    if optional is None:
        return context[variable.lower()]
    return context.get(optional["key"].lower(), optional["default"])


def _regex(pieces: Iterator[_Piece] | list[_Piece], *, arn: bool, ignore_case: bool = False) -> re.Pattern[str]:
    expression, colons = "", 0
    for piece in pieces:
        if piece.wildcard:
            character = "[^:]" if arn and colons < _LAST_PART else "."
            expression += character + ("*" if piece.text == "*" else "")
        else:
            expression += re.escape(piece.text)
            colons += piece.text.count(":")
    return re.compile(expression, re.DOTALL | (re.IGNORECASE if ignore_case else 0))
