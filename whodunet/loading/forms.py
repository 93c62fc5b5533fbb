"""The form that a value should have, shown with what somebody wrote in place of it: `[Connection refused]`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import yaml
from pydantic import JsonValue
from pydantic.json_schema import JsonSchemaValue

_LEFT_OUT: Final = "..."
_TYPES: Final[Mapping[object, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}  # of JSON Schema


def part_at(location: Iterable[str | int], schema: JsonSchemaValue) -> JsonSchemaValue:
    """The part of a model's JSON Schema that says what may stand at a place in it."""
    part = schema
    for step in location:
        part = _below(part, step, schema)
    return _resolved(part, schema)


def form_of(value: JsonValue, part: JsonSchemaValue, schema: JsonSchemaValue) -> str:
    """How a text or number goes into the list or mapping that a part of a schema wants, as YAML."""
    return _as_yaml(_formed(value, part, schema) or [value])


def _formed(value: JsonValue, part: JsonSchemaValue, schema: JsonSchemaValue) -> JsonValue:
    """The value in the form that a part of a schema wants; None where it cannot be in it."""
    formed = (_of_one(value, _resolved(choice, schema), schema) for choice in part.get("anyOf", (part,)))
    return next((each for each in formed if each is not None), None)


def _of_one(value: JsonValue, part: JsonSchemaValue, schema: JsonSchemaValue) -> JsonValue:
    choices = part.get("enum", [part["const"]] if "const" in part else None)
    if choices is not None:
        return value if value in choices else None
    if part.get("type") == "array":
        items = part.get("prefixItems") or [part.get("items", {})]
        return [_in_place(value, each, schema) for each in items]
    if part.get("type") != "object":
        return value if isinstance(value, _TYPES.get(part.get("type"), ())) else None
    if "properties" in part:
        return _of_model(value, {key: part["properties"][key] for key in part.get("required", ())}, schema)
    named = str(part.get("propertyNames", {}).get("description", "name")).split()[-1].upper()
    each = part.get("additionalProperties")
    return {named: _in_place(value, each if isinstance(each, dict) else {}, schema)}


def _of_model(value: JsonValue, needed: dict[str, JsonSchemaValue], schema: JsonSchemaValue) -> JsonValue:
    """A mapping of the keys that are needed; the value stands at the one that takes few besides it."""
    choosiest = sorted(needed, key=lambda key: "enum" not in _resolved(needed[key], schema))
    formed = {key: _formed(value, needed[key], schema) for key in choosiest}
    meant = next((key for key, each in formed.items() if each is not None), None)
    return {key: formed[key] if key == meant else _LEFT_OUT for key in needed}


def _in_place(value: JsonValue, part: JsonSchemaValue, schema: JsonSchemaValue) -> JsonValue:
    formed = _formed(value, part, schema)
    return _LEFT_OUT if formed is None else formed


def _as_yaml(value: JsonValue) -> str:
    """A value in one line; a text without quotes where YAML reads it as one."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_as_yaml(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_as_yaml, value))}]"
    if isinstance(value, str) and _reads_as(f"{{key: {value}}}", {"key": value}):
        return value
    return json.dumps(value, ensure_ascii=False)


def _reads_as(text: str, value: JsonValue) -> bool:
    try:
        return bool(yaml.safe_load(text) == value)
    except yaml.YAMLError:
        return False


def _below(part: JsonSchemaValue, step: str | int, schema: JsonSchemaValue) -> JsonSchemaValue:
    part = _resolved(part, schema)
    if isinstance(step, int):
        listed: Sequence[JsonSchemaValue] = part.get("prefixItems", ())
        return dict(listed[step] if step < len(listed) else part.get("items") or {})
    each = part.get("additionalProperties")
    return dict(part.get("properties", {}).get(step) or (each if isinstance(each, dict) else {}))


def _resolved(part: JsonSchemaValue, schema: JsonSchemaValue) -> JsonSchemaValue:
    """The part of a schema behind a reference, or behind "this or null"."""
    for choice in part.get("anyOf", ()):
        if choice.get("type") != "null":
            part = choice
            break
    name = str(part.get("$ref", "")).removeprefix("#/$defs/")
    return dict(schema["$defs"][name]) if name else part
