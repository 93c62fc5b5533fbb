"""What a scenario file's form does not show: names that have to exist, and an answer that follows from the faults.

The checks read the plain content, not the typed file, so that a wrong type in one place hides no wrong name in another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from pydantic import JsonValue

from whodunet.cases.causes import Cause, causes_of
from whodunet.cases.evidence_fields import EvidenceFields
from whodunet.cases.fault import Fault
from whodunet.cases.fields import Part
from whodunet.cases.scenario import EvidenceClaim
from whodunet.errors import Problem
from whodunet.evidence.topology import Topology
from whodunet.loading.cause_files import suggestion
from whodunet.loading.yaml_lines import Document, Path
from whodunet.spelling import did_you_mean

Kind = TypeVar("Kind")
NO_CAUSE: Final = "none"
UNLISTED: Final = "unlisted"  # a cause that the taxonomy lacks, and the file titles itself


class Known(Protocol):
    """What a scenario file may refer to."""

    def topology(self, name: str) -> Topology:
        """The topology of that name."""
        ...

    def topology_as_set_up(self, name: str, changes: Mapping[str, Mapping[str, JsonValue]]) -> Topology:
        """A topology with some keys of its switches' policies replaced."""
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

    def evidence_fields(self) -> EvidenceFields:
        """All that claims about packets can say."""
        ...

    def policy_problems(self, topology: str, switch: str, policy: Mapping[str, JsonValue]) -> list[tuple[str, Problem]]:
        """What a switch's controller has against a policy: the key in it, and the problem."""
        ...


def check(
    document: Document,
    faults: Sequence[Fault | None],
    known: Known,
    is_well_formed: bool,
    is_meant: Callable[[Path], bool],
) -> list[Problem]:
    """Every problem with names, and in a well-formed file also with the answer.

    Args:
        faults: each fault as its kind reads it; None in place of one with problems.
        is_meant: whether what stands at a place is what its writer meant: all that it refers to was found.
    """
    name = _part(document.content, "topology", str)
    if name is None:
        return []
    if name not in known.topology_names():
        fix = did_you_mean(name, known.topology_names())
        return [Problem(document.place(["topology"]), f"is {name}, which does not exist", fix)]
    checks = _Checks(document, faults, known, known.topology(name), is_meant)
    return [*checks.names(), *(checks.answer() if is_well_formed else ())]


def _part(content: JsonValue, key: str, kind: type[Kind]) -> Kind | None:
    """A value of a mapping; None where it is missing or of another kind, which the file's form has told already."""
    value = content.get(key) if isinstance(content, dict) else None
    return value if isinstance(value, kind) else None


def _mapping(content: dict[str, JsonValue], *keys: str) -> dict[str, JsonValue]:
    for key in keys:
        content = _part(content, key, dict) or {}
    return {str(key): value for key, value in content.items()}


class _Checks:
    def __init__(
        self,
        document: Document,
        faults: Sequence[Fault | None],
        known: Known,
        topology: Topology,
        is_meant: Callable[[Path], bool],
    ) -> None:
        self._document, self._faults, self._known, self._topology = document, faults, known, topology
        self._is_meant = is_meant
        self._content = document.content
        nodes = topology.nodes.values()
        self._hosts = [node.name for node in nodes if not node.is_switch]
        self._switches = [node.name for node in nodes if node.is_switch]
        self._points = [*topology.interfaces, *topology.labelled]
        self._probes = _mapping(self._content, "probes")

    def names(self) -> Iterator[Problem]:
        """Every name that does not exist."""
        yield from self._asked()
        yield from self._staging()
        answer = _mapping(self._content, "answer")
        for at, part in self._stated():
            yield from self._claims(part, at)
        if isinstance(repaired := answer.get("repaired"), dict):
            yield from self._claims(repaired, ["answer", "repaired"])

    def _problem(self, path: Path, wrong: str, fix: str) -> Problem:
        return Problem(self._document.place(path), wrong, fix)

    def _must_be_one_of(self, name: JsonValue, known: Collection[str], what: str, path: Path) -> Iterator[Problem]:
        if isinstance(name, str) and known and name not in known:
            where = "this file" if what == "probe" else self._topology.name
            article = "an" if what[0] in "aeiou" else "a"
            wrong = f"is {name}, which is not {article} {what} of {where}"
            yield self._problem(path, wrong, did_you_mean(name, known))

    def _asked(self) -> Iterator[Problem]:
        yield from self._must_be_one_of(self._content.get("vantage"), self._hosts, "host", ["vantage"])
        for name, probe in self._probes.items():
            yield from self._must_be_one_of(_part(probe, "host", str), self._hosts, "host", ["probes", name, "host"])

    def _staging(self) -> Iterator[Problem]:
        """Setup and faults; whether these fit the network is asked once all names exist, in policies that are right."""
        problems = [*self._setup(), *self._fault_names()]
        yield from problems or (self._misfits() if self._is_meant(["setup"]) else ())

    def _setup(self) -> Iterator[Problem]:
        uplinks = self._topology.uplinks
        for host, uplink in _mapping(self._content, "setup", "uplinks").items():
            at = ["setup", "uplinks", host]
            yield from self._must_be_one_of(host, uplinks, "host with uplinks", at)
            if host in uplinks:
                yield from self._must_be_one_of(uplink, uplinks[host], f"uplink of {host}", at)
        services = self._topology.services
        for host, service in _mapping(self._content, "setup", "restart").items():
            at = ["setup", "restart", host]
            yield from self._must_be_one_of(host, services, "host with services", at)
            if host in services:
                yield from self._must_be_one_of(service, services[host], f"service of {host}", at)
        for switch, policy in _mapping(self._content, "setup", "policies").items():
            yield from self._must_be_one_of(switch, self._switches, "switch", ["setup", "policies", switch])
            is_meant = self._is_meant(["setup", "policies", switch])
            if switch in self._switches and isinstance(policy, dict) and is_meant:
                yield from self._policy(switch, policy)

    def _policy(self, switch: str, policy: Mapping[str, JsonValue]) -> Iterator[Problem]:
        at = ["setup", "policies", switch]
        for key, problem in self._known.policy_problems(self._topology.name, switch, policy):
            steps = _steps(key)
            if not policy or not steps or steps[0] in policy or steps[0] not in self._topology.policies[switch]:
                yield self._problem([*at, *steps], problem.wrong, problem.fix)
                continue
            # A key that the file does not have is the topology's, and was right before others were replaced.
            replaced = " and ".join(policy)
            wrong = f"replaces all {replaced} of {self._topology.name}, whose {key} then is wrong: {problem.wrong}"
            fix = f"keep in it what {steps[0]} refers to, or replace {steps[0]} too"
            yield self._problem([*at, next(iter(policy))], wrong, fix)

    def _fault_names(self) -> Iterator[Problem]:
        known: Mapping[Part, list[str]] = {
            "host": self._hosts,
            "switch": self._switches,
            "node": [*self._topology.nodes],
            "interface": self._points,
        }
        for number, fault in enumerate(self._faults):
            for each in fault.names() if fault else ():
                yield from self._must_be_one_of(each.name, known[each.part], each.part, ["faults", number, *each.key])

    def _misfits(self) -> Iterator[Problem]:
        """What could not be injected."""
        topology = self._as_set_up()
        for number, fault in enumerate(self._faults):
            for misfit in fault.misfits(topology) if fault else ():
                yield self._problem(["faults", number, *misfit.key], misfit.wrong, misfit.fix)

    def _as_set_up(self) -> Topology:
        policies = _mapping(self._content, "setup", "policies")
        changes = {switch: policy for switch, policy in policies.items() if isinstance(policy, dict)}
        return self._known.topology_as_set_up(self._topology.name, changes)

    def _claims(self, claims: dict[str, JsonValue], at: list[str | int]) -> Iterator[Problem]:
        symptoms = claims.get("symptoms")
        if isinstance(symptoms, dict):
            yield from self._symptoms(symptoms, [*at, "symptoms"])
        for number, claim in enumerate(_part(claims, "evidence", list) or ()):
            at_probe: Path = [*at, "evidence", number, "probe"]
            yield from self._must_be_one_of(_part(claim, "probe", str), self._probes, "probe", at_probe)
            if isinstance(claim, dict) and not claim.keys() - EvidenceClaim.model_fields.keys():
                says = "says nothing of the packets"
                yield self._problem([*at, "evidence", number], says, "write where they are seen, or take it out")

    def _symptoms(self, symptoms: Mapping[str, JsonValue], at: list[str | int]) -> Iterator[Problem]:
        for probe in symptoms:
            yield from self._must_be_one_of(probe, self._probes, "probe", [*at, probe])
        for probe in self._probes:
            if probe not in symptoms:
                yield self._problem([*at, probe], "is missing", f"state what the probe {probe} shows")

    def answer(self) -> Iterator[Problem]:
        """What in the answer does not follow from the faults: each of several causes from its own, else the first's."""
        stated = self._stated()
        if len(stated) > 1 and len(stated) != len(self._faults):
            wrong = f"makes {len(stated)} causes with the first, and there are {len(self._faults)} faults"
            yield self._problem(["answer", "behind"], wrong, "state one cause for each fault, in their order")
        else:
            faults = [*self._faults, None]
            for (at, part), fault in zip(stated, faults, strict=False):
                yield from self._cause(at, part, fault)
        yield from self._repaired(_mapping(self._content, "answer"))

    def _stated(self) -> list[tuple[list[str | int], dict[str, JsonValue]]]:
        """Where each cause is stated, with what is said of it: in the answer itself, and in what is behind."""
        answer = _mapping(self._content, "answer")
        behind = enumerate(_part(answer, "behind", list) or ())
        later: list[tuple[list[str | int], dict[str, JsonValue]]] = [
            (["answer", "behind", number], each) for number, each in behind if isinstance(each, dict)
        ]
        return [(["answer"], answer), *later]

    def _cause(self, at: list[str | int], part: dict[str, JsonValue], fault: Fault | None) -> Iterator[Problem]:
        cause = _part(part, "cause", str)
        is_known = cause is None or cause in (NO_CAUSE, UNLISTED) or cause in self._known.causes()
        if cause is not None and (is_known or self._lacks_cause(fault)) and self._can_be_staged():
            yield from self._truth(at, cause, _part(part, "culprit", str), fault)
        elif cause is not None and not is_known:
            wrong = f"is {cause}, which is not a cause"
            yield self._problem([*at, "cause"], wrong, did_you_mean(cause, self._known.causes()))
        yield from self._title(at, cause, part)

    def _can_be_staged(self) -> bool:
        return None not in self._faults and self._is_meant(["setup"]) and not any(True for _ in self._staging())

    def _lacks_cause(self, fault: Fault | None) -> bool:
        """True when no cause that is known is the fault: then the one that the file states has to be made."""
        if fault is None or not self._can_be_staged():
            return False
        return not causes_of(fault.facts(self._as_set_up()), self._known.causes().values())

    def _truth(self, at: list[str | int], cause: str, culprit: str | None, fault: Fault | None) -> Iterator[Problem]:
        """Cause and culprit are those of the fault."""
        yield from self._true_cause(at, cause, fault)
        where = fault.culprit() if fault else None
        if culprit != where:
            yield self._is_not([*at, "culprit"], culprit or "not given", where or "none")

    def _true_cause(self, at: list[str | int], cause: str, fault: Fault | None) -> Iterator[Problem]:
        if fault is None:
            if cause != NO_CAUSE:
                yield self._is_not([*at, "cause"], cause, NO_CAUSE)
            return
        facts = fault.facts(self._as_set_up())
        fitting = causes_of(facts, self._known.causes().values())
        if len(fitting) > 1:
            names = " and ".join(each.name for each in fitting)
            wrong = f"cannot be told: the faults are {names} alike"
            yield self._problem([*at, "cause"], wrong, "have one of them ask for one fact more")
        elif not fitting and cause != UNLISTED:
            yield self._lacking(at, cause, facts)
        elif fitting and fitting[0].name != cause:
            yield self._is_not([*at, "cause"], cause, fitting[0].name)

    def _is_not(self, path: Path, says: str, follows: str) -> Problem:
        wrong = f"is {says}, but from the faults follows {follows}"
        return self._problem(path, wrong, "state what the faults make true, or fix the faults")

    def _lacking(self, at: list[str | int], cause: str, facts: Mapping[str, str]) -> Problem:
        told = ", ".join(f"{key} {value}" for key, value in facts.items())
        lines = suggestion(facts, self._known.causes()).replace("\n", "\n    ")
        wrong = f"is {cause}, but the taxonomy lacks the cause of a fault with the facts {told}"
        fix = f"write `cause: {UNLISTED}` and `cause_title`, or causes/NAME.yaml beside this file:\n    {lines}"
        return self._problem([*at, "cause"], wrong, fix)

    def _title(self, at: list[str | int], cause: str | None, part: Mapping[str, JsonValue]) -> Iterator[Problem]:
        path = [*at, "cause_title"]
        if cause == UNLISTED and part.get("cause_title") is None:
            yield self._problem(path, "is missing", "say what is wrong, in one sentence")
        if cause != UNLISTED and part.get("cause_title") is not None:
            yield self._problem(path, "is for a cause that is unlisted", "remove it; the taxonomy has the title")

    def _repaired(self, answer: Mapping[str, JsonValue]) -> Iterator[Problem]:
        is_stated = answer.get("repaired") is not None
        at = ["answer", "repaired"]
        if self._faults and not is_stated:
            yield self._problem(at, "is missing", "state what is seen once the fault is taken out")
        if is_stated and not self._content.get("faults"):
            yield self._problem(at, "has nothing to repair", "add the fault, or remove this key")


def _steps(key: str) -> list[str | int]:
    """The steps of a dotted key: "groups.web.inbound[0]" is groups, web, inbound, 0."""
    parts = key.replace("[", ".[").split(".")
    return [int(part[1:-1]) if re.fullmatch(r"\[[0-9]+\]", part) else part for part in parts if part]
