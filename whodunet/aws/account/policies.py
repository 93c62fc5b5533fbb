"""IAM policy documents and what follows from them for one request.

Source: IAM User Guide, "IAM JSON policy reference" and "Policy evaluation logic".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_pascal

from whodunet.aws.account.conditions import Context, holds
from whodunet.aws.account.patterns import matches, matches_action


class MalformedPolicy(ValueError):
    """The document is not a policy; the message names the key and what is wrong with it."""


class Verdict(Enum):
    """What the policies say together."""

    ALLOWED = "allowed"
    NOT_ALLOWED = "no statement allows it"
    DENIED = "a statement denies it"


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """What somebody wants to do: `ssm:StartSession` on one resource, under these circumstances."""

    action: str
    resource: str
    context: Context = field(default_factory=dict)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str | bool | int) else value


def _as_text(value: object) -> object:
    listed = _listed(value)
    if not isinstance(listed, list):
        return listed
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in listed]


def _everybody(value: object) -> object:
    return {"*": ["*"]} if value == "*" else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Values = Annotated[tuple[str, ...], BeforeValidator(_as_text)]
Principals = Annotated[dict[str, Texts], BeforeValidator(_everybody)]


class Statement(BaseModel):
    """One statement of a policy; whichever of its elements is absent does not narrow it."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_pascal)

    effect: Literal["Allow", "Deny"]
    sid: str = ""
    action: Texts | None = None
    not_action: Texts | None = None
    resource: Texts | None = None
    not_resource: Texts | None = None
    principal: Principals | None = None
    condition: dict[str, dict[str, Values]] = {}

    @model_validator(mode="after")
    def _one_of_each(self) -> Statement:
        if (self.action is None) == (self.not_action is None):
            raise ValueError("a statement has either Action or NotAction")
        if self.resource is not None and self.not_resource is not None:
            raise ValueError("a statement has not both Resource and NotResource")
        return self

    def applies(self, request: AccessRequest) -> bool:
        """Whether the statement is about the request.

        A condition that cannot be understood never widens what is allowed: for Allow it does not hold, for Deny it
        does.
        """
        return (
            self._covers_action(request)
            and self._covers_resource(request)
            and all(self._condition_holds(operator, keys, request) for operator, keys in self.condition.items())
        )

    def names(self, principals: Iterable[str]) -> bool:
        """Whether the statement's principal, which only trust policies have, is one of these."""
        named = {name for names in (self.principal or {}).values() for name in names}
        return not named.isdisjoint(principals)

    def _covers_action(self, request: AccessRequest) -> bool:
        if self.action is not None:
            return any(matches_action(pattern, request.action) for pattern in self.action)
        return not any(matches_action(pattern, request.action) for pattern in self.not_action or ())

    def _covers_resource(self, request: AccessRequest) -> bool:
        if self.resource is not None:
            return any(matches(pattern, request.resource, request.context) for pattern in self.resource)
        return not any(matches(pattern, request.resource, request.context) for pattern in self.not_resource or ())

    def _condition_holds(self, operator: str, keys: Mapping[str, Sequence[str]], request: AccessRequest) -> bool:
        unknown = self.effect == "Deny"
        return all(holds(operator, key, values, request.context, unknown=unknown) for key, values in keys.items())


class IamPolicy(BaseModel):
    """One policy document."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_pascal)

    version: Literal["2012-10-17", "2008-10-17"] = "2008-10-17"
    id: str = ""
    statement: Annotated[
        tuple[Statement, ...], BeforeValidator(lambda value: [value] if isinstance(value, dict) else value)
    ]

    @classmethod
    def from_document(cls, document: object) -> IamPolicy:
        """Reads a document; raises MalformedPolicy with the first key that is wrong."""
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            raise MalformedPolicy(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def evaluate(policies: Iterable[IamPolicy], request: AccessRequest) -> Verdict:
    """What the policies say: an explicit deny wins, and without an allow there is none."""
    return _verdict(statement for policy in policies for statement in policy.statement if statement.applies(request))


def evaluate_trust(policy: IamPolicy, principals: Iterable[str], request: AccessRequest) -> Verdict:
    """What a role's trust policy says to a caller who goes by these names; its resource is the role itself."""
    named = set(principals)
    return _verdict(it for it in policy.statement if it.names(named) and it.applies(request))


def _verdict(applicable: Iterable[Statement]) -> Verdict:
    effects = {statement.effect for statement in applicable}
    if "Deny" in effects:
        return Verdict.DENIED
    return Verdict.ALLOWED if "Allow" in effects else Verdict.NOT_ALLOWED
