"""The engine plays a scenario in whatever is a lab: here in one that says again what a recorded one said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from whodunet.cases.fault import Completed, Fault, FaultNotInPlace
from whodunet.cases.lab import Capture
from whodunet.cases.recording import Recording
from whodunet.cases.scenario import Probe
from whodunet.engine import play_in
from whodunet.errors import CannotRun
from whodunet.evidence.observation import Observation, Phase
from whodunet.loading.library import Library
from whodunet.records import CAPTURE_FILE
from whodunet.replay import read_record

DATA = Path(__file__).parent / "data"


@dataclass
class RecordedLab:
    """Says what the lab of a record said; `did` is all that was done to it."""

    folder: Path
    recording: Recording
    notes: Sequence[str] = ()
    lost: Sequence[str] = ()
    is_seen: bool = True  # whether a fault can be seen in place
    did: list[str] = field(default_factory=list)
    phase: Phase = field(init=False)

    def __post_init__(self) -> None:
        self.links = self.recording.run.links
        self.phase = self.recording.run.phases[0]

    def inject(self, fault: Fault) -> str:
        self.did.append(f"inject {fault.kind}")
        if not self.is_seen:
            raise FaultNotInPlace(f"{fault.kind} cannot be seen")
        return self.phase.proofs[sum(each.startswith("inject") for each in self.did) - 1]

    def remove(self, fault: Fault) -> str:
        self.did.append(f"remove {fault.kind}")
        phases = self.recording.run.phases
        self.phase = phases[phases.index(self.phase) + 1]
        return self.phase.proofs[0]

    def restart_service(self, node: str, service: str) -> None:
        self.did.append(f"restart {service} on {node}")

    def baseline_rtt_ms(self) -> float | None:
        return self.phase.baseline_rtt_ms

    def probe(self, name: str, probe: Probe) -> Observation:
        self.did.append(name)
        return self.phase.observations[name]

    def execute(self, node: str, command: str) -> Completed:
        return Completed(0, "\n".join(self.recording.run.versions.values()), "")

    @contextmanager
    def capture(self) -> Iterator[Capture]:
        path, run = self.folder / CAPTURE_FILE, self.recording.run
        assert run.capture is not None
        assert run.capture.clock_offset_ns is not None
        yield Capture(
            path,
            run.dropped,
            run.capture.frames,
            path.stat().st_size,
            self.phase.settled_ns or 0,
            run.capture.clock_offset_ns,
        )

    def status(self) -> RecordedLab:
        return self

    def flow_tables(self) -> dict[str, str]:
        return {"egress-fw": "priority=0 actions=NORMAL\n"}

    def logs(self) -> dict[str, str]:
        return {"instance-sshd.log": "Server listening on 0.0.0.0 port 22.\n"}


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """All packets have arrived already."""
    monkeypatch.setattr("time.sleep", lambda time_s: None)


@pytest.fixture(scope="module")
def library() -> Library:
    """What the records refer to."""
    return Library()


def lab_of(name: str, library: Library) -> RecordedLab:
    return RecordedLab(DATA / name, read_record(DATA / name, library))


def play(lab: RecordedLab, library: Library, keep: Path | None = None) -> Recording:
    return play_in(lab, lab.recording.scenario, library, lambda text: None, keep)


@pytest.mark.parametrize("name", ["vpn-egress-reset", "sshd-down", "security-group-drop", "reset-before-empty-group"])
def test_a_played_scenario_is_judged_as_its_record_is(name: str, library: Library, tmp_path: Path) -> None:
    lab = lab_of(name, library)

    played = play(lab, library, tmp_path)

    assert played.outcome == "held"
    assert played.run == lab.recording.run
    assert played.judgements == lab.recording.judgements
    assert read_record(tmp_path, library).judgements == played.judgements
    assert (tmp_path / "flows-egress-fw.txt").read_text() == "priority=0 actions=NORMAL\n"
    assert (tmp_path / "logs" / "instance-sshd.log").read_text().startswith("Server listening")


def test_each_probe_runs_with_the_fault_in_place_and_again_once_it_is_out(library: Library) -> None:
    lab = lab_of("sshd-down", library)
    play(lab, library)
    probes = list(lab.recording.scenario.question.probes)
    assert lab.did == ["inject service", *probes, "remove service", *probes]


def test_of_several_causes_each_is_taken_out_in_turn_and_the_probes_run_after_each(library: Library) -> None:
    lab = lab_of("reset-before-empty-group", library)
    played = play(lab, library)
    probes = list(lab.recording.scenario.question.probes)
    assert lab.did[:2] == ["inject firewall-rule", "inject security-group-inbound"]
    assert lab.did[2:] == [
        *probes, "remove firewall-rule", *probes, "remove security-group-inbound", *probes
    ]  # fmt: skip
    assert [phase.name for phase in played.run.phases] == ["faulty", "first removed", "repaired"]


def test_a_fault_that_cannot_be_seen_is_measured_no_further(library: Library) -> None:
    lab = lab_of("sshd-down", library)
    lab.is_seen = False
    played = play(lab, library)
    assert lab.did == ["inject service"]
    assert [phase.failure for phase in played.run.phases] == ["service cannot be seen"]
    assert played.outcome == "broken"


def test_a_lab_that_has_lost_a_part_is_not_judged(library: Library) -> None:
    lab = lab_of("sshd-down", library)
    lab.lost = ["instance-sshd was killed by signal 9"]
    with pytest.raises(CannotRun, match=r"^instance-sshd was killed by signal 9: the lab was not what .* is about$"):
        play(lab, library)


def test_what_happened_to_a_lab_is_told_in_the_run(library: Library) -> None:
    lab = lab_of("sshd-down", library)
    lab.notes = ["controller was killed by signal 9; started again"]
    assert play(lab, library).run.notes == ("controller was killed by signal 9; started again",)
