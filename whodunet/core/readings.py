"""The symptom of every probe of a run, read once from its words and its packets, for whoever judges or shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from whodunet.core.observation import Observation, Phase, PhaseName, Run
from whodunet.core.packets import CapturedPacket
from whodunet.core.symptoms import Reading, read_symptom
from whodunet.core.topology import Topology
from whodunet.core.traffic import Traffic, traffic_of
from whodunet.core.trails import packets_of

Readings = Mapping[PhaseName, Mapping[str, Reading]]  # by phase and probe


def readings_of(run: Run, packets: Sequence[CapturedPacket], topology: Topology) -> Readings:
    """The symptoms of all probes that were run."""
    return {phase.name: _of_phase(phase, run.dropped, packets, topology) for phase in run.phases}


def _of_phase(
    phase: Phase, dropped: Mapping[str, int], packets: Sequence[CapturedPacket], topology: Topology
) -> Mapping[str, Reading]:
    return {
        probe: reading_of(observation, packets, topology, phase.baseline_rtt_ms, dropped)
        for probe, observation in phase.observations.items()
    }


def reading_of(
    observation: Observation,
    packets: Sequence[CapturedPacket],
    topology: Topology,
    baseline_rtt_ms: float | None = None,
    dropped: Mapping[str, int] | None = None,
) -> Reading:
    """The symptom of one probe.

    Args:
        packets: the whole capture; empty when there is none.
        dropped: by capture point, how many packets the recorder lost there.
    """
    traffic: Traffic | None = None
    if packets:
        own = packets_of(observation, packets, topology, baseline_rtt_ms)
        blind = {point for point, lost in (dropped or {}).items() if lost}
        traffic = traffic_of(observation.host, own, topology, blind)
    return read_symptom(observation.command, observation, traffic)
