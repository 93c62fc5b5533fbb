"""Scenario files: YAML in, a scenario or every problem out.

A file is one mapping: what a learner is told (`title`, `story`, `topology`, `vantage`, `probes`), how the lab is put
into that state (`setup`, `faults`), and the truth (`answer`). It is strict: a misspelt key must not turn a check off.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Annotated, Any, Protocol

from pydantic import Field, TypeAdapter, create_model

from whodunet.core.causes import Cause, cause_of
from whodunet.core.errors import InvalidInput, Problem
from whodunet.core.fault import Fault
from whodunet.core.scenario import (
    Answer,
    Claims,
    EvidenceClaim,
    Probe,
    Question,
    Scenario,
    Setup,
    Staging,
    SymptomClaim,
)
from whodunet.core.strict import Strict
from whodunet.core.topology import Topology
from whodunet.loading.validation import did_you_mean, parse
from whodunet.loading.yaml_lines import Document, Path

NO_CAUSE = "none"


class Known(Protocol):
    """What a scenario file may refer to."""

    def topology(self, name: str) -> Topology:
        """The topology of that name."""
        ...

    def topology_names(self) -> list[str]:
        """All topologies."""
        ...

    def causes(self) -> Mapping[str, Cause]:
        """The taxonomy."""
        ...

    def fault_kinds(self) -> Mapping[str, type[Fault]]:
        """All kinds of faults."""
        ...

    def policy_problems(self, topology: str, switch: str, policy: Mapping[str, Any]) -> list[tuple[str, Problem]]:
        """What a switch's controller has against a policy: the key in it, and the problem."""
        ...


class AnswerPart(Strict):
    """The key `answer`."""

    cause: str = Field(description='name of a cause in the taxonomy, or "none" for a healthy case')
    culprit: str | None = Field(default=None, description='node, or link as "a - b"')
    symptoms: Mapping[str, SymptomClaim] = Field(description="what each probe shows")
    evidence: tuple[EvidenceClaim, ...] = Field(default=(), description="what the packets show")
    repaired: Claims | None = Field(default=None, description="what is seen once the faults are taken out")
    lesson: str = Field(default="", description="what to take along, told after the verdict")


class ScenarioFile(Strict):
    """The whole file."""

    title: str = Field(min_length=1)
    story: str = Field(min_length=1)
    topology: str
    vantage: str | None = Field(
        default=None, description="host of the person who asks; the baseline's host if not given"
    )
    setup: Setup = Setup()
    faults: tuple[Mapping[str, Any], ...] = ()
    probes: Mapping[str, Probe] = Field(min_length=1)
    answer: AnswerPart


def read_scenario(text: str, name: str, place: str, known: Known) -> Scenario:
    """Reads a scenario file.

    Args:
        text: its content.
        name: the scenario's name (the file's, without its ending).
        place: the file, as messages name it.
        known: what it may refer to.

    Raises:
        InvalidInput: with every problem there is, each with file, line, key and mend.
    """
    document = Document(text, place)
    file, problems = parse(ScenarioFile, document.content, document)
    faults, fault_problems = _read_faults(document, known)
    problems += fault_problems
    if file is not None:
        problems += _Checks(file, faults, document, known).all()
    if problems or file is None:
        raise InvalidInput(*sorted(set(problems), key=document.order))
    return _scenario(file, text, name, tuple(fault for fault in faults if fault), known)


def _read_faults(document: Document, known: Known) -> tuple[list[Fault | None], list[Problem]]:
    """Each fault as its kind reads it; None in place of one with problems."""
    entries = document.content.get("faults") or []
    if not isinstance(entries, list):
        return [], []
    faults: list[Fault | None] = []
    problems: list[Problem] = []
    for number, entry in enumerate(entries):
        at: list[str | int] = ["faults", number]
        kind = known.fault_kinds().get(str(entry.get("kind"))) if isinstance(entry, dict) else None
        if kind is None:
            mend = did_you_mean(str(isinstance(entry, dict) and entry.get("kind")), known.fault_kinds())
            problems.append(Problem(document.place([*at, "kind"]), "is no kind of fault", mend))
            faults.append(None)
            continue
        fault, found = parse(kind, entry, document, at)
        faults.append(fault)
        problems += found
    return faults, problems


@dataclass
class _Checks:
    """What cannot be seen from the file alone: names that have to exist, and an answer that follows from the faults."""

    file: ScenarioFile
    faults: list[Fault | None]
    document: Document
    known: Known

    def all(self) -> list[Problem]:
        """Every problem with names and with the answer."""
        if self.file.topology not in self.known.topology_names():
            mend = did_you_mean(self.file.topology, self.known.topology_names())
            return [self._problem(["topology"], f"is {self.file.topology}, which does not exist", mend)]
        self.topology = self.known.topology(self.file.topology)
        parts = (self._hosts(), self._setup(), self._fault_names(), self._claims(), self._answer())
        return [problem for part in parts for problem in part]

    def _problem(self, path: Path, wrong: str, mend: str) -> Problem:
        return Problem(self.document.place(path), wrong, mend)

    def _must_be_one_of(self, name: str, known: Any, what: str, path: Path) -> Iterator[Problem]:
        if name not in known:
            where = "this file" if what == "probe" else self.file.topology
            yield self._problem(path, f"is {name}, which is no {what} of {where}", did_you_mean(name, known))

    def _host_names(self) -> list[str]:
        return [node.name for node in self.topology.nodes.values() if not node.is_switch]

    def _switch_names(self) -> list[str]:
        return [node.name for node in self.topology.nodes.values() if node.is_switch]

    def _hosts(self) -> Iterator[Problem]:
        if self.file.vantage is not None:
            yield from self._must_be_one_of(self.file.vantage, self._host_names(), "host", ["vantage"])
        for name, probe in self.file.probes.items():
            yield from self._must_be_one_of(probe.host, self._host_names(), "host", ["probes", name, "host"])

    def _setup(self) -> Iterator[Problem]:
        for host, uplink in self.file.setup.uplinks.items():
            at = ["setup", "uplinks", host]
            yield from self._must_be_one_of(host, self.topology.uplinks, "host with uplinks", at)
            if host in self.topology.uplinks:
                yield from self._must_be_one_of(uplink, self.topology.uplinks[host], f"uplink of {host}", at)
        for switch, policy in self.file.setup.policies.items():
            at = ["setup", "policies", switch]
            yield from self._must_be_one_of(switch, self._switch_names(), "switch", at)
            if switch in self._switch_names():
                for key, problem in self.known.policy_problems(self.file.topology, switch, policy):
                    yield self._problem([*at, *_steps(key)], problem.wrong, problem.mend)

    def _fault_names(self) -> Iterator[Problem]:
        for number, fault in enumerate(self.faults):
            for key, name in fault.names().items() if fault else ():
                names = self._names_for(key)
                yield from self._must_be_one_of(name, names, key, ["faults", number, key])

    def _names_for(self, key: str) -> list[str]:
        known = {"switch": self._switch_names(), "interface": list(self.topology.interfaces)}
        return known.get(key, self._host_names())

    def _claims(self) -> Iterator[Problem]:
        answer = self.file.answer
        yield from self._symptoms(answer.symptoms, ["answer", "symptoms"])
        yield from self._evidence(answer.evidence, ["answer", "evidence"])
        if answer.repaired is not None:
            yield from self._symptoms(answer.repaired.symptoms, ["answer", "repaired", "symptoms"])
            yield from self._evidence(answer.repaired.evidence, ["answer", "repaired", "evidence"])

    def _symptoms(self, symptoms: Mapping[str, SymptomClaim], at: Path) -> Iterator[Problem]:
        for probe in symptoms:
            yield from self._must_be_one_of(probe, self.file.probes, "probe", [*at, probe])
        for probe in self.file.probes:
            if probe not in symptoms:
                yield self._problem([*at, probe], "is missing", f"state what the probe {probe} shows")

    def _evidence(self, evidence: tuple[EvidenceClaim, ...], at: Path) -> Iterator[Problem]:
        for number, claim in enumerate(evidence):
            here = [*at, number]
            yield from self._must_be_one_of(claim.probe, self.file.probes, "probe", [*here, "probe"])
            if claim.sender is not None:
                yield from self._must_be_one_of(claim.sender, self.topology.nodes, "node", [*here, "sender"])
            for path, point in _capture_points(claim):
                yield from self._must_be_one_of(point, self.topology.interfaces, "interface", [*here, *path])

    def _answer(self) -> Iterator[Problem]:
        answer, causes = self.file.answer, self.known.causes()
        if answer.cause != NO_CAUSE and answer.cause not in causes:
            yield self._problem(
                ["answer", "cause"], f"is {answer.cause}, which is no cause", did_you_mean(answer.cause, causes)
            )
        elif None not in self.faults and not any(True for _ in self._fault_names()):
            yield from self._truth()
        if self.faults and answer.repaired is None:
            yield self._problem(["answer", "repaired"], "is missing", "state what is seen once the fault is taken out")
        if not self.faults and answer.repaired is not None:
            yield self._problem(["answer", "repaired"], "has nothing to repair", "add the fault, or remove this key")

    def _truth(self) -> Iterator[Problem]:
        """The cause that the faults are is the one that the answer states."""
        stated = (self.file.answer.cause, self.file.answer.culprit)
        derived = _derived(self.faults, self.topology, self.known.causes())
        for key, says, follows in zip(("cause", "culprit"), stated, derived, strict=True):
            if says != follows:
                said = f"is {says or 'not given'}, but from the faults follows {follows or 'none'}"
                yield self._problem(["answer", key], said, "state what the faults make true, or mend the faults")


def _derived(faults: list[Fault | None], topology: Topology, causes: Mapping[str, Cause]) -> tuple[str, str | None]:
    """Cause and culprit of the first fault, which is the one that the answer names."""
    first = faults[0] if faults else None
    if first is None:
        return NO_CAUSE, None
    cause = cause_of(first.facts(topology), causes.values())
    return (cause.name if cause else "a cause that the taxonomy lacks"), first.culprit()


def _capture_points(claim: EvidenceClaim) -> Iterator[tuple[Path, str]]:
    for key in ("seen_at", "not_seen_at"):
        yield from (((key, number), point) for number, point in enumerate(getattr(claim, key)))
    for key in ("ttl", "at_least"):
        yield from (((key, point), point) for point in getattr(claim, key))
    for key in ("first_seen_at", "last_seen_at"):
        if getattr(claim, key) is not None:
            yield (key,), getattr(claim, key)
    if claim.after is not None:
        yield ("after", "at"), claim.after.at


def _steps(key: str) -> list[str | int]:
    """The steps of a dotted key: "groups.web.inbound[0]" is groups, web, inbound, 0."""
    parts = key.replace("[", ".[").split(".")
    return [int(part[1:-1]) if part.startswith("[") else part for part in parts if part]


def _scenario(file: ScenarioFile, text: str, name: str, faults: tuple[Fault, ...], known: Known) -> Scenario:
    vantage = file.vantage or known.topology(file.topology).baseline[0]
    question = Question(
        name=name, title=file.title, story=file.story, topology=file.topology, vantage=vantage, probes=file.probes
    )
    truth = file.answer
    faulty = Claims(symptoms=truth.symptoms, evidence=truth.evidence)
    answer = Answer(
        cause=truth.cause, culprit=truth.culprit, faulty=faulty, repaired=truth.repaired, lesson=truth.lesson
    )
    return Scenario(question=question, staging=Staging(setup=file.setup, faults=faults), answer=answer, source=text)


def json_schema(fault_kinds: Mapping[str, type[Fault]]) -> dict[str, Any]:
    """The JSON Schema of scenario files, for editors."""
    union: Any = Annotated[reduce(operator.or_, fault_kinds.values()), Field(discriminator="kind")]
    model = create_model("Scenario", __base__=ScenarioFile, faults=(tuple[union, ...], ()))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | TypeAdapter(model).json_schema()
