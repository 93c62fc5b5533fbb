"""Everything that the folders hold, loaded by name: topologies, policies, causes, fault kinds, scenarios."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from whodunet import catalogue, faults
from whodunet.cases.causes import Cause, Taxonomy
from whodunet.cases.evidence_fields import EvidenceFields
from whodunet.cases.fault import Fault
from whodunet.cases.record_json import from_json, to_json
from whodunet.cases.scenario import Blame, Scenario
from whodunet.cases.twins import mismatches
from whodunet.catalogue import Catalogue
from whodunet.errors import InvalidInput, Problem
from whodunet.evidence.topology import Topology
from whodunet.loading.cause_files import read_taxonomy
from whodunet.loading.evidence_field_files import read_evidence_fields
from whodunet.loading.learning import learn
from whodunet.loading.scenario_checks import NO_CAUSE
from whodunet.loading.scenario_file import NotOverFamily, read_scenario
from whodunet.loading.topology_checks import require_sound
from whodunet.loading.yaml_lines import Document, read_file, shown
from whodunet.spelling import did_you_mean
from whodunet.variation import AS_STATED, Variation

if TYPE_CHECKING:
    from whodunet.lab_topo import LabTopo


class Library:
    """What scenario files may refer to: the project's own, and what lies in the catalogue's other places."""

    def __init__(
        self, places: Catalogue | None = None, variation: Variation = AS_STATED, recorded: Topology | None = None
    ) -> None:
        """A library of what a catalogue finds, of the process's own if none is given; its networks in a variation.

        Args:
            recorded: a topology as a record has it, in place of that of its name.
        """
        self.catalogue = catalogue.given() if places is None else places
        self.variation = variation
        self._recorded = recorded
        learn(self.catalogue)

    @cache  # noqa: B019 - a library lives as long as the process
    def at(self, places: Catalogue, variation: Variation | None = None) -> Library:
        """The library of another catalogue or variation; by default in this one."""
        variation = variation or self.variation
        if (places, variation) == (self.catalogue, self.variation):
            return self
        other = Library(places, variation, self._recorded)
        if places == other.catalogue == self.catalogue:  # what was read of it is the same for every network
            other.taxonomy, other._fault_kinds, other._evidence_fields = (
                self.taxonomy,
                self._fault_kinds,
                self._evidence_fields,
            )
        return other

    def of(self, scenario: Scenario) -> Library:
        """The library of a scenario: with what lies beside its file."""
        return self.at(self.catalogue.beside(Path(scenario.file))) if scenario.file else self

    def topology_names(self) -> list[str]:
        """All topologies."""
        recorded = {self._recorded.name} if self._recorded else set()
        return sorted({*self.catalogue.files("topologies", ".py"), *recorded})

    def topology_file(self, name: str) -> Path:
        """The file of a topology.

        Raises:
            InvalidInput: when there is none.
        """
        known = self.catalogue.files("topologies", ".py")
        if name not in known:
            raise InvalidInput(Problem(name, "is not a topology", did_you_mean(name, known)))
        return known[name]

    @cache  # noqa: B019
    def topo(self, name: str) -> LabTopo:
        """The Mininet topology of that name.

        Raises:
            InvalidInput: when there is none, or its file does not make one.
        """
        from whodunet.lab_topo import build, describe  # Mininet, which a topology as it was recorded does without

        file = self.topology_file(name)
        try:
            made = build(catalogue.attribute(file, "topos")[name], self.variation)
            described = describe(name, made, self.variation.family)
            as_kept = from_json(Topology, to_json(described), str(file), "fix the file; see docs/scenarios.md")
        except InvalidInput:
            raise
        except (Exception, SystemExit) as error:  # whatever somebody's file does
            wrong = f"makes no topology {name}: {type(error).__name__}: {error}"
            raise InvalidInput(Problem(str(file), wrong, "fix the file; see docs/scenarios.md")) from error
        require_sound(as_kept, str(file))
        return made

    def topology(self, name: str) -> Topology:
        """The topology of that name."""
        if self._recorded is not None and name == self._recorded.name:
            return self._recorded
        from whodunet.lab_topo import describe

        return describe(name, self.topo(name), self.variation.family)

    def unused_seed(self, topology: Topology) -> Iterator[str]:
        """That a seed was given to a topology that draws nothing, where that is so."""
        if topology.seed != self.variation.seed:
            yield f"--seed {self.variation.seed} changes nothing: the topology {topology.name} draws nothing from it"

    def topology_as_set_up(self, name: str, changes: Mapping[str, Mapping[str, JsonValue]]) -> Topology:
        """A topology with some keys of its switches' policies replaced."""
        topology = self.topology(name)
        policies = {switch: {**policy, **changes.get(switch, {})} for switch, policy in topology.policies.items()}
        return replace(topology, policies=policies)

    def causes(self) -> Mapping[str, Cause]:
        """All causes of the taxonomy."""
        return self.taxonomy.causes

    @cached_property
    def taxonomy(self) -> Taxonomy:
        """All causes, and the classes of those that look the same from the client."""
        return read_taxonomy(self.catalogue.files("causes", ".yaml"), self.catalogue.files("cause_classes", ".yaml"))

    def cause_titles(self, scenario: Scenario) -> tuple[str, ...]:
        """What is wrong in a scenario, in the taxonomy's words or in its own; of several causes the outermost first."""
        return tuple(map(self._title, scenario.answer.blamed))

    def _title(self, blame: Blame) -> str:
        if blame.cause_title is not None:
            return blame.cause_title
        return "Nothing is wrong" if blame.cause == NO_CAUSE else self.causes()[blame.cause].title

    def fault_kinds(self) -> Mapping[str, type[Fault]]:
        """All kinds of faults."""
        return self._fault_kinds

    @cached_property
    def _fault_kinds(self) -> Mapping[str, type[Fault]]:
        return faults.kinds(self.catalogue)

    def evidence_fields(self) -> EvidenceFields:
        """All that claims about packets can say."""
        return self._evidence_fields

    @cached_property
    def _evidence_fields(self) -> EvidenceFields:
        return read_evidence_fields(self.catalogue.files("evidence_fields", ".py"))

    def standing_policy(self, topology: str, switch: str, changes: Mapping[str, object]) -> dict[str, object]:
        """A topology's own policy of a switch, with some of its keys replaced."""
        return dict(self.topology(topology).policies[switch]) | dict(changes)

    def policy_problems(self, topology: str, switch: str, policy: Mapping[str, JsonValue]) -> list[tuple[str, Problem]]:
        """What a switch's controller has against a policy: the key in it, and the problem."""
        whole = self.standing_policy(topology, switch, policy)
        try:
            self.catalogue.read_policy(whole, self.topology(topology), switch)
        except InvalidInput as error:
            return [(problem.place.removeprefix(f"{switch}:").strip(), problem) for problem in error.problems]
        return []

    def scenario(self, path: Path, name: str | None = None) -> Scenario:
        """The scenario of a file; its name is the file's, if none is given.

        Args:
            name: of a copy of the file, as records keep one; its twin need not be there any more.

        Raises:
            InvalidInput: with every problem of the file.
        """
        scenario = self._read(path, name)
        if name is None:
            self.twin(scenario)
        return scenario

    @cache  # noqa: B019
    def _read(self, path: Path, name: str | None = None) -> Scenario:
        text = read_file(path)
        library = self.at(self.catalogue.beside(path))
        return read_scenario(text, name or path.stem, shown(path), library, file=str(path.resolve()))

    def twin(self, scenario: Scenario) -> Scenario | None:
        """The scenario that another one names as its twin: a file beside it, or one of the library.

        None without one, and where that one is about the other family of addresses.

        Raises:
            InvalidInput: when it does not exist, cannot be read or cannot be its twin.
        """
        name = scenario.answer.twin_of
        if name is None:
            return None
        own = Path(scenario.file)
        place = Document(scenario.source, shown(own)).place(["answer", "twin_of"])
        known = {
            **self.catalogue.files("scenarios", ".yaml"),
            **{each.stem: each for each in own.parent.glob("*.yaml")},
        }
        if name not in known:
            raise InvalidInput(Problem(place, f"is {name}, which is not a scenario", did_you_mean(name, known)))
        try:
            twin = self._read(known[name])
        except NotOverFamily:
            return None
        if wrong := [Problem(place, *each) for each in mismatches(scenario, twin)]:
            raise InvalidInput(*wrong)
        return twin


def find_scenario(name: str) -> Path:
    """The file of a scenario, by its name or its path.

    Raises:
        InvalidInput: when there is none.
    """
    if name.endswith((".yaml", ".yml")) or "/" in name:
        path = Path(name)
        if not path.exists():
            raise InvalidInput(Problem(name, "does not exist", "name a scenario (`whodunet list`) or an existing file"))
        return path
    known = catalogue.given().files("scenarios", ".yaml")
    if name not in known:
        raise InvalidInput(Problem(name, "is not a scenario", did_you_mean(name, known, listed_by="whodunet list")))
    return known[name]


def scenario_names() -> list[str]:
    """All scenarios that come with the lab, and those of the folders that this process was given."""
    return sorted(catalogue.given().files("scenarios", ".yaml"))
