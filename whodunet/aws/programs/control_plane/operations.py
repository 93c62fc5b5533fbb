"""What an API's operation is made of: the request that it reads, the permissions that it needs, and its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_pascal

from whodunet.aws.account.account import Account
from whodunet.aws.account.patterns import Context
from whodunet.aws.programs.control_plane.api_errors import VALIDATION, ApiError
from whodunet.aws.programs.control_plane.authentication import Caller
from whodunet.aws.programs.control_plane.gate import Permission, Visit

Answer = dict[str, object]


class Request(BaseModel):
    """The parameters of an operation: PascalCase keys, unknown ones ignored, as newer programs send more."""

    model_config = ConfigDict(frozen=True, alias_generator=to_pascal, populate_by_name=True)

    read_only: ClassVar[bool] = True
    hidden: ClassVar[frozenset[str]] = frozenset()  # parameters that the audit trail keeps to itself

    @classmethod
    def read(cls, parameters: Mapping[str, object]) -> Self:
        """Reads the parameters; raises ApiError with all that is wrong with them."""
        try:
            return cls.model_validate(parameters)
        except ValidationError as error:
            raise ApiError(VALIDATION, _problems(error)) from error

    def permissions(self, account: Account) -> Iterable[Permission]:
        """What the caller has to be allowed; nothing, unless an operation says otherwise."""
        return ()


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls, and how the call came."""

    caller: Caller
    visit: Visit
    abandoned: Callable[[], Awaitable[None]]  # returns when the caller has hung up


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; its functions get an instance of `request`.

    Args:
        tags: what conditions of policies can ask about the resource, beside what the account knows of it.
    """

    request: type[Request]
    answer: Callable[[Any, Call], Awaitable[Answer]]
    tags: Callable[[Any], Context] = lambda _: {}


Operations = Mapping[str, Operation]


def _problems(error: ValidationError) -> str:
    """In the words of AWS's own validation."""
    details = error.errors()
    found = "; ".join(_problem(detail["loc"], detail["type"], detail["msg"], detail["input"]) for detail in details)
    plural = "s" if len(details) > 1 else ""
    return f"{len(details)} validation error{plural} detected: {found}"


def _problem(location: tuple[int | str, ...], kind: str, message: str, value: object) -> str:
    key = ".".join(str(part)[:1].lower() + str(part)[1:] for part in location)
    if kind == "missing":
        return f"Value null at '{key}' failed to satisfy constraint: Member must not be null"
    return f"Value '{str(value)[:100]}' at '{key}' failed to satisfy constraint: {message}"
