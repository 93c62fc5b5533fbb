"""Evidence that a run bears out, as claims that its scenario could make.

A claim is proposed for each kind of packet that a probe's own conversations had, and holds in this run because it was
judged. Left out is what differs from run to run: data, the end of connections, and ARP that was answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from whodunet.cases.judging import judge
from whodunet.cases.scenario import AnswerTime, Claims, EvidenceClaim, Scenario
from whodunet.evidence.observation import Observation, PhaseName, Run
from whodunet.evidence.packets import CapturedPacket, PacketKind
from whodunet.evidence.topology import Topology
from whodunet.evidence.trails import Trail, node_with, packets_of, trails_of

_KEY_KINDS: Final[tuple[PacketKind, ...]] = (
    "DNS query",
    "DNS name error",
    "DNS answer",
    "SYN",
    "SYN-ACK",
    "RST",
    "SSH banner",
    "ICMP echo request",
    "ICMP echo reply",
    "ICMP time exceeded",
    "ICMP admin prohibited",
    "ICMP port unreachable",
    "ICMP fragmentation needed",
    "ICMP unreachable",
    "ARP request",
)
_ASKED_BY: Final[Mapping[PacketKind, PacketKind]] = {
    "SYN-ACK": "SYN",
    "RST": "SYN",
    "ICMP echo reply": "ICMP echo request",
    "ICMP admin prohibited": "SYN",
    "DNS name error": "DNS query",
    "DNS answer": "DNS query",
}
# An answer is called early or late only with room between what was measured and what is claimed: another run, on a
# busy machine, is slower. Shares of the baseline round trip.
_EARLY_IF_BELOW, _EARLY = 0.3, 0.5
_LATE_IF_ABOVE, _LATE = 0.95, 0.9


def suggested(
    scenario: Scenario, run: Run, packets: Sequence[CapturedPacket], topology: Topology
) -> Mapping[PhaseName, tuple[EvidenceClaim, ...]]:
    """Claims that held in a run, by phase; those of each probe in the order of its packets.

    A phase that its scenario says nothing of is left out.
    """
    return {
        phase.name: tuple(
            claim
            for probe, observation in phase.observations.items()
            for claim in _of_probe(_Trial(scenario, run, packets, topology, phase.name), probe, observation)
        )
        for phase in run.phases
        if phase.name == "faulty" or scenario.answer.repaired is not None
    }


class _Trial:
    """Judges claims that a scenario does not make, against one phase of its run."""

    def __init__(
        self, scenario: Scenario, run: Run, packets: Sequence[CapturedPacket], topology: Topology, phase: PhaseName
    ) -> None:
        self._scenario, self._run, self._phase = scenario, run, phase
        self.packets, self.topology = packets, topology
        self.baseline_rtt_ms = run.phase(phase).baseline_rtt_ms

    def held(self, claims: Sequence[EvidenceClaim]) -> list[bool]:
        """Whether each of some claims holds."""
        nothing = Claims(symptoms={})
        tried = Claims(symptoms={}, evidence=tuple(claims))
        repaired = tried if self._phase == "repaired" else self._scenario.answer.repaired and nothing
        faulty = tried if self._phase == "faulty" else nothing
        answer = self._scenario.answer.model_copy(update={"faulty": faulty, "repaired": repaired})
        trial = self._scenario.model_copy(update={"answer": answer})
        judged = judge(trial, self._run, self.packets, self.topology)
        outcomes = {judgement.claim.id: judgement.outcome for judgement in judged}
        return [outcomes[f"{self._phase}/evidence/{number}"] == "held" for number, _ in enumerate(claims, 1)]


def _of_probe(trial: _Trial, probe: str, observation: Observation) -> Iterator[EvidenceClaim]:
    own = packets_of(observation, trial.packets, trial.topology, trial.baseline_rtt_ms)
    trails = [trail for trail in trails_of(own, trial.topology) if _is_of(observation.host, trail, trial.topology)]
    for kind in _kinds(trails):
        of_kind = [trail for trail in trails if kind in trail.kinds]
        claim = _merged(trial, list(_pieces(probe, kind, of_kind, observation.host, trial.topology)))
        if claim is not None:
            yield claim


def _is_of(host: str, trail: Trail, topology: Topology) -> bool:
    """True for a packet of a conversation in which the probe's host is one end, and for its own ARP."""
    packet = trail.first
    if packet.arp is not None:
        return node_with(packet.arp.sender, topology) == host or node_with(packet.arp.target, topology) == host
    flow = packet.flow or (packet.icmp.quoted if packet.icmp else None)
    return flow is not None and any(node_with(address, topology) == host for address, _ in flow.ends)


def _kinds(trails: Sequence[Trail]) -> list[PacketKind]:
    """The kinds worth a claim, in the order of their first packets; the special instead of the general."""
    there = {kind for trail in trails for kind in trail.kinds}
    if there & {"ICMP admin prohibited", "ICMP port unreachable", "ICMP fragmentation needed"}:
        there -= {"ICMP unreachable"}
    if "DNS name error" in there:
        there -= {"DNS answer"}
    if "ARP reply" in there:
        there -= {"ARP request"}
    first = {kind: next(trail.first.time_ns for trail in trails if kind in trail.kinds) for kind in there}
    return sorted((kind for kind in _KEY_KINDS if kind in there), key=first.__getitem__)


def _pieces(
    probe: str, kind: PacketKind, trails: Sequence[Trail], host: str, topology: Topology
) -> Iterator[tuple[EvidenceClaim, dict[str, Any]]]:
    """Claims about one thing each, and what of each goes into the claim that is proposed."""
    first, last = trails[0].first, trails[0].last

    def piece(proposed: dict[str, Any], **tried: Any) -> tuple[EvidenceClaim, dict[str, Any]]:
        return EvidenceClaim(probe=probe, packet=kind, **(tried or proposed)), proposed

    yield piece({"first_seen_at": first.point})
    yield piece({"last_seen_at": last.point})
    has_come = last.point in topology.interfaces and topology.interfaces[last.point].node == host
    if has_come and last.ip is not None:
        yield piece({"ttl": {last.point: last.ip.ttl}})
    asked = _ASKED_BY.get(kind)
    if has_come and asked is not None:
        for bound, tried, proposed in (("below_rtt", _EARLY_IF_BELOW, _EARLY), ("above_rtt", _LATE_IF_ABOVE, _LATE)):
            then, now = (
                AnswerTime.model_validate({"packet": asked, "at": last.point, bound: share})
                for share in (proposed, tried)
            )
            yield piece({"after": then}, after=now)
    if kind == "RST":
        yield piece({"acknowledges": "SYN"})


def _merged(trial: _Trial, pieces: Sequence[tuple[EvidenceClaim, dict[str, Any]]]) -> EvidenceClaim | None:
    """The pieces that held, as one claim; None when none did, or not together."""
    held = trial.held([claim for claim, _ in pieces])
    said = {
        key: value for (_, piece), is_held in zip(pieces, held, strict=True) if is_held for key, value in piece.items()
    }
    if not said:
        return None
    whole = EvidenceClaim(probe=pieces[0][0].probe, packet=pieces[0][0].packet, **said)
    return whole if trial.held([whole]) == [True] else None
