"""Scenario files: YAML in, a scenario or every problem out.

A file is one mapping: what a learner is told (`title`, `story`, `topology`, `vantage`, `probes`), how the lab is put
into that state (`setup`, `faults`), and the truth (`answer`). It is strict: a misspelt key must not turn a check off.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from functools import cache, reduce
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter, WithJsonSchema, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import IntSchema

from whodunet.cases.evidence_fields import EvidenceFields, claim_model
from whodunet.cases.fault import Fault
from whodunet.cases.fields import refused
from whodunet.cases.references import REFERENCE_PATTERN, References
from whodunet.cases.scenario import (
    Answer,
    CauseBehind,
    Claims,
    EvidenceClaim,
    OneFamily,
    Probe,
    Question,
    Scenario,
    Setup,
    Staging,
    SymptomClaim,
)
from whodunet.cases.strict import Strict
from whodunet.errors import InvalidInput, Problem
from whodunet.evidence.observation import REMOVALS
from whodunet.evidence.topology import Topology
from whodunet.loading.former_words import in_present_words
from whodunet.loading.resolution import Resolution
from whodunet.loading.scenario_checks import Known, check
from whodunet.loading.validation import parse
from whodunet.loading.yaml_lines import Document
from whodunet.spelling import did_you_mean

_ANY_FAULT: Final[JsonSchemaValue] = {
    "type": "object",
    "properties": {"kind": {"type": "string"}},
    "required": ["kind"],
}
_BEHIND: Final = (
    "of several faults, the causes of the second and later ones: each with what is seen once those before are out"
)
Part = TypeVar("Part", bound=Strict)


def _version(value: str) -> str:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})*", value):
        raise refused(
            f'is "{value}", which is not a version', 'write numbers with points between them, in quotes: "2.12"'
        )
    return value


class CausePart(Strict):
    """A cause, and what is seen while nothing is in front of it."""

    cause: str = Field(description='name of a cause in the taxonomy, "unlisted", or "none" for a healthy case')
    cause_title: str | None = Field(default=None, min_length=1, description="what is wrong, when the cause is unlisted")
    culprit: str | None = Field(default=None, description='node, or link as "a - b"')
    symptoms: Mapping[str, SymptomClaim] = Field(description="what each probe shows")
    evidence: tuple[EvidenceClaim, ...] = ()


class AnswerPart(CausePart):
    """The key `answer`."""

    behind: tuple[CausePart, ...] = Field(default=(), max_length=len(REMOVALS), description=_BEHIND)
    repaired: Claims | None = None
    twin_of: str | None = Field(default=None, description="scenario that shows the same words, for another cause")
    lesson: str = Field(default="", description="what to take along, told after the verdict")


class ScenarioFile(Strict):
    """The whole file."""

    title: str = Field(min_length=1)
    story: str = Field(min_length=1)
    topology: str
    family: OneFamily | None = Field(default=None, description="for a case about one family; else it is for both")
    vantage: str | None = Field(
        default=None, description="host of the person who asks; the baseline's host if not given"
    )
    requires: Mapping[str, Annotated[str, AfterValidator(_version)]] = Field(
        default_factory=dict, description='program: its oldest version that will do, e.g. aws: "2.12"'
    )
    setup: Setup = Setup()
    faults: tuple[Annotated[Mapping[str, Any], WithJsonSchema(_ANY_FAULT)], ...] = ()
    probes: Mapping[str, Probe] = Field(min_length=1)
    probes_in_order: bool = Field(
        default=False, description="the order of the probes matters; else a seed may draw another one"
    )
    answer: AnswerPart


class NotOverFamily(InvalidInput):
    """A scenario is about the other family of addresses than the one that its probes would go over."""

    def __init__(self, problem: Problem, because: str) -> None:
        super().__init__(problem)
        self.because = because  # what the file says


def read_scenario(text: str, name: str, place: str, known: Known, file: str = "") -> Scenario:
    """Reads a scenario file.

    Args:
        text: its content.
        name: the scenario's name (the file's, without its ending).
        place: the file, as messages name it.
        known: what it may refer to.
        file: the file's path, beside which more of that may lie.

    Raises:
        InvalidInput: with every problem there is, each with file, line, key and fix.
        NotOverFamily: when it is a case about the other family than that of its topology.
    """
    document = Document(text, place)
    document.content = in_present_words(document.content)
    _require_family(document, known)
    resolution = Resolution(document, _references(document, known))
    model = _file_model(known.evidence_fields())
    written, problems = parse(model, document.content, document, names=_topology(document, known))
    is_well_formed = written is not None or parse(model, document.content, document)[0] is not None
    faults, fault_problems = _read_faults(document, known, resolution)
    problems += [*fault_problems, *check(document, faults, known, is_well_formed, resolution.is_meant)]
    problems = [each for each in problems if each.place not in resolution.unresolved] + resolution.problems
    if problems or written is None:
        raise InvalidInput(*sorted(set(problems), key=document.order))
    scenario = _scenario(written, name, tuple(fault for fault in faults if fault), known)
    return scenario.model_copy(update={"source": text, "file": file})


def _require_family(document: Document, known: Known) -> None:
    """Told before anything else: what such a file refers to need not exist in the other family."""
    stated = document.content.get("family")
    limit, _ = parse(OneFamily, stated, document, ["family"]) if stated is not None else (None, [])
    topology = _topology(document, known)
    if limit is not None and topology is not None and topology.family != limit.only:
        wrong = f"holds over {limit.only} only: {limit.because}"
        raise NotOverFamily(Problem(document.place(["family"]), wrong, f"use --family {limit.only}"), limit.because)


def _topology(document: Document, known: Known) -> Topology | None:
    """The file's topology; None when it does not exist, which is told elsewhere."""
    name = document.content.get("topology")
    return known.topology(name) if isinstance(name, str) and name in known.topology_names() else None


def _references(document: Document, known: Known) -> References | None:
    """What the file's topology knows; None when that topology does not exist."""
    topology, setup = _topology(document, known), document.content.get("setup")
    uplinks = setup.get("uplinks") if isinstance(setup, dict) else None
    used = {host: str(way) for host, way in uplinks.items()} if isinstance(uplinks, dict) else {}
    return References(topology, used) if topology is not None else None


def _read_faults(document: Document, known: Known, resolution: Resolution) -> tuple[list[Fault | None], list[Problem]]:
    """Each fault as its kind reads it; None in place of one with problems, and of one that refers to nothing."""
    entries = document.content.get("faults") or []
    if not isinstance(entries, list):
        return [], []
    faults: list[Fault | None] = []
    problems: list[Problem] = []
    for number, entry in enumerate(entries):
        at: list[str | int] = ["faults", number]
        if not resolution.is_meant(at):
            faults.append(None)
            continue
        kind = known.fault_kinds().get(str(entry.get("kind"))) if isinstance(entry, dict) else None
        if kind is None:
            fix = did_you_mean(str(isinstance(entry, dict) and entry.get("kind")), known.fault_kinds())
            problems.append(Problem(document.place([*at, "kind"]), "is not a kind of fault", fix))
            faults.append(None)
            continue
        fault, found = parse(kind, entry, document, at, names=_topology(document, known))
        faults.append(fault)
        problems += found
    return faults, problems


def _scenario(file: ScenarioFile, name: str, faults: tuple[Fault, ...], known: Known) -> Scenario:
    vantage = file.vantage or known.topology(file.topology).baseline[0]
    question = Question(
        name=name,
        title=file.title,
        story=file.story,
        topology=file.topology,
        vantage=vantage,
        probes=file.probes,
        probes_in_order=file.probes_in_order,
        requires=file.requires,
    )
    truth = file.answer
    answer = Answer(
        cause=truth.cause,
        cause_title=truth.cause_title,
        culprit=truth.culprit,
        faulty=_claims(truth),
        behind=tuple(
            CauseBehind(cause=each.cause, cause_title=each.cause_title, culprit=each.culprit, shown=_claims(each))
            for each in truth.behind
        ),
        repaired=truth.repaired,
        twin_of=truth.twin_of,
        lesson=truth.lesson,
    )
    staging = Staging(setup=file.setup, faults=faults)
    return Scenario(question=question, staging=staging, answer=answer, family=file.family)


def _claims(part: CausePart) -> Claims:
    return Claims(symptoms=part.symptoms, evidence=part.evidence)


def _file_model(fields: EvidenceFields) -> type[ScenarioFile]:
    """The form of the file, whose claims about packets can say these things."""
    return _file_model_of(claim_model(fields))


@cache
def _file_model_of(claim: type[EvidenceClaim]) -> type[ScenarioFile]:
    def naming(model: type[Part], **parts: Any) -> type[Part]:
        return create_model(model.__name__, __base__=model, __doc__=model.__doc__, **parts)

    evidence = (tuple[claim, ...], Field(default=(), description="what the packets show"))  # type: ignore[valid-type]
    of_repaired = Field(default=None, description="what is seen once the faults are taken out")
    repaired = naming(Claims, evidence=evidence)
    part = naming(CausePart, evidence=evidence)
    of_behind = Field(default=(), max_length=len(REMOVALS), description=_BEHIND)
    behind = (tuple[part, ...], of_behind)  # type: ignore[valid-type]
    answer = naming(AnswerPart, evidence=evidence, behind=behind, repaired=(repaired | None, of_repaired))
    return naming(ScenarioFile, answer=(answer, ...))


class _Written(GenerateJsonSchema):
    """The schema of what stands in a file: where a number is wanted, a reference to one is as good."""

    def int_schema(self, schema: IntSchema) -> JsonSchemaValue:
        return {"anyOf": [super().int_schema(schema), {"type": "string", "pattern": REFERENCE_PATTERN}]}


def json_schema(known: Known) -> JsonSchemaValue:
    """The JSON Schema of scenario files, for editors."""
    union: Any = Annotated[reduce(operator.or_, known.fault_kinds().values()), Field(discriminator="kind")]
    model = create_model("Scenario", __base__=_file_model(known.evidence_fields()), faults=(tuple[union, ...], ()))
    schema = TypeAdapter(model).json_schema(schema_generator=_Written)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema
