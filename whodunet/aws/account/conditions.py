"""The conditions of policies: operators on what is known about a request.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import operator as compare
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import TypeVar

from whodunet.aws.account.patterns import Context, filled_in, matches

__all__ = ["Context", "holds"]

_IF_EXISTS = "IfExists"
_ANY_VALUE, _ALL_VALUES = "ForAnyValue:", "ForAllValues:"  # our context has at most one value a key

_Read = TypeVar("_Read")  # what operators compare: texts, numbers, times
_Test = Callable[[str, str, Context], bool]  # the request's value, the policy's value


@dataclass(frozen=True, slots=True)
class _Operator:
    """One operator; a negated one holds if no value of the policy fits, and if the request has no such key."""

    test: _Test
    negated: bool = False


def holds(operator: str, key: str, wanted: Sequence[str], context: Context, *, unknown: bool) -> bool:
    """Whether a condition holds for one key: with several values, if any of them fits.

    Args:
        unknown: the answer for an operator that we do not know, or a value that it cannot read.
    """
    value = context.get(key.lower())
    if operator == "Null":
        return any((value is None) == (text == "true") for text in wanted)
    name, optional = operator.removesuffix(_IF_EXISTS), operator.endswith(_IF_EXISTS)
    optional = optional or name.startswith(_ALL_VALUES)
    known = _OPERATORS.get(name.removeprefix(_ANY_VALUE).removeprefix(_ALL_VALUES))
    if known is None:
        return unknown
    if value is None:
        return optional or known.negated
    try:
        return any(known.test(value, text, context) for text in wanted) != known.negated
    except ValueError:
        return unknown


def _like(value: str, wanted: str, context: Context) -> bool:
    return matches(wanted, value, context, arn=False)


def _compared(read: Callable[[str], _Read], fits: Callable[[_Read, _Read], bool]) -> _Test:
    def test(value: str, wanted: str, context: Context) -> bool:
        text = filled_in(wanted, context)
        return text is not None and fits(read(value), read(text))

    return test


def _in_network(value: str, wanted: str, _context: Context) -> bool:
    return ip_address(value) in ip_network(wanted, strict=False)


def _moment(text: str) -> datetime:
    """A time as policies write it: ISO 8601, or seconds since the epoch."""
    if text.isdigit():
        return datetime.fromtimestamp(int(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_ORDER = {
    "LessThan": compare.lt,
    "LessThanEquals": compare.le,
    "GreaterThan": compare.gt,
    "GreaterThanEquals": compare.ge,
}


def _with_negation(positive: str, negative: str, test: _Test) -> dict[str, _Operator]:
    return {positive: _Operator(test), negative: _Operator(test, negated=True)}


_OPERATORS: dict[str, _Operator] = {
    **_with_negation("StringEquals", "StringNotEquals", _compared(str, compare.eq)),
    **_with_negation("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", _compared(str.casefold, compare.eq)),
    **_with_negation("StringLike", "StringNotLike", _like),
    **_with_negation("ArnEquals", "ArnNotEquals", lambda value, wanted, context: matches(wanted, value, context)),
    **_with_negation("ArnLike", "ArnNotLike", lambda value, wanted, context: matches(wanted, value, context)),
    **_with_negation("NumericEquals", "NumericNotEquals", _compared(float, compare.eq)),
    **_with_negation("DateEquals", "DateNotEquals", _compared(_moment, compare.eq)),
    **_with_negation("IpAddress", "NotIpAddress", _in_network),
    "Bool": _Operator(_compared(str.lower, compare.eq)),
    **{f"Numeric{name}": _Operator(_compared(float, fits)) for name, fits in _ORDER.items()},
    **{f"Date{name}": _Operator(_compared(_moment, fits)) for name, fits in _ORDER.items()},
}
