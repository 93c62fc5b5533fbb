"""What pydantic finds wrong in a file, in the lab's one form: place, what is wrong, what fixes it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import ErrorDetails

from whodunet.cases.fields import REFUSED
from whodunet.errors import Problem
from whodunet.evidence.topology import Topology
from whodunet.loading.forms import form_of, part_at
from whodunet.loading.yaml_lines import Document, Path
from whodunet.spelling import did_you_mean

_OF_A_KEY = "[key]"  # how pydantic ends the location of what is wrong with a mapping's key itself
_NOTHING: Final = ("none", "no", "nothing", "null")  # as people write that there is none of something
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
        mistakes = (_Mistake(error, model, document, at, names) for error in errors.errors())
        return None, [mistake.problem() for mistake in mistakes]


@dataclass(frozen=True)
class _Mistake:
    """One thing that pydantic has against a part of a document."""

    error: ErrorDetails
    model: type[BaseModel]
    document: Document
    at: Path  # of the part
    names: Topology | None

    @property
    def path(self) -> Path:
        """Where in the document it is."""
        is_key = self.error["loc"][-1:] == (_OF_A_KEY,)
        return [*self.at, *(self.error["loc"][:-1] if is_key else self.error["loc"])]

    @property
    def value(self) -> JsonValue:
        """What stands there, as its writer wrote it."""
        written, read = self.document.written(self.path), self.error["input"]
        return read if written is None or isinstance(read, dict | list) else written

    @property
    def said(self) -> str:
        """That something else should stand there than what does."""
        return f"is {json.dumps(self.value, ensure_ascii=False)[:60]}"

    @property
    def wanted(self) -> JsonSchemaValue:
        """The schema of what may stand there."""
        return part_at(self.error["loc"], self.model.model_json_schema())

    def problem(self) -> Problem:
        """It in words."""
        wrong, fix = _DESCRIPTIONS.get(self.error["type"], _plain)(self)
        return Problem(self.document.place(self.path), wrong, fix)


def _plain(mistake: _Mistake) -> tuple[str, str]:
    message = mistake.error["msg"]
    return mistake.said, message[0].lower() + message[1:]


def _unknown_key(mistake: _Mistake) -> tuple[str, str]:
    *above, key = mistake.error["loc"]
    beside = part_at(above, mistake.model.model_json_schema()).get("properties", {})
    return "unknown key", did_you_mean(str(key), beside, "remove it")


def _missing(mistake: _Mistake) -> tuple[str, str]:
    return "is missing", "add it"


def _wrong_choice(mistake: _Mistake) -> tuple[str, str]:
    return mistake.said, f"use one of: {mistake.error['ctx']['expected']}"


def _too_short(mistake: _Mistake) -> tuple[str, str]:
    return "is empty", "write at least one"


def _refused(mistake: _Mistake) -> tuple[str, str]:
    return mistake.error["ctx"]["wrong"], mistake.error["ctx"]["fix"]


def _no_list(mistake: _Mistake) -> tuple[str, str]:
    is_mapping = isinstance(mistake.value, dict)
    return mistake.said, "write a list, with `- ` before each" if is_mapping else _in_its_form(mistake)


def _no_mapping(mistake: _Mistake) -> tuple[str, str]:
    is_list = isinstance(mistake.value, list)
    return mistake.said, "write `key: value` pairs, without `- `" if is_list else _in_its_form(mistake)


def _in_its_form(mistake: _Mistake) -> str:
    """How what was written goes into the list or mapping that has to stand there."""
    form = f"write {form_of(mistake.value, mistake.wanted, mistake.model.model_json_schema())}"
    return f"take it out, or {form}" if mistake.value in _NOTHING else form


def _no_number(mistake: _Mistake) -> tuple[str, str]:
    text = str(mistake.value)
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return mistake.said, f"write {text} without quotes"
    nodes = mistake.names.nodes.values() if mistake.names else ()
    served = [f'"{{{node.name}.port.{text}}}"' for node in nodes if text in node.ports]
    return mistake.said, " or ".join(["write a number", *served])


def _no_text(mistake: _Mistake) -> tuple[str, str]:
    is_scalar = isinstance(mistake.value, int | float)
    return mistake.said, f'write it in quotes: "{json.dumps(mistake.value)}"' if is_scalar else "write a text"


def _no_boolean(mistake: _Mistake) -> tuple[str, str]:
    return mistake.said, "write true or false, without quotes"


def _bound(words: str, key: str) -> Callable[[_Mistake], tuple[str, str]]:
    return lambda mistake: (mistake.said, f"write {words} {mistake.error['ctx'][key]:g}")


_DESCRIPTIONS: Final[Mapping[str, Callable[[_Mistake], tuple[str, str]]]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing,
    "enum": _wrong_choice,
    "literal_error": _wrong_choice,
    REFUSED: _refused,
    "too_short": _too_short,
    "list_type": _no_list,
    "tuple_type": _no_list,
    "dict_type": _no_mapping,
    "model_type": _no_mapping,
    "int_type": _no_number,
    "float_type": _no_number,
    "string_type": _no_text,
    "bool_type": _no_boolean,
    "greater_than": _bound("more than", "gt"),
    "greater_than_equal": _bound("at least", "ge"),
    "less_than": _bound("less than", "lt"),
    "less_than_equal": _bound("at most", "le"),
}
