"""A cause and a class of causes, in words: what is told of each, with its label."""

from __future__ import annotations

from collections.abc import Iterator

from whodunet.cases.causes import Cause, CauseClass, FaultFacts
from whodunet.view.models.causes import CauseEntry, ClassEntry

NOT_YET = "no scenario yet"


def named(entry: Cause | CauseClass) -> str:
    """How it is cited: "F01 egress-reset"."""
    return f"{entry.id} {entry.name}"


def described(cause: Cause) -> Iterator[tuple[str, str]]:
    """What its entry says, each with its label; nothing of what it does not say."""
    said = (
        ("party", cause.party),
        ("usual symptom", str(cause.looks_like)),
        ("mechanism", cause.mechanism),
        ("client sees", cause.client_sees),
        ("wire shows", cause.wire_shows),
        ("elsewhere", cause.elsewhere),
        ("told by", cause.told_by),
        ("experiment", cause.experiment),
    )
    return ((label, text) for label, text in said if text)


def more_of(entry: CauseEntry) -> Iterator[tuple[str, str]]:
    """What else is known of it, each with its label."""
    yield "scenarios", shown_by(entry)
    if entry.cause.fault is not None:
        yield "made by", made_by(entry.cause.fault)
    if entry.cause.sources:
        yield "sources", "; ".join(entry.cause.sources)


def shown_by(entry: CauseEntry) -> str:
    """The scenarios that show it, or why there is none."""
    if entry.cause.not_made is not None:
        return f"none: {entry.cause.not_made}"
    return ", ".join(entry.scenarios) or NOT_YET


def made_by(facts: FaultFacts) -> str:
    """The facts of the faults that are a cause."""
    either = {key: values if isinstance(values, str) else " or ".join(values) for key, values in facts.items()}
    return ", ".join(f"{key} {values}" for key, values in either.items())


def answered(entry: ClassEntry) -> Iterator[tuple[str, str]]:
    """What may be said of a class, each with its label."""
    yield "members", ", ".join(map(named, entry.members)) or "none"
    yield "honest answer", entry.cause_class.honest_answer
    yield "settled by", entry.cause_class.settled_by
