"""Which cases are graded: drawn from a seed, so that a tool cannot be tuned to them, and each with its twin."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from whodunet.cases.scenario import Scenario
from whodunet.cases.twins import mismatches
from whodunet.evidence.command_line import network_program
from whodunet.evidence.symptom import Symptom
from whodunet.variation import HIGHEST_SEED, Draws


@dataclass(frozen=True)
class Drawn:
    """One case: a scenario, in a network that is drawn from a seed of its own."""

    scenario: str
    seed: int | None  # None: the particulars that the topology states


def drawn(scenarios: Sequence[Scenario], seed: int, count: int) -> tuple[Drawn, ...]:
    """Cases in an order that is drawn, and in networks that are; each scenario once before any comes again.

    Each is followed by a twin in the same network: a case that shows the same words on the screen and has another
    culprit. So whoever goes by the words is wrong in one of the two.

    Args:
        count: how many cases.
    """
    draws, twins = Draws(seed), twins_of(scenarios)
    cases: dict[Drawn, None] = {}
    for turn in itertools.count():
        in_this_turn: set[str] = set()
        for name in draws.in_any_order(f"order {turn}", tuple(twins)):
            if len(cases) >= count:
                return tuple(cases)[:count]
            if name not in in_this_turn:  # else it is there as a twin
                network = draws.number(f"network of {name} {turn}", HIGHEST_SEED + 1)
                pair = [name, *([draws.one_of(f"twin of {name} {turn}", twins[name], "")] if twins[name] else [])]
                cases |= {Drawn(each, network): None for each in pair}
                in_this_turn.update(pair)
    raise AssertionError  # turns have no end


def twins_of(scenarios: Sequence[Scenario]) -> Mapping[str, tuple[str, ...]]:
    """The twins of each scenario among some.

    Those that it names or that name it; else all that begin with the same command; else all that begin with the same
    program. None where no other cause shows such words, as of what works.
    """
    named = {each.question.name: each.answer.twin_of for each in scenarios}
    return {
        each.question.name: tuple(_named_twins(each.question.name, named))
        or tuple(other.question.name for other in scenarios if not any(mismatches(each, other)))
        or tuple(other.question.name for other in scenarios if _look_alike(each, other))
        for each in scenarios
    }


def _named_twins(name: str, twin_of: Mapping[str, str | None]) -> Iterator[str]:
    return (
        other for other, named in twin_of.items() if other != name and (named == name or twin_of.get(name) == other)
    )


def _look_alike(one: Scenario, other: Scenario) -> bool:
    """True when the first probes of two cases run the same program to the same end, for another culprit."""
    return _first_seen(one) == _first_seen(other) and one.answer.culprit != other.answer.culprit


def _first_seen(scenario: Scenario) -> tuple[str, Symptom]:
    name, probe = next(iter(scenario.question.probes.items()))
    program = network_program(probe.command)
    return program.program if program else probe.command, scenario.answer.faulty.symptoms[name].symptom
