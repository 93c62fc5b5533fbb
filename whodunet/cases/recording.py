"""A scenario that was played, with all that it left, judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from whodunet.cases.findings import Outcome, worst
from whodunet.cases.judging import Judgement, judge
from whodunet.cases.scenario import Scenario
from whodunet.evidence.capture import CaptureContent
from whodunet.evidence.capture_summary import damage
from whodunet.evidence.observation import Run
from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.probe_evidence import Evidence, evidence_of
from whodunet.evidence.topology import Topology


@dataclass(frozen=True)
class Recording:
    """A scenario that was played: what was measured, what each probe left, and what came of each claim."""

    scenario: Scenario
    topology: Topology
    run: Run
    evidence: Evidence
    judgements: tuple[Judgement, ...]

    @classmethod
    def judged(cls, scenario: Scenario, topology: Topology, run: Run, packets: Iterable[CapturedPacket]) -> Self:
        """A recording, judged.

        Args:
            packets: the whole capture, of both phases.
        """
        evidence = evidence_of(run, packets, topology)
        return cls(scenario, topology, run, evidence, judge(scenario, run, evidence))

    @classmethod
    def read(cls, scenario: Scenario, topology: Topology, run: Run, capture: CaptureContent) -> Self:
        """The same, of a capture that was read: one that is not what was recorded is told, and proves nothing."""
        run = replace(run, damage=tuple(damage(run.capture, capture.summary(), capture.stopped)))
        return cls.judged(scenario, topology, run, capture.packets)

    @property
    def outcome(self) -> Outcome:
        """The worst outcome of all claims; could-not-measure when there is none."""
        return worst(judgement.outcome for judgement in self.judgements)
