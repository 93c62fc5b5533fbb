"""What there is to tell of a cause: its entry, those that look the same, and the scenarios that show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from whodunet.cases.causes import Cause, CauseClass, Taxonomy


@dataclass(frozen=True)
class ClassEntry:
    """A class with its members."""

    cause_class: CauseClass
    members: tuple[Cause, ...]


@dataclass(frozen=True)
class CauseEntry:
    """A cause with all that follows from other files."""

    cause: Cause
    alike: tuple[ClassEntry, ...]  # the classes that it is a member of
    scenarios: tuple[str, ...]  # that show it


@dataclass(frozen=True)
class Party:
    """What one party would have to change."""

    name: str
    entries: tuple[CauseEntry, ...]


def entries_of(taxonomy: Taxonomy, scenarios: Mapping[str, tuple[str, ...]]) -> tuple[CauseEntry, ...]:
    """Every cause of a taxonomy, by its id.

    Args:
        scenarios: those that show a cause, by its name.
    """
    classes = {each.cause_class: each for each in class_entries_of(taxonomy)}
    return tuple(
        CauseEntry(cause, tuple(classes[each] for each in taxonomy.classes_of(cause)), scenarios.get(cause.name, ()))
        for cause in taxonomy.in_order()
    )


def class_entries_of(taxonomy: Taxonomy) -> tuple[ClassEntry, ...]:
    """Every class of a taxonomy, by its id's number."""
    return tuple(ClassEntry(each, taxonomy.members(each)) for each in taxonomy.classes_in_order())


def by_party(entries: Iterable[CauseEntry]) -> tuple[Party, ...]:
    """The entries of each party; parties in the order in which they come first."""
    parties: dict[str, list[CauseEntry]] = {}
    for entry in entries:
        parties.setdefault(entry.cause.party, []).append(entry)
    return tuple(Party(name, tuple(those)) for name, those in parties.items())
