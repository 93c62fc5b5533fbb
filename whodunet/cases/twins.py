"""Twins: two cases in which the person at the keyboard reads the same words, for another cause.

What that person reads is the first probe of each, the one that the story tells. The other probes and the packets are
there to tell the two apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from whodunet.cases.claims import SaysTheSame
from whodunet.cases.findings import Finding, Outcome
from whodunet.cases.scenario import Probe, Scenario
from whodunet.evidence.symptom import Symptom

if TYPE_CHECKING:
    from whodunet.cases.judging import Judgement
    from whodunet.cases.recording import Recording

# What differs from lab to lab: addresses of IP and of Ethernet, times, ports, counters.
_FIGURES: Final = re.compile(r"(?:[0-9A-Fa-f]*:){2,}[0-9A-Fa-f.]*|[0-9]+(?:[.:][0-9]+)*")


def mismatches(scenario: Scenario, twin: Scenario) -> Iterator[tuple[str, str]]:
    """Why two scenarios cannot be twins: what is wrong with the second, and what fixes it."""
    name, ((_, first), (_, other)) = twin.question.name, (_first_probe(scenario), _first_probe(twin))
    if (first.host, first.command) != (other.host, other.command):
        yield f"is {name}, whose first probe is `{other.command}` on {other.host}", "let both begin with the same probe"
    elif _symptom(scenario) is not _symptom(twin):
        yield f"is {name}, whose first probe shows {_symptom(twin)}", f"name one that shows {_symptom(scenario)}"
    if _truth(scenario) == _truth(twin):
        yield f"is {name}, whose cause and culprit are the same", "name one with another cause or culprit"


def judge_twin(recording: Recording, twin: Recording) -> Judgement:
    """Whether the first probe of two cases, as they were played, said the same but for figures."""
    from whodunet.cases.judging import Judgement  # which reads evidence: to check a file takes none

    name, other = _first_probe(recording.scenario)[0], twin.scenario.question.name
    claim = SaysTheSame(name, other)
    said, others = _said(recording), _said(twin)
    expected = f"the words of {other}" if others is None else f"as in {other}: {others}"
    for words, scenario in ((said, recording.scenario), (others, twin.scenario)):
        if words is None:
            why = f"{scenario.question.name} said nothing to compare"
            return Judgement(claim, (Finding("could-not-measure", expected, why),))
    outcome: Outcome = "held" if said == others else "broken"
    return Judgement(claim, (Finding(outcome, expected, str(said)),))


def _said(recording: Recording) -> str | None:
    """Symptom and words of the first probe, each line once and with its figures left out; None: not measured."""
    name, _ = _first_probe(recording.scenario)
    evidence = recording.evidence.get("faulty", {}).get(name)
    if evidence is None or evidence.reading.symptom is Symptom.COULD_NOT_MEASURE:
        return None
    lines = (_FIGURES.sub("#", line).strip() for line in evidence.observation.output.splitlines())
    return f"{evidence.reading.symptom}: {' / '.join(dict.fromkeys(filter(None, lines)))}"


def _first_probe(scenario: Scenario) -> tuple[str, Probe]:
    return next(iter(scenario.question.probes.items()))


def _symptom(scenario: Scenario) -> Symptom:
    return scenario.answer.faulty.symptoms[_first_probe(scenario)[0]].symptom


def _truth(scenario: Scenario) -> tuple[tuple[str, str | None, str | None], ...]:
    return tuple((each.cause, each.cause_title, each.culprit) for each in scenario.answer.blamed)
