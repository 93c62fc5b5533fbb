"""As many labs at a time as the machine has room for, the longest first."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.unit.case import scenario, topology
from whodunet.cases.scenario import Claims, SymptomClaim
from whodunet.errors import CannotRun
from whodunet.evidence.symptom import Symptom
from whodunet.scheduling import MOST_PER_CORE, Gate, SideBySide, Task, ThisMachine, expected_s

GIB = 1 << 30
TIMED_OUT = SymptomClaim(symptom=Symptom.TIMED_OUT)
PROBES = scenario().question.probes


@dataclass
class Machine:
    """A machine of two cores that is as idle as a test says."""

    cores: int = 2
    idle: float = 2.0
    available: int = GIB
    looks: int = field(default=0)
    room: int | None = None

    def idle_cores(self) -> float:
        self.looks += 1
        return self.idle

    def available_bytes(self) -> int:
        return self.available

    def labs_with_room(self) -> int | None:
        return self.room


def inside(gate: Gate, wanted: int) -> int:
    """How many of `wanted` get in without anybody leaving."""
    return sum(gate.enter_now() for _ in range(wanted))


@pytest.mark.parametrize(
    ("machine", "count"),
    [
        (Machine(), 2 * MOST_PER_CORE),  # idle: up to the most
        (Machine(idle=0.0), 2),  # busy, whoever it is with: one a core, as many as ever
        (Machine(available=100 << 20), 2),  # no memory for one more
        (Machine(room=7), 7),  # no place for the neighbours of one more
        (Machine(room=1), 2),
    ],
)
def test_as_many_get_in_as_the_machine_has_room_for(machine: Machine, count: int) -> None:
    assert inside(Gate(None, machine), 99) == count


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_number_that_is_asked_for_is_kept_whatever_the_machine_does(jobs: int) -> None:
    assert inside(Gate(jobs, Machine(idle=0.0, available=0)), 5) == jobs


def test_the_next_gets_in_when_one_leaves() -> None:
    gate = Gate(1, Machine())
    gate.enter()
    waiting = threading.Thread(target=gate.enter)
    waiting.start()
    gate.leave()
    waiting.join(10)
    assert not waiting.is_alive()


def test_what_was_idle_before_one_got_in_is_not_given_to_the_next() -> None:
    machine = Machine()
    Gate(None, machine).enter()
    assert machine.looks == 1


def test_whoever_waits_is_turned_away_when_the_gate_is_closed() -> None:
    gate = Gate(1, Machine())
    gate.enter()
    said: list[str] = []

    def wait() -> None:
        with pytest.raises(CannotRun) as refused:
            gate.enter()
        said.append(str(refused.value))

    waiting = threading.Thread(target=wait)
    waiting.start()
    gate.close()
    waiting.join(10)
    assert said == ["interrupted"]


def test_the_longest_begins_first_and_results_keep_their_names() -> None:
    begun: list[str] = []

    def do(name: str) -> str:
        begun.append(name)
        return name.upper()

    lengths = {"short": 1.0, "long": 9.0, "middle": 5.0, "as short": 1.0}
    tasks = {name: Task(lambda name=name: do(name), length) for name, length in lengths.items()}  # type: ignore[misc]
    results = SideBySide(tasks, 1).results
    assert {name: result.result() for name, result in results.items()} == {name: name.upper() for name in lengths}
    assert list(results) == list(lengths)
    assert begun == ["long", "middle", "short", "as short"]


def test_when_it_is_ended_nothing_begins_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []
    may_go_on, has_begun = threading.Event(), threading.Event()

    def end_all() -> None:
        ended.append("all labs")
        may_go_on.set()

    monkeypatch.setattr("whodunet.lab.launching.end_all", end_all)

    def work() -> None:
        has_begun.set()
        may_go_on.wait()

    side_by_side = SideBySide({number: Task(work) for number in range(3)}, 1)
    assert has_begun.wait(10)
    side_by_side.end()
    assert ended == ["all labs"]
    assert [result.done() for result in side_by_side.results.values()] == [True] * 3
    assert [result.cancelled() for result in side_by_side.results.values()] == [False, True, True]


def test_no_lab_of_others_is_ended_when_everything_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whodunet.lab.launching.end_all", lambda: pytest.fail("labs were ended"))
    done = SideBySide({"one": Task(lambda: 1)}, None)
    assert done.results["one"].result() == 1
    done.end()


def test_this_machine_has_no_more_idle_cores_than_cores_and_some_memory() -> None:
    machine = ThisMachine()
    assert 0 <= machine.idle_cores() <= machine.cores
    assert machine.available_bytes() > 1 << 20


def test_ticks_of_all_cores_become_idle_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three quarters of the time of four cores, of which waiting for a disk is idle, too, and steal is not."""
    lines = iter(["cpu  10 0 10 70 10 0 0 0 9 9\ncpu0 ...", "cpu  20 0 20 130 20 0 5 5 9 9\ncpu0 ..."])
    monkeypatch.setattr(Path, "read_text", lambda path, encoding: next(lines))
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 2, 3})
    assert ThisMachine().idle_cores() == pytest.approx(4 * 70 / 100)


def test_a_scenario_takes_longer_with_more_silence_more_probes_and_more_services() -> None:
    plain = scenario()
    network = topology()
    silent = plain.model_copy(
        update={"answer": plain.answer.model_copy(update={"faulty": Claims(symptoms={"ssh": TIMED_OUT})})}
    )
    twice = plain.model_copy(
        update={"question": plain.question.model_copy(update={"probes": {**PROBES, "again": PROBES["ssh"]}})}
    )
    served = replace(network, services={"instance": {"sshd": {}}})
    least = expected_s(plain, network)
    assert min(expected_s(silent, network), expected_s(twice, network), expected_s(plain, served)) > least
