"""The taxonomy: what can be wrong, and which fault is which cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from pydantic import Field

from whodunet.cases.strict import Strict
from whodunet.evidence.symptom import Symptom


class Cause(Strict):
    """One cause: something that a certain party would have to change. A file of a folder `causes`, named after it."""

    name: str
    id: str = Field(pattern=r"^[A-Z]\d\d$", description="the party's letter and a number")
    party: str = Field(min_length=1)
    title: str = Field(min_length=1)
    looks_like: Symptom
    told_by: str = Field(min_length=1, description="what tells it from causes that look the same")
    fault: Mapping[str, str | tuple[str, ...]] = Field(
        min_length=1, description="facts of the faults that are this cause; several values: any of them"
    )

    def is_made_by(self, facts: Mapping[str, str]) -> bool:
        """True when a fault with these facts is this cause."""
        return all(facts.get(key) in self._values(key) for key in self.fault)

    def rivals(self, other: Cause) -> bool:
        """True when both ask for as many facts, and one fault may have all of them: nothing would decide."""
        shared = self.fault.keys() & other.fault.keys()
        return len(self.fault) == len(other.fault) and all(self._values(key) & other._values(key) for key in shared)

    def _values(self, key: str) -> frozenset[str]:
        values = self.fault[key]
        return frozenset([values] if isinstance(values, str) else values)


def causes_of(facts: Mapping[str, str], causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """The causes that a fault with these facts is: of those that fit, the ones that ask for the most.

    None where the taxonomy lacks the cause; several where it does not decide between them.
    """
    fitting = [cause for cause in causes if cause.is_made_by(facts)]
    most = max((len(cause.fault) for cause in fitting), default=0)
    return tuple(cause for cause in fitting if len(cause.fault) == most)


def rivals(causes: Iterable[Cause]) -> Iterator[tuple[Cause, Cause]]:
    """Every two causes between which nothing would decide."""
    return ((one, other) for one, other in combinations(causes, 2) if one.rivals(other))
