"""A run as JSON, so that it can be kept in a run folder as `run.json` and judged again."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from whodunet.errors import InvalidInput, Problem
from whodunet.evidence.observation import Run

_RUN = TypeAdapter(Run)


def to_json(run: Run) -> str:
    """The run as JSON; `from_json` gives an equal one."""
    return _RUN.dump_json(run, indent=1).decode() + "\n"


def from_json(text: str | bytes, place: str = "run.json") -> Run:
    """The run that was kept.

    Raises:
        InvalidInput: for anything that is not a complete run, every problem at once, each with its key.
    """
    try:
        return _RUN.validate_json(text, strict=True)
    except ValidationError as error:
        raise InvalidInput(*(_problem(place, detail) for detail in error.errors())) from error


def _problem(place: str, detail: ErrorDetails) -> Problem:
    key = ".".join(str(part) for part in detail["loc"])
    return Problem(f"{place}: {key}" if key else place, detail["msg"], "run the scenario again")
