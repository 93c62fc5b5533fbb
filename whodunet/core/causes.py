"""The taxonomy: what can be wrong, and which fault is which cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import Field

from whodunet.core.strict import Strict
from whodunet.core.symptom import Symptom


class Cause(Strict):
    """One cause: something that a certain party would have to change. A file of `whodunet/causes/`, named after it."""

    name: str
    id: str = Field(pattern=r"^[A-Z]\d\d$", description="the party's letter and a number")
    party: str
    title: str
    looks_like: Symptom
    told_by: str = Field(description="what tells it from causes that look the same")
    fault: Mapping[str, str] = Field(description="facts of the faults that are this cause")

    def is_made_by(self, facts: Mapping[str, str]) -> bool:
        """True when a fault with these facts is this cause."""
        return all(facts.get(key) == value for key, value in self.fault.items())


def cause_of(facts: Mapping[str, str], causes: Iterable[Cause]) -> Cause | None:
    """The cause that a fault with these facts is: the one that asks for the most of them; None when none fits."""
    fitting = [cause for cause in causes if cause.is_made_by(facts)]
    return max(fitting, key=lambda cause: len(cause.fault), default=None)
