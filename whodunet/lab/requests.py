"""All that can be asked of a running lab: each request, with the type of its answer.

`whodunet.lab.running` answers them, `whodunet.lab.client` asks them, and `whodunet.lab.messages` carries them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast, get_args

from whodunet.evidence.topology import Family, Topology
from whodunet.lab.capture import CaptureCounters
from whodunet.lab.messages import FileDescriptor
from whodunet.lab.processes import Finished
from whodunet.variation import Variation

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

AnswerT = TypeVar("AnswerT", bound="DataclassInstance")
JsonMapping = Mapping[str, object]  # such as a policy, or the settings of a service


# Answers.


@dataclass(frozen=True)
class Fulfilled:
    """What was asked is done."""


@dataclass(frozen=True)
class RequestRefused:
    """What was asked is not possible, or nothing that can be asked."""

    reason: str


@dataclass(frozen=True)
class LabStatus:
    """What a lab says of itself."""

    name: str
    scenario: str
    topology: str
    seed: int | None
    family: Family
    places: Sequence[str]  # the folders beside the project's own that it was made from
    hosts: Sequence[str]
    switches: Sequence[str]
    uplinks: Mapping[str, str]  # host: the way out that it uses
    services: Mapping[str, Mapping[str, str]]  # host, service: running, stopped or replaced
    links: Mapping[str, str]  # cable: what it does to packets, and by which means
    notes: Sequence[str]  # what happened to the lab since its start
    lost: Sequence[str]  # what of it has ended without being asked to
    up_s: float

    @property
    def variation(self) -> Variation:
        """In which its topology was built."""
        return Variation(self.seed, self.family)


@dataclass(frozen=True)
class OpenFile:
    """A file, open for reading."""

    content: FileDescriptor


@dataclass(frozen=True)
class Texts:
    """Texts by name."""

    by_name: Mapping[str, str]


@dataclass(frozen=True)
class PolicyInForce:
    """What a switch's controller carries out."""

    config: JsonMapping


@dataclass(frozen=True)
class FlowsConfirmed:
    """A switch has confirmed the flow entries of its policy."""

    entries: int


@dataclass(frozen=True)
class FlowEntries:
    """The flow table of a switch as it reports it, without counters: one entry a line."""

    text: str


@dataclass(frozen=True)
class ServiceState:
    """How a service of a host runs."""

    is_running: bool  # its own program, and not one in its place
    settings: JsonMapping
    process: int | None  # the id, on the host, of what was last started as the service or in its place


@dataclass(frozen=True)
class RoundTrips:
    """Round trips of the baseline path; none when it did not answer."""

    times_ms: Sequence[float]


@dataclass(frozen=True)
class CaptureSoFar:
    """The capture file, which is still being written, and what the recorder says of it up to now."""

    content: FileDescriptor
    counters: CaptureCounters


@dataclass(frozen=True)
class Note:
    """What the lab was told to remember; None where it was told nothing."""

    value: JsonMapping | None


@dataclass(frozen=True)
class Attached:
    """A program runs; the ends of its terminal, or of its standard input, output and error."""

    ends: Sequence[FileDescriptor]


# Requests.


@dataclass(frozen=True)
class LabRequest(Generic[AnswerT]):
    """What a lab can be asked to do, and what it answers when it has done so."""

    @classmethod
    def answer_type(cls) -> type[AnswerT]:
        """The type of the answer."""
        found: type[AnswerT] = get_args(cls.__orig_bases__[0])[0]  # type: ignore[attr-defined]
        return found


@dataclass(frozen=True)
class TellStatus(LabRequest[LabStatus]):
    """What the lab is."""


@dataclass(frozen=True)
class TellTopology(LabRequest[Topology]):
    """The topology that it was made from."""


@dataclass(frozen=True)
class Execute(LabRequest[Finished]):
    """Runs a shell command on a host as its root; kills it at the deadline."""

    host: str
    command: str
    deadline_s: float
    stdin: str = ""


@dataclass(frozen=True)
class BindPath(LabRequest[Fulfilled]):
    """Shows a folder or file of a host in place of another one."""

    host: str
    source: str
    target: str


@dataclass(frozen=True)
class UnbindPath(LabRequest[Fulfilled]):
    """Takes away what `BindPath` has put there last."""

    host: str
    target: str


@dataclass(frozen=True)
class WriteFile(LabRequest[Fulfilled]):
    """Writes a file of a host; into one called `name` where the path is a folder."""

    host: str
    path: str
    name: str
    mode: int
    content: FileDescriptor


@dataclass(frozen=True)
class ReadFile(LabRequest[OpenFile]):
    """A file of a host."""

    host: str
    path: str


@dataclass(frozen=True)
class TellPolicy(LabRequest[PolicyInForce]):
    """The policy of a switch."""

    switch: str


@dataclass(frozen=True)
class SetPolicy(LabRequest[FlowsConfirmed]):
    """Replaces the policy of a switch."""

    switch: str
    config: JsonMapping


@dataclass(frozen=True)
class TellFlowEntries(LabRequest[FlowEntries]):
    """The flow table of a switch."""

    switch: str


@dataclass(frozen=True)
class TellFlowTables(LabRequest[Texts]):
    """The flow table of every switch, with its counters."""


@dataclass(frozen=True)
class SetUplink(LabRequest[Fulfilled]):
    """Has a host use one of its ways out."""

    host: str
    uplink: str


@dataclass(frozen=True)
class StartService(LabRequest[Fulfilled]):
    """Starts a service, in place of whatever stands in for it; answered when it accepts."""

    host: str
    service: str


@dataclass(frozen=True)
class StopService(LabRequest[Fulfilled]):
    """Stops a service; answered when it is gone."""

    host: str
    service: str


@dataclass(frozen=True)
class AddService(LabRequest[Fulfilled]):
    """Gives a host a further service; answered when it accepts."""

    host: str
    service: str
    settings: JsonMapping


@dataclass(frozen=True)
class RemoveService(LabRequest[Fulfilled]):
    """Takes a service away; answered when it is gone."""

    host: str
    service: str


@dataclass(frozen=True)
class ConfigureService(LabRequest[Fulfilled]):
    """Starts a service again with other settings; answered when it accepts."""

    host: str
    service: str
    settings: JsonMapping


@dataclass(frozen=True)
class ReplaceService(LabRequest[Fulfilled]):
    """Runs another program in place of a service; answered when it accepts."""

    host: str
    service: str
    command: str


@dataclass(frozen=True)
class TellService(LabRequest[ServiceState]):
    """How a service runs."""

    host: str
    service: str


@dataclass(frozen=True)
class MeasureBaseline(LabRequest[RoundTrips]):
    """Pings along the topology's baseline path."""

    count: int = 5


@dataclass(frozen=True)
class TellCapture(LabRequest[CaptureSoFar]):
    """What was recorded up to now."""


@dataclass(frozen=True)
class TellLogs(LabRequest[Texts]):
    """What the programs of the lab wrote, by log."""


@dataclass(frozen=True)
class TellRecords(LabRequest[Texts]):
    """What the services of the lab have recorded for those outside, by path: audit trail, transcripts."""


@dataclass(frozen=True)
class Remember(LabRequest[Fulfilled]):
    """Keeps a note for commands that come later, such as what was there before a fault; None forgets it."""

    key: str
    value: JsonMapping | None


@dataclass(frozen=True)
class Recall(LabRequest[Note]):
    """The note that was kept."""

    key: str


@dataclass(frozen=True)
class Attach(LabRequest[Attached]):
    """Starts a program on a host for a user outside; `ForwardSignal` may follow, and `Exited` comes in the end."""

    host: str
    command: Sequence[str]
    term: str = "dumb"
    rows: int = 0  # of a terminal of the host that it gets; 0: pipes instead
    columns: int = 0


@dataclass(frozen=True)
class Stop(LabRequest[Fulfilled]):
    """Ends the lab."""


REQUESTS: Final = cast("Sequence[type[LabRequest[DataclassInstance]]]", LabRequest.__subclasses__())


# What is said about an attached program.


@dataclass(frozen=True)
class ForwardSignal:
    """Signals the attached program."""

    number: int


@dataclass(frozen=True)
class Exited:
    """The attached program has ended."""

    status: int  # its exit status, or the negative number of the signal that ended it
