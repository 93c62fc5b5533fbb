"""Several labs at a time: as many as this machine has room for at each moment, those that take longest first."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from whodunet.cases.scenario import Claims, Scenario
from whodunet.errors import CannotRun
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.topology import Topology
from whodunet.lab.neighbours import labs_with_room

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")

MOST_PER_CORE: Final = 12  # labs mostly wait: so many keep a core busy for as long as the longest of them takes
_IDLE_CORES: Final = 0.25  # what has to be left over for one lab more
_FREE_BYTES: Final = 1 << 30  # has to be there for one lab more: those that were let in just before it still grow
_LOOK_S: Final = 0.2  # often enough, and long enough for the kernel's ticks of 10 ms to tell something

# What a scenario takes, roughly: for the order alone.
_START_S: Final = 1.5
_SERVICE_S: Final = 0.3
_PROBE_S: Final = 0.5
_WAIT_S: Final = 4.0  # the patience that people give a command, where silence is the symptom
_CLOUD_COMMAND_S: Final = 2.5  # the AWS CLI's own start, and its calls
_SILENT: Final = frozenset({Symptom.TIMED_OUT, Symptom.STALLED, Symptom.NO_RESOLVER, Symptom.NOT_CONNECTED})


class Machine(Protocol):
    """What is asked of a machine before another lab is brought up on it."""

    cores: int

    def idle_cores(self) -> float:
        """Cores that had nothing to do since this was asked last."""

    def available_bytes(self) -> int:
        """Memory that a new program can have."""

    def labs_with_room(self) -> int | None:
        """How many labs its kernel's tables have room for; None where nobody knows."""


class ThisMachine:
    """The machine that this process runs on. Source: proc(5), /proc/stat and /proc/meminfo."""

    def __init__(self) -> None:
        self.cores = len(os.sched_getaffinity(0))
        self._before = self._ticks()

    def idle_cores(self) -> float:
        """Cores that had nothing to do since this was asked last; 0 when no time has passed."""
        (idle_before, all_before), now = self._before, self._ticks()
        self._before = now
        passed = now[1] - all_before
        return self.cores * (now[0] - idle_before) / passed if passed > 0 else 0.0

    def _ticks(self) -> tuple[int, int]:
        """Ticks that all cores together were idle, and all ticks, since the machine was started."""
        user, nice, system, idle, iowait, *others = map(
            int, Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0].split()[1:9]
        )
        return idle + iowait, user + nice + system + idle + iowait + sum(others)

    def available_bytes(self) -> int:
        """Memory that a new program can have without swapping."""
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))

    def labs_with_room(self) -> int | None:
        """By its tables of neighbours, which all labs share."""
        return labs_with_room()


class Gate:
    """Lets labs in: as many as are asked for, or else as many as there is room for.

    One for each core always gets in. Each further one waits until the processors had some time to spare, whoever uses
    them, and there is memory for it: on an idle machine that is soon, on a busy one it never is.
    """

    def __init__(self, jobs: int | None, machine: Machine | None = None) -> None:
        """`jobs`: how many labs at a time; None: as many as there is room for."""
        self._machine = machine or ThisMachine()
        self._least = jobs or self._machine.cores
        most = MOST_PER_CORE * self._machine.cores
        self._most = jobs or max(self._least, min(most, self._machine.labs_with_room() or most))
        self._inside = 0
        self._is_closed = False
        self._turn = threading.Lock()
        self._changed = threading.Condition()

    @property
    def most(self) -> int:
        """How many there can be inside at most."""
        return self._most

    def enter(self) -> None:
        """Returns when one more may begin; those that ask wait for each other.

        Raises:
            CannotRun: when the gate was closed.
        """
        with self._turn, self._changed:
            while not self.enter_now():
                self._changed.wait(_LOOK_S)

    def enter_now(self) -> bool:
        """True when one more may begin, and does.

        Raises:
            CannotRun: when the gate was closed.
        """
        with self._changed:
            if self._is_closed:
                raise CannotRun("interrupted")
            if not self._has_room():
                return False
            self._inside += 1
            self._machine.idle_cores()  # what was spare up to now is this one's
            return True

    def leave(self) -> None:
        """One has ended."""
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def close(self) -> None:
        """Lets nobody in any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _has_room(self) -> bool:
        if self._inside < self._least:
            return True
        if self._inside >= self._most or self._machine.available_bytes() < _FREE_BYTES:
            return False
        return self._machine.idle_cores() >= _IDLE_CORES


@dataclass(frozen=True)
class Task(Generic[Result]):
    """Something that is done in a lab."""

    run: Callable[[], Result]
    expected_s: float = 0.0


class SideBySide(Generic[Key, Result]):
    """Tasks that are done in threads, the longest first; those of equal length in the order in which they are given."""

    def __init__(self, tasks: Mapping[Key, Task[Result]], jobs: int | None) -> None:
        """Begins with them.

        Args:
            jobs: how many at a time; None: as many as there is room for.
        """
        self._gate = Gate(jobs)
        self._threads = ThreadPoolExecutor(min(self._gate.most, max(len(tasks), 1)))
        longest_first = sorted(tasks, key=lambda key: -tasks[key].expected_s)
        begun = {key: self._threads.submit(self._run, tasks[key]) for key in longest_first}
        self.results: Mapping[Key, Future[Result]] = {key: begun[key] for key in tasks}

    def _run(self, task: Task[Result]) -> Result:
        self._gate.enter()
        try:
            return task.run()
        finally:
            self._gate.leave()

    def finished(self) -> Iterator[tuple[Key, Future[Result]]]:
        """Each task with its result, as soon as that is there."""
        names = {result: key for key, result in self.results.items()}
        return ((names[result], result) for result in as_completed(names))

    def end(self) -> None:
        """Begins with nothing more; and where something is still being done, ends every lab of this process.

        Returns when nothing is done any more.
        """
        from whodunet.lab.launching import end_all

        self._gate.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        if not all(result.done() for result in self.results.values()):
            end_all()
        self._threads.shutdown()


def expected_s(scenario: Scenario, topology: Topology) -> float:
    """How long a play of a scenario takes, roughly; the same for the same scenario."""
    services = sum(map(len, topology.services.values()))
    return (
        _START_S + _SERVICE_S * services + sum(_phase_s(scenario, claims) for claims in scenario.answer.phases.values())
    )


def _phase_s(scenario: Scenario, claims: Claims) -> float:
    """In each phase all probes are run; where nothing answers them, they wait as long as they have patience."""
    probes = scenario.question.probes
    silent = {name for name, claim in claims.symptoms.items() if claim.symptom in _SILENT}
    return sum(
        _PROBE_S
        + (min(_WAIT_S, probe.deadline_s) if name in silent else 0)
        + (_CLOUD_COMMAND_S if "aws " in probe.command else 0)
        for name, probe in probes.items()
    )
