"""What a claim about packets can say: the base of the fields of evidence, and the names that are part of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from whodunet.cases.fields import refused
from whodunet.cases.findings import Finding, Witness
from whodunet.cases.mutation import Mutation
from whodunet.evidence.topology import Topology
from whodunet.spelling import did_you_mean

if TYPE_CHECKING:
    from whodunet.evidence.packets import CapturedPacket


def _name_of(what: str, known: Callable[[Topology], Collection[str]]) -> Callable[[str, ValidationInfo], str]:
    """A check that a name exists in the topology that the file is read with (the validation's context)."""

    def check(name: str, reading: ValidationInfo) -> str:
        topology = reading.context
        if isinstance(topology, Topology) and name not in known(topology):
            article = "an" if what[0] in "aeiou" else "a"
            wrong = f"is {name}, which is not {article} {what} of {topology.name}"
            raise refused(wrong, did_you_mean(name, known(topology)))
        return name

    return check


def _points(topology: Topology) -> Collection[str]:
    """The interfaces, by their names and by their labels, for which the names stand once a file is read."""
    return [*topology.interfaces, *topology.labelled]


CapturePoint = Annotated[str, AfterValidator(_name_of("interface", _points)), Field(description="capture point")]
"""The name of an interface."""


def _not_empty(value: Sized) -> Sized:
    if not value:
        raise refused("is empty", "write at least one")
    return value


NOT_EMPTY = AfterValidator(_not_empty)
"""What a claim about none would say could not fail. (`min_length` counts those that are right.)"""

CapturePoints = Annotated[tuple[CapturePoint, ...], NOT_EMPTY]
"""Names of interfaces, at least one."""

NodeName = Annotated[str, AfterValidator(_name_of("node", lambda topology: topology.nodes))]
"""The name of a node."""


@dataclass(frozen=True)
class Phrase:
    """A part of the sentence that tells what was measured of some packets: "The RST of ssh had TTL 64 at fw-eth0"."""

    predicate: str  # of the packets: "had TTL 64 at client-eth0"
    clause: str | None = None  # the same, behind another part: "its TTL at client-eth0 was 64"; None: joined by "and"


@dataclass(frozen=True)
class Proposal:
    """What could be claimed of some packets, and the stricter claim that has to hold for that in the run at hand."""

    proposed: EvidenceField
    tried: EvidenceField


class EvidenceField(BaseModel):
    """One thing that a claim about packets says: how it is written, judged and told.

    Each is a file of a folder `evidence_fields`, named as the key in scenario files, that has its class as `FIELD`. Its
    value is the model: a `RootModel` beside this class for one value, else the model's own fields.
    """

    model_config = ConfigDict(strict=True, frozen=True, defer_build=True)

    order: ClassVar[int] = 100  # of what one claim says this is told in; of equals, that of their names

    @abstractmethod
    def words(self) -> Iterator[str]:
        """What it claims, as predicates: "is last seen at egress-fw-eth1"."""

    @abstractmethod
    def findings(self, witness: Witness) -> Iterator[Finding]:
        """What came of it, one finding for each thing that it says."""

    def told(self, witness: Witness) -> Iterator[Phrase]:
        """What was measured, for a claim that held; the packets may be none. Nothing, where that tells nobody more."""
        return iter(())

    def mutations(self, witness: Witness, sample: CapturedPacket | None) -> Iterator[Mutation]:
        """Changes to the packets, each of which has to break a claim that says this: their decisive field, by itself.

        Args:
            sample: a packet of their kind, where there is one in the record, also where the probe left none.
        """
        yield from Mutation.none_anywhere(witness)

    @classmethod
    def proposals(cls, witness: Witness) -> Iterator[Proposal]:
        """What could be claimed of some packets (at least one) of a run; whatever is proposed is then judged."""
        return iter(())

    @property
    def as_claimed(self) -> Proposal:
        """A proposal of what has to hold just as it is claimed."""
        return Proposal(self, self)
