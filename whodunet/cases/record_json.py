"""Runs and topologies as JSON, as records keep them to be judged again."""

from __future__ import annotations

from typing import TypeVar

import pydantic_core
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from whodunet.errors import InvalidInput, Problem
from whodunet.evidence.observation import Run
from whodunet.evidence.topology import Topology

Kept = TypeVar("Kept", Run, Topology)


def to_json(kept: Run | Topology) -> str:
    """A run or a topology as JSON; `from_json` gives an equal one."""
    return pydantic_core.to_json(kept, indent=1).decode() + "\n"


def from_json(kind: type[Kept], text: str | bytes, place: str, fix: str = "run the scenario again") -> Kept:
    """The run or the topology that was kept.

    Args:
        place: where it is from, as messages name it.
        fix: what would make a good one.

    Raises:
        InvalidInput: for anything that is not a complete one, every problem at once, each with its key.
    """
    try:
        return TypeAdapter(kind).validate_json(text, strict=True)
    except ValidationError as error:
        raise InvalidInput(*(_problem(place, detail, fix) for detail in error.errors())) from error


def _problem(place: str, detail: ErrorDetails, fix: str) -> Problem:
    key = ".".join(str(part) for part in detail["loc"])
    return Problem(f"{place}: {key}" if key else place, detail["msg"], fix)
