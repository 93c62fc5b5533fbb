"""A story's headings, and its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from whodunet.evidence.observation import REMOVALS, PhaseName
from whodunet.evidence.topology import Family
from whodunet.view.models.story import (
    AnswerAtHost,
    Beginning,
    FaultSeen,
    HopByHop,
    Judged,
    Lesson,
    NoWitness,
    OnceRepaired,
    OtherProbes,
    Section,
    UserSaw,
    Verdict,
)
from whodunet.view.words.probes import outcome

_HEADINGS: Final[Mapping[type[Section], str]] = {
    UserSaw: "What the user saw",
    NoWitness: "The capture is not a witness",
    OtherProbes: "The other probes",
    FaultSeen: "The fault, in the lab's own words",
    Verdict: "Verdict",
    Lesson: "Lesson",
}


def heading(section: Section) -> str:
    """What a section is about; it gives away no more than the sections before it have."""
    match section:
        case Beginning(name, title):
            named = " ".join(filter(None, (name, _particulars(section.seed, section.family))))
            return f"{named}: {title}" if named else title
        case AnswerAtHost(host):
            return f"The answer, as {host} sees it"
        case HopByHop(probe, seen):
            return f"The packets of {probe}, hop by hop ({outcome(seen)})"
        case OnceRepaired(phase=phase, is_one_of_several=is_one_of_several):
            out = taken_out(phase, is_one_of_several=is_one_of_several)
            return f"{out[0].upper()}{out[1:]}"
        case Judged(are_all=are_all):
            return "What was claimed" if are_all else "Claims that did not hold"
    return _HEADINGS[type(section)]


def _particulars(seed: int | None, family: Family) -> str:
    """What to run it with to have the same again; empty where that is nothing."""
    options = ([f"--seed {seed}"] if seed is not None else []) + (["--family ipv6"] if family == "ipv6" else [])
    return f"({' '.join(options)})" if options else ""


def taken_out(phase: PhaseName, *, is_one_of_several: bool) -> str:
    """What has been changed since the first phase: "once the first fault is taken out"."""
    if phase in REMOVALS:
        return f"once the {phase.removesuffix(' removed')} fault is taken out"
    return "once every fault is taken out" if is_one_of_several else "once the fault is taken out"


def who_did_it(verdict: Verdict) -> str:
    """The cause, and where it lies; of several the outermost first."""
    return " Behind it: ".join(
        f"{each.cause}{f', at {each.culprit}' if each.culprit else ''}." for each in verdict.blamed
    )


def how_far_proven(verdict: Verdict) -> str:
    """How many claims held, and what that means for the verdict."""
    claims = verdict.held + verdict.broken + verdict.not_measured
    held = f"{verdict.held} of {claims} claims held"
    if verdict.broken:
        return f"Not borne out: {held}, {verdict.broken} are broken."
    if verdict.not_measured:
        return f"Not proven: {held}, {verdict.not_measured} could not be measured."
    return f"{held}."
