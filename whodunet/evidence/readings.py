"""The symptom of every probe of a run, read once from its words and its packets, for whoever judges or shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from whodunet.evidence.observation import Observation, PhaseName, Run
from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.symptoms import Reading, read_symptom
from whodunet.evidence.topology import Topology
from whodunet.evidence.traffic import Traffic, traffic_of
from whodunet.evidence.trails import packets_of, unread_of

Readings = Mapping[PhaseName, Mapping[str, Reading]]  # by phase and probe


def readings_of(run: Run, packets: Sequence[CapturedPacket], topology: Topology) -> Readings:
    """The symptoms of all probes that were run; by words alone where the capture is not a witness of a probe."""
    return {
        phase.name: {
            probe: reading_of(
                observation,
                () if capture_doubt(observation, run) else packets,
                topology,
                phase.baseline_rtt_ms,
                run.dropped,
            )
            for probe, observation in phase.observations.items()
        }
        for phase in run.phases
    }


def capture_doubt(observation: Observation, run: Run) -> str | None:
    """Why the capture as a whole says nothing about a probe; None when it does."""
    if run.damage:
        return run.damage[0]
    return observation.clock_doubt(run.capture.clock_offset_ns if run.capture else None)


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
        unread = unread_of(observation, packets, own, topology, baseline_rtt_ms)
        lost = {point for point, count in (dropped or {}).items() if count}
        traffic = traffic_of(observation.host, own, topology, lost | {packet.point for packet in unread})
    return read_symptom(observation.command, observation, traffic)
