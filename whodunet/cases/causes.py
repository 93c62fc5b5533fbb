"""The taxonomy: what can be wrong, which fault is which cause, and which causes look the same from the client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

from pydantic import Field

from whodunet.cases.strict import Strict
from whodunet.evidence.symptom import Symptom

FaultFacts: TypeAlias = Mapping[str, str | tuple[str, ...]]
"""Facts that a fault has to have; several values: any of them."""


class Cause(Strict):
    """One cause: something that a certain party would have to change. A file of a folder `causes`, named after it."""

    name: str
    id: str = Field(pattern=r"^[A-Z]\d\d$", description="the party's letter and a number; it never changes")
    party: str = Field(min_length=1, description="who has to change something")
    title: str = Field(min_length=1, description="what is wrong, in one sentence")
    looks_like: Symptom = Field(description="what the user's program shows most often")
    told_by: str = Field(min_length=1, description="what tells it from causes that look the same")
    mechanism: str = Field(default="", description="how it comes about")
    client_sees: str = Field(default="", description="what programs on the client say, and when")
    wire_shows: str = Field(default="", description="what a capture on the client's interface shows")
    elsewhere: str = Field(default="", description="what somebody sees who looks at another place")
    experiment: str = Field(default="", description="what to do that decides it")
    classes: tuple[str, ...] = Field(default=(), description="ids of the classes of causes that it is a member of")
    sources: tuple[str, ...] = Field(default=(), description="RFC and section, man page, vendor's page, or: measured")
    fault: FaultFacts | None = Field(default=None, min_length=1, description="facts of the faults that are this cause")
    not_made: str | None = Field(default=None, min_length=1, description="why no lab shows it, as found by trying")

    def is_made_by(self, facts: Mapping[str, str]) -> bool:
        """True when a fault with these facts is this cause."""
        return self.fault is not None and all(facts.get(key) in _either(self.fault[key]) for key in self.fault)

    def rivals(self, other: Cause) -> bool:
        """True when both ask for as many facts, and one fault may have all of them: nothing would decide."""
        if self.fault is None or other.fault is None or len(self.fault) != len(other.fault):
            return False
        shared = self.fault.keys() & other.fault.keys()
        return all(_either(self.fault[key]) & _either(other.fault[key]) for key in shared)


def _either(values: str | tuple[str, ...]) -> frozenset[str]:
    return frozenset([values] if isinstance(values, str) else values)


class CauseClass(Strict):
    """Causes that nobody can tell apart from the client alone. A file of a folder `cause_classes`, named after it.

    A cause says itself which classes it is a member of, so that adding one changes no other file.
    """

    name: str
    id: str = Field(pattern=r"^E\d{1,2}[a-z]?$", description="it never changes")
    title: str = Field(min_length=1, description="what is seen, whichever member it is")
    honest_answer: str = Field(min_length=1, description="all that may be said from the client alone")
    settled_by: str = Field(min_length=1, description="what would tell the members apart, and from where")


@dataclass(frozen=True)
class Taxonomy:
    """All causes and classes of them, each by its name."""

    causes: Mapping[str, Cause]
    classes: Mapping[str, CauseClass]

    def cause(self, name_or_id: str) -> Cause | None:
        """The cause of this name or id, whatever the id's case; None when there is none."""
        by_id = {cause.id: cause for cause in self.causes.values()}
        return self.causes.get(name_or_id) or by_id.get(name_or_id.upper())

    def cause_class(self, name_or_id: str) -> CauseClass | None:
        """The class of this name or id, whatever the id's case; None when there is none."""
        return next(
            (each for each in self.classes.values() if name_or_id.lower() in (each.name, each.id.lower())), None
        )

    def members(self, of: CauseClass) -> tuple[Cause, ...]:
        """The causes of a class, by their ids."""
        return tuple(cause for cause in self.in_order() if of.id in cause.classes)

    def classes_of(self, cause: Cause) -> tuple[CauseClass, ...]:
        """The classes that a cause is a member of, in the order in which it names them."""
        return tuple(found for each in cause.classes if (found := self.cause_class(each)))

    def in_order(self) -> tuple[Cause, ...]:
        """All causes, by their ids."""
        return tuple(sorted(self.causes.values(), key=lambda cause: cause.id))

    def classes_in_order(self) -> tuple[CauseClass, ...]:
        """All classes, by their ids: E2 before E10, E3 before E3i."""
        return tuple(sorted(self.classes.values(), key=lambda each: (len(each.id.rstrip("abcdefghi")), each.id)))


def causes_of(facts: Mapping[str, str], causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """The causes that a fault with these facts is: of those that fit, the ones that ask for the most.

    None where the taxonomy lacks the cause; several where it does not decide between them.
    """
    fitting = [(len(cause.fault or ()), cause) for cause in causes if cause.is_made_by(facts)]
    most = max((asked for asked, _ in fitting), default=0)
    return tuple(cause for asked, cause in fitting if asked == most)


def rivals(causes: Iterable[Cause]) -> Iterator[tuple[Cause, Cause]]:
    """Every two causes between which nothing would decide."""
    return ((one, other) for one, other in combinations(causes, 2) if one.rivals(other))
