"""What a tool handed in: a verdict as graders read it, from the published JSON or by the patterns of a tool file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from whodunet.cases.causes import Cause
from whodunet.cases.fields import refused
from whodunet.diagnosis.verdict import SCHEMA_VERSION, Confidence, HopInterval, Party
from whodunet.evidence.observation import Observation
from whodunet.grading.tool import BOX_GROUP, HOP_GROUP, Tool, VerdictPattern
from whodunet.grading.truth import usual_parties

_CLOCK_STEP_NS: Final = 1_000_000  # two recorders of one interface stamp a packet alike, or nearly


class _Part(BaseModel):
    """A part of the published JSON: keys that grading does not read may be in it."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


class CitedIp(_Part):
    """What a citation says of a packet's IP header."""

    source: str
    destination: str
    ttl: int | None = None
    id: int | None = None


class CitedTcp(_Part):
    """What it says of the TCP header."""

    source_port: int
    destination_port: int
    flags: str
    seq: int | None = None
    ack: int | None = None


class CitedIcmp(_Part):
    """What it says of the ICMP header."""

    type: int
    code: int


class CitedPacket(_Part):
    """One packet, as it was seen at the vantage: what is stated has to be true of one that was captured there."""

    direction: Literal["in", "out"] | None = None
    ip: CitedIp | None = None
    tcp: CitedTcp | None = None
    icmp: CitedIcmp | None = None
    time_ns: int | None = None  # of a packet without IP, as ARP: by nothing else it can be told

    @property
    def is_within(self) -> tuple[int, int] | None:
        """The span of time in which it was seen, where its time alone tells it."""
        if self.ip is not None or self.time_ns is None:
            return None
        return self.time_ns - _CLOCK_STEP_NS, self.time_ns + _CLOCK_STEP_NS


class CitedEvidence(_Part):
    """One fact, with the packets that are to prove it."""

    signal: str = ""
    says: str = ""
    packets: tuple[CitedPacket, ...] = ()


class _Hops(_Part):
    nearest: int = Field(ge=0)
    farthest: int = Field(ge=0)


def _known_version(version: int) -> int:
    if version > SCHEMA_VERSION:
        raise refused(f"is {version}, a later version of the schema", f"write what version {SCHEMA_VERSION} says")
    return version


class Submission(_Part):
    """The verdict on one case; no party, cause or class: the tool cannot tell."""

    parties: frozenset[Party]
    schema_version: Annotated[int, AfterValidator(_known_version)] = SCHEMA_VERSION
    causes: frozenset[str] = frozenset()
    cause_class: str | None = None
    hops: _Hops | None = None
    box: str | None = None
    confidence: Confidence = "medium"
    evidence: tuple[CitedEvidence, ...] = ()

    @property
    def interval(self) -> HopInterval | None:
        """How far away it says that the party is."""
        return HopInterval(self.hops.nearest, self.hops.farthest) if self.hops else None

    @property
    def is_undetermined(self) -> bool:
        """True when it names nobody and nothing."""
        return not (self.parties or self.causes or self.cause_class)


UNDETERMINED: Final = Submission(parties=frozenset(), confidence="low")


@dataclass(frozen=True)
class NoVerdict:
    """A tool that was to print a verdict, and did not."""

    because: str


def read_submission(tool: Tool, observation: Observation, causes: Mapping[str, Cause]) -> Submission | NoVerdict:
    """The verdict of a tool that ran on a client."""
    if observation.failure is not None:
        return NoVerdict(observation.failure)
    if tool.patterns is not None:
        return by_patterns(tool.patterns, observation, causes)
    read = from_json(observation.stdout)
    if isinstance(read, NoVerdict) and observation.exit_status is None:
        return NoVerdict(f"it did not end within {tool.time_limit_s:g} s")
    return read


def from_json(text: str) -> Submission | NoVerdict:
    """The verdict that is published as JSON: all that a program printed, or the last line of it."""
    whole = text.strip()
    last = whole.rpartition("\n")[2]
    try:
        return Submission.model_validate_json(whole)
    except ValidationError as error:
        if last != whole and last.startswith("{"):
            return from_json(last)
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        return NoVerdict(f"it printed no verdict as JSON: {f'{place}: ' if place else ''}{first['msg']}")


def by_patterns(
    patterns: Iterable[VerdictPattern], observation: Observation, causes: Mapping[str, Cause]
) -> Submission:
    """What the first pattern says that fits; undetermined when none does."""
    for pattern in patterns:
        found = re.search(pattern.when, observation.output, re.MULTILINE)
        if found and pattern.exit_status in (None, observation.exit_status):
            return _meant(pattern, found, causes)
    return UNDETERMINED


def _meant(pattern: VerdictPattern, found: re.Match[str], causes: Mapping[str, Cause]) -> Submission:
    groups = found.groupdict()
    hop, box = groups.get(HOP_GROUP), groups.get(BOX_GROUP)
    named = (usual_parties(causes[name]) for name in pattern.causes if name in causes)
    return Submission(
        parties=frozenset(pattern.parties) or frozenset().union(*named),
        causes=frozenset(pattern.causes),
        cause_class=pattern.cause_class,
        hops=_Hops(nearest=int(hop), farthest=int(hop)) if hop and hop.isdecimal() else None,
        box=box,
        confidence=pattern.confidence,
    )
