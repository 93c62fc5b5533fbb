"""What was measured: probes' outcomes and packets at capture points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from whodunet.evidence.capture_summary import CaptureSummary
from whodunet.evidence.topology import Family

if TYPE_CHECKING:
    from pydantic import ConfigDict  # a dictionary when it runs

# A recorded run (`cases.record_json`) with a key that nobody knows, or a time that is not a number, is damaged.
STRICT: ConfigDict = {"extra": "forbid", "allow_inf_nan": False}

PhaseName = Literal["faulty", "first removed", "second removed", "third removed", "repaired"]
REMOVALS: Final[tuple[PhaseName, ...]] = ("first removed", "second removed", "third removed")
"""Between the first phase and the last: what is seen once an outer fault is gone, and before the last one is."""

# Two clocks that are read one after the other differ by a moment; time keeping slews the one against the other by up to
# 500 ppm (adjtimex(2)), which is 30 ms a minute.
CLOCK_TOLERANCE_NS = 50_000_000


@dataclass(frozen=True)
class Observation:
    """What came of one probe: one real command run on one host."""

    __pydantic_config__ = STRICT

    probe: str
    host: str
    command: str
    exit_status: int | None  # None: still running at the deadline, then killed
    stdout: str
    stderr: str
    started_ns: int  # CLOCK_REALTIME, the clock of the capture's time stamps
    ended_ns: int
    failure: str | None = None  # why it could not be measured (program missing, host gone ...)
    started_boot_ns: int | None = None  # the same moments by CLOCK_BOOTTIME, which nobody can set
    ended_boot_ns: int | None = None
    waited_ms: float | None = None  # by what carries the packets, for a processor, while it ran; None: not known

    @property
    def duration_ms(self) -> float:
        """Time from start to end of the command."""
        return (self.ended_ns - self.started_ns) / 1e6

    @property
    def output(self) -> str:
        """Both outputs, standard error first: what the person saw."""
        return self.stderr + self.stdout

    def clock_doubt(self, offset_ns: int | None) -> str | None:
        """Why the times of start and end may not be those of the capture; None when a second clock bears them out.

        Args:
            offset_ns: CLOCK_REALTIME minus CLOCK_BOOTTIME as the recorder read them; None: it did not.
        """
        if offset_ns is None or self.started_boot_ns is None or self.ended_boot_ns is None:
            return "no second clock bears out when the probe ran"
        offsets = (self.started_ns - self.started_boot_ns, self.ended_ns - self.ended_boot_ns)
        farthest = max((offset - offset_ns for offset in offsets), key=abs)
        if abs(farthest) <= CLOCK_TOLERANCE_NS:
            return None
        return f"the clock was {farthest / 1e9:+.3f} s off the recorder's while the probe ran"


@dataclass(frozen=True)
class Phase:
    """One state of the lab (with the fault, or with it taken out) and all that was observed in it."""

    __pydantic_config__ = STRICT

    name: PhaseName
    observations: Mapping[str, Observation]  # by probe
    proofs: tuple[str, ...] = ()  # how each fault was seen to be in place (or gone), in the programs' own words
    baseline_rtt_ms: float | None = None  # of the topology's baseline path in this phase; None: not measured
    failure: str | None = None  # why a fault could not be verified
    settled_ns: int | None = None  # CLOCK_REALTIME until which its last packets were left to go on; None: not known
    baseline_waited_ms: float | None = None  # as of an observation, while the baseline was measured


@dataclass(frozen=True)
class Run:
    """A scenario that was run: everything that judging needs besides the capture."""

    __pydantic_config__ = STRICT

    scenario: str
    topology: str
    phases: tuple[Phase, ...]
    links: Mapping[str, str] = field(default_factory=dict)  # "client-eth0 - egress-fw-eth1": "netem 1 ms" ...
    notes: tuple[str, ...] = ()  # restarted controller ...
    versions: Mapping[str, str] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)  # capture point: packets that the recorder lost there
    capture: CaptureSummary | None = None  # what was recorded; None: a record that does not say
    damage: tuple[str, ...] = ()  # how the capture that was read differs from what was recorded
    seed: int | None = None  # that the topology was asked to draw from
    family: Family = "ipv4"  # that the probes went over

    def phase(self, name: PhaseName) -> Phase:
        """The phase of that name.

        Raises:
            KeyError: when the run has no such phase.
        """
        for phase in self.phases:
            if phase.name == name:
                return phase
        raise KeyError(name)
