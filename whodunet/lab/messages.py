"""Typed messages between processes: each is a dataclass, and travels as one line of JSON that names its type.

File descriptors travel beside the line, which says which of its fields they are. What arrives is checked against the
types of the fields, for the other end may be any program of the user's.
"""

from __future__ import annotations

import json
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_TYPE: Final = "="  # the key under which an object names its type: no field is called so
_SCALARS: Final = (str, int, float, bool, types.NoneType)

Kind = Any  # a type as an annotation writes it, for which Python has no type
MessageT = TypeVar("MessageT", bound="DataclassInstance")


class FileDescriptor(int):
    """A field that is a file descriptor: the receiver's own of the same file."""


class MalformedMessage(ValueError):
    """A line is not a message; says what is wrong with it."""


def encode(message: DataclassInstance) -> tuple[bytes, list[int]]:
    """The line of a message, and the descriptors that have to go with it."""
    descriptors: list[int] = []
    line = json.dumps({_TYPE: type(message).__name__, **_fields_of(message, descriptors)})
    return line.encode() + b"\n", descriptors


def _fields_of(value: DataclassInstance, descriptors: list[int]) -> dict[str, object]:
    return {each.name: _plain(getattr(value, each.name), descriptors) for each in fields(value)}


def _plain(value: object, descriptors: list[int]) -> object:
    if isinstance(value, FileDescriptor):
        descriptors.append(int(value))
        return len(descriptors) - 1
    if is_dataclass(value) and not isinstance(value, type):
        return _fields_of(value, descriptors)
    if isinstance(value, Mapping):
        return {key: _plain(each, descriptors) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, descriptors) for each in value]
    return value


def decode(line: bytes, kinds: Iterable[type[MessageT]], descriptors: Sequence[int] = ()) -> MessageT:
    """The message of a line.

    Args:
        kinds: what it may be.
        descriptors: those that came beside it; it has to have a field for each.

    Raises:
        MalformedMessage: when it is something else.
    """
    try:
        told = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage(f"it is not JSON: {error}") from error
    if not isinstance(told, dict):
        raise MalformedMessage("it is not an object")
    by_name = {kind.__name__: kind for kind in kinds}
    name = told.pop(_TYPE, None)
    if not isinstance(name, str) or name not in by_name:
        raise MalformedMessage(f"{json.dumps(name)} is none of {', '.join(by_name)}")
    unclaimed = dict(enumerate(descriptors))
    message = _read_fields(told, by_name[name], name, unclaimed)
    if unclaimed:
        raise MalformedMessage(f"{name}: {len(unclaimed)} descriptors came with it that it has no field for")
    return message


def learn(kinds: Iterable[type[MessageT]]) -> None:
    """Finds out the types of the fields of these, so that no child of this process has to."""
    for kind in kinds:
        _types_of(kind)


def from_json(text: str, kind: type[MessageT]) -> MessageT:
    """A dataclass whose fields are in a JSON object.

    Raises:
        MalformedMessage: when they are not.
    """
    return _read_fields(json.loads(text), kind, kind.__name__, {})


def to_json(value: DataclassInstance) -> str:
    """One line of JSON with the fields of a dataclass that holds no descriptors."""
    return json.dumps(_fields_of(value, []))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


@cache
def _types_of(kind: type) -> Mapping[str, object]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _read_fields(told: object, kind: type[MessageT], place: str, unclaimed: dict[int, int]) -> MessageT:
    if not isinstance(told, dict):
        raise MalformedMessage(f"{place}: is not an object")
    known = _types_of(kind)
    needed = {each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING}
    for wrong, names in (("has no", needed - told.keys()), ("has an unknown", told.keys() - known.keys())):
        if names:
            raise MalformedMessage(f"{place}: {wrong} field {', '.join(sorted(names))}")
    return kind(**{name: _read(each, known[name], f"{place}.{name}", unclaimed) for name, each in told.items()})


def _read(told: object, kind: Kind, place: str, unclaimed: dict[int, int]) -> object:
    """A value of a type, of what JSON says of it."""
    if kind is object or kind is Any:
        return told
    if kind is FileDescriptor:
        return _claim(told, place, unclaimed)
    if kind in _SCALARS:
        return _scalar(told, kind, place)
    if isinstance(kind, type) and is_dataclass(kind):
        return _read_fields(told, kind, place, unclaimed)
    return _read_generic(told, kind, place, unclaimed)


def _read_generic(told: object, kind: Kind, place: str, unclaimed: dict[int, int]) -> object:
    """One of a union, a literal, a mapping, or a sequence, which becomes a tuple."""
    origin: object = get_origin(kind)
    arguments = get_args(kind)
    if origin in (Union, types.UnionType):
        return _one_of(told, arguments, place, unclaimed)
    if origin is Literal and told in arguments:
        return told
    if _is(origin, Mapping) and isinstance(told, dict):
        return {key: _read(each, arguments[1], f"{place}.{key}", unclaimed) for key, each in told.items()}
    if _is(origin, Sequence) and isinstance(told, list):
        inner = enumerate(zip(told, _inner_types(arguments, len(told), place), strict=True))
        return tuple(_read(each, of, f"{place}[{number}]", unclaimed) for number, (each, of) in inner)
    raise MalformedMessage(f"{place}: is {json.dumps(told)[:80]}, which is no {_named(kind)}")


def _is(origin: object, base: type) -> bool:
    return isinstance(origin, type) and issubclass(origin, base)


def _scalar(told: object, kind: Kind, place: str) -> object:
    if type(told) is kind:  # a bool is no int here
        return told
    if kind is float and type(told) is int:
        return float(told)
    raise MalformedMessage(f"{place}: is {json.dumps(told)[:80]}, which is no {_named(kind)}")


def _one_of(told: object, kinds: Sequence[Kind], place: str, unclaimed: dict[int, int]) -> object:
    for kind in kinds:
        try:
            return _read(told, kind, place, unclaimed)
        except MalformedMessage as error:
            refused = error
    raise refused


def _inner_types(arguments: Sequence[Kind], count: int, place: str) -> Sequence[Kind]:
    """The type of each element of `tuple[A, B]`, and of `Sequence[A]` and `tuple[A, ...]`."""
    if len(arguments) == 1 or arguments[1] is ...:
        return [arguments[0]] * count
    if len(arguments) != count:
        raise MalformedMessage(f"{place}: has {count} elements, and not {len(arguments)}")
    return arguments


def _claim(told: object, place: str, unclaimed: dict[int, int]) -> FileDescriptor:
    if type(told) is not int or told not in unclaimed:
        raise MalformedMessage(f"{place}: no descriptor came with it")
    return FileDescriptor(unclaimed.pop(told))


def _named(kind: Kind) -> str:
    return kind.__name__ if kind in _SCALARS else str(kind)
