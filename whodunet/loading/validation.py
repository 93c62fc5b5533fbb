"""What pydantic finds wrong in a file, in the lab's one form: place, what is wrong, what fixes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import ErrorDetails

from whodunet.cases.fields import REFUSED
from whodunet.errors import Problem
from whodunet.evidence.topology import Topology
from whodunet.loading.yaml_lines import Document, Path
from whodunet.spelling import did_you_mean

_OF_A_KEY = "[key]"  # how pydantic ends the location of what is wrong with a mapping's key itself
Model = TypeVar("Model", bound=BaseModel)


def parse(
    model: type[Model], content: JsonValue, document: Document, at: Path = (), names: Topology | None = None
) -> tuple[Model | None, list[Problem]]:
    """Reads a part of a document as a model; returns every problem there is instead, when there is one.

    Args:
        names: the topology in which the names have to exist of which the model knows what they name.
    """
    try:
        # By way of JSON, because strict models take lists for tuples and texts for enumerations only from there.
        return model.model_validate_json(json.dumps(content), context=names), []
    except ValidationError as errors:
        return None, [_problem(error, model, document, at) for error in errors.errors()]


def _problem(error: ErrorDetails, model: type[BaseModel], document: Document, at: Path) -> Problem:
    is_key = error["loc"][-1:] == (_OF_A_KEY,)
    path = [*at, *(error["loc"][:-1] if is_key else error["loc"])]
    describe = _DESCRIPTIONS.get(error["type"], _plain)
    wrong, fix = describe(error, model)
    return Problem(document.place(path), wrong, fix)


def _plain(error: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    wrong = f"is {json.dumps(error['input'])[:60]}"
    return wrong, error["msg"][0].lower() + error["msg"][1:]


def _unknown_key(error: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    return "unknown key", did_you_mean(str(error["loc"][-1]), _keys_beside(error["loc"], model), "remove it")


def _missing(error: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    return "is missing", "add it"


def _wrong_choice(error: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    return f"is {json.dumps(error['input'])[:60]}", f"use one of: {error['ctx']['expected']}"


def _too_short(error: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    return "is empty", "write at least one"


def _refused(error: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    return error["ctx"]["wrong"], error["ctx"]["fix"]


_DESCRIPTIONS: Mapping[str, Callable[[ErrorDetails, type[BaseModel]], tuple[str, str]]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing,
    "enum": _wrong_choice,
    "literal_error": _wrong_choice,
    REFUSED: _refused,
    "too_short": _too_short,
}


def _keys_beside(location: Iterable[str | int], model: type[BaseModel]) -> list[str]:
    """The keys that are allowed where a key stands, looked up in the model's JSON Schema."""
    schema = model.model_json_schema()
    part = schema
    for step in list(location)[:-1]:
        part = _follow(part, step, schema)
    return list(_resolved(part, schema).get("properties", {}))


def _follow(part: JsonSchemaValue, step: str | int, schema: JsonSchemaValue) -> JsonSchemaValue:
    part = _resolved(part, schema)
    if isinstance(step, int):
        return dict(part.get("items") or {})
    return dict(part.get("properties", {}).get(step) or part.get("additionalProperties") or {})


def _resolved(part: JsonSchemaValue, schema: JsonSchemaValue) -> JsonSchemaValue:
    """The part of a schema behind a reference, or behind "this or null"."""
    for choice in part.get("anyOf", ()):
        if choice.get("type") != "null":
            part = choice
            break
    name = str(part.get("$ref", "")).removeprefix("#/$defs/")
    return dict(schema["$defs"][name]) if name else part
