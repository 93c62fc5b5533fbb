"""The seam between cases and networks: all that the engine ever asks of a lab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from whodunet.cases.fault import Completed, Fault
from whodunet.cases.scenario import Probe
from whodunet.evidence.observation import Observation


@dataclass(frozen=True)
class Capture:
    """A capture file that is still being written, and what the recorder says of it up to now."""

    path: Path
    dropped: Mapping[str, int]  # capture point: packets that the recorder had to leave out
    frames: Mapping[str, int]  # capture point: frames in the file
    size_bytes: int  # of the file; what comes after was recorded later
    time_ns: int  # CLOCK_REALTIME, as the recorder read it then
    clock_offset_ns: int  # CLOCK_REALTIME minus CLOCK_BOOTTIME
    waited_ns: int | None = None  # by what carries its packets, for a processor, up to then; None: not known


class LabState(Protocol):
    """What became of a lab up to now."""

    @property
    def links(self) -> Mapping[str, str]:
        """By cable: what it does to packets, and by which means."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What happened to it that a record has to tell."""
        ...

    @property
    def lost(self) -> Sequence[str]:
        """What of it has ended without being asked to: it is not the network any more that the case is about."""
        ...


class Lab(Protocol):
    """A network in which a case can be played; raises CannotRun when it cannot do what is asked."""

    def inject(self, fault: Fault) -> str:
        """Puts a fault in and returns the proof that it is there.

        Raises:
            FaultNotInPlace: when it cannot be seen afterwards.
        """
        ...

    def remove(self, fault: Fault) -> str:
        """Takes a fault out and returns the proof that it is gone.

        Raises:
            FaultNotInPlace: when it can still be seen.
        """
        ...

    def restart_service(self, node: str, service: str) -> None:
        """Starts a service again, as a reboot would; returns when it is ready."""
        ...

    def baseline_rtt_ms(self) -> float | None:
        """Least round trip, out of a few, of the topology's baseline path now; None when it could not be measured."""
        ...

    def probe(self, name: str, probe: Probe) -> Observation:
        """Runs one real command on one host."""
        ...

    def execute(self, node: str, command: str) -> Completed:
        """Runs a shell command on a node as its root."""
        ...

    def capture(self) -> AbstractContextManager[Capture]:
        """Everything recorded so far as one pcapng file, readable inside the `with`."""
        ...

    def status(self) -> LabState:
        """What became of it."""
        ...

    def flow_tables(self) -> Mapping[str, str]:
        """The flow table of each switch, with its counters."""
        ...

    def logs(self) -> Mapping[str, str]:
        """What its programs wrote, by file name."""
        ...
