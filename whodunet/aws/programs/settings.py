"""How a program reads its configuration: one JSON file, the whole of it checked before anything starts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

WRONG_USAGE = 2
_PYDANTIC_PREFIX = "Value error, "  # before what our own validators say

Port = Annotated[int, Field(ge=0, le=65535)]
Listen = tuple[str, Port]


class Settings(BaseModel):
    """Base of a program's configuration: a key that nobody reads is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(Settings):
    """Base of a server's configuration."""

    listen: Annotated[tuple[Listen, ...], Field(min_length=1)]  # one of each family, or of one
    # In which a TLS handshake, and then each request, has to come in full; after it the line is cut.
    request_within_s: Annotated[float, Field(gt=0)] = 10


AnySettings = TypeVar("AnySettings", bound=Settings)


def read_settings(model: type[AnySettings], arguments: Sequence[str]) -> AnySettings:
    """The configuration in the file that the command line names; ends the program with one line if it is unusable."""
    if len(arguments) != 1:
        refuse("usage: one argument, the configuration file")
    path = Path(arguments[0])
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        refuse(f"{path}: {error.strerror}")
    except ValidationError as error:
        refuse(f"{path}: {_first_problem(error)}")


def refuse(reason: str) -> NoReturn:
    """Ends the program, with one line that says why it does not start."""
    print(reason, file=sys.stderr)
    raise SystemExit(WRONG_USAGE)


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    key, message = ".".join(map(str, first["loc"])), first["msg"].replace(_PYDANTIC_PREFIX, "")
    return f"{key}: {message}" if key else message
