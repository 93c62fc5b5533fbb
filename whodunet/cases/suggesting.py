"""Evidence that a run bears out, as claims that its scenario could make.

A claim is proposed for each kind of packet that a probe's own conversations had, and holds in this run because it was
judged. Left out is what differs from run to run: data, the end of connections, and neighbours that were found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from whodunet.cases.evidence_field import EvidenceField
from whodunet.cases.evidence_fields import EvidenceFields, claim_model, own
from whodunet.cases.findings import Witness
from whodunet.cases.judging import judge_evidence
from whodunet.cases.recording import Recording
from whodunet.cases.scenario import EvidenceClaim
from whodunet.evidence import packet_kinds
from whodunet.evidence.observation import PhaseName
from whodunet.evidence.packets import PacketKind
from whodunet.evidence.probe_evidence import ProbeEvidence
from whodunet.evidence.topology import Topology
from whodunet.evidence.trails import Trail

# What differs from run to run, or is told by another kind of the same packet.
_LEFT_OUT: Final[frozenset[PacketKind]] = frozenset(
    {"data", "FIN", "ARP request", "ARP reply", "NDP solicitation", "NDP advertisement", "neighbour reply"}
)


def suggested(
    recording: Recording, fields: EvidenceFields | None = None
) -> Mapping[PhaseName, tuple[EvidenceClaim, ...]]:
    """Claims that held in a run, by phase; those of each probe in the order of its packets.

    A phase that its scenario says nothing of is left out.

    Args:
        fields: what can be claimed; the project's own fields if not given.
    """
    fields = own() if fields is None else fields
    return {
        phase: tuple(claim for probe, evidence in probes.items() for claim in _of_probe(probe, evidence, fields))
        for phase, probes in recording.evidence.items()
        if phase in recording.scenario.answer.phases
    }


def _of_probe(probe: str, evidence: ProbeEvidence, fields: EvidenceFields) -> Iterator[EvidenceClaim]:
    trails = [trail for trail in evidence.trails if _is_of(evidence.observation.host, trail, evidence.topology)]
    for kind in _kinds(trails):
        claim = _proposed(probe, Witness(kind, tuple(each for each in trails if kind in each.kinds), evidence), fields)
        if claim is not None:
            yield claim


def _proposed(probe: str, witness: Witness, fields: EvidenceFields) -> EvidenceClaim | None:
    """All that held of what could be claimed of some packets, as one claim; None when nothing did, or not together."""

    def claim(said: Mapping[str, EvidenceField]) -> EvidenceClaim:
        return claim_model(fields).model_validate({"probe": probe, "packet": witness.kind, **said})

    def holds(claim: EvidenceClaim) -> bool:
        return all(finding.outcome == "held" for finding in judge_evidence(claim, witness.evidence))

    said = {
        key: proposal.proposed
        for key, field in fields.items()
        for proposal in field.proposals(witness)
        if holds(claim({key: proposal.tried}))
    }
    whole = claim(said)
    return whole if said and holds(whole) else None


def _is_of(host: str, trail: Trail, topology: Topology) -> bool:
    """True for a packet of a conversation of the probe's host, and for what neighbours ask it or it asks them."""
    packet = trail.first
    if packet.neighbour is not None:
        return host in map(topology.node_with, (packet.neighbour.sender, packet.neighbour.target))
    flow = packet.flow or (packet.icmp.quoted if packet.icmp else None)
    return flow is not None and any(topology.node_with(address) == host for address, _ in flow.ends)


def _kinds(trails: Sequence[Trail]) -> list[PacketKind]:
    """The kinds worth a claim, in the order of their first packets; the special instead of the general."""
    there = {kind for trail in trails for kind in trail.kinds}
    if there & {"ICMP admin prohibited", "ICMP port unreachable", "ICMP fragmentation needed"}:
        there -= {"ICMP unreachable"}
    if "DNS name error" in there:
        there -= {"DNS answer"}
    if "neighbour reply" in there:
        there -= {"neighbour request"}
    there -= _LEFT_OUT
    first = {kind: next(trail.first.time_ns for trail in trails if kind in trail.kinds) for kind in there}
    return sorted((kind for kind in packet_kinds.known() if kind in there), key=first.__getitem__)
