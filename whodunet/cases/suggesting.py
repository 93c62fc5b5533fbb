"""Evidence that a run bears out, as claims that its scenario could make.

A claim is proposed for each kind of packet that a probe's own conversations had, and holds in this run because it was
judged. Left out is what differs from run to run: data, the end of connections, and ARP that was answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from whodunet.cases.judging import judge_evidence
from whodunet.cases.recording import Recording
from whodunet.cases.scenario import AnswerTime, EvidenceClaim
from whodunet.evidence.observation import PhaseName
from whodunet.evidence.packets import PacketKind
from whodunet.evidence.probe_evidence import ProbeEvidence
from whodunet.evidence.topology import Topology
from whodunet.evidence.trails import Trail

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


def suggested(recording: Recording) -> Mapping[PhaseName, tuple[EvidenceClaim, ...]]:
    """Claims that held in a run, by phase; those of each probe in the order of its packets.

    A phase that its scenario says nothing of is left out.
    """
    return {
        phase: tuple(claim for probe, evidence in probes.items() for claim in _of_probe(probe, evidence))
        for phase, probes in recording.evidence.items()
        if phase == "faulty" or recording.scenario.answer.repaired is not None
    }


def _of_probe(probe: str, evidence: ProbeEvidence) -> Iterator[EvidenceClaim]:
    host, topology = evidence.observation.host, evidence.topology
    trails = [trail for trail in evidence.trails if _is_of(host, trail, topology)]
    for kind in _kinds(trails):
        of_kind = [trail for trail in trails if kind in trail.kinds]
        claim = _merged(evidence, list(_pieces(probe, kind, of_kind, host, topology)))
        if claim is not None:
            yield claim


def _is_of(host: str, trail: Trail, topology: Topology) -> bool:
    """True for a packet of a conversation in which the probe's host is one end, and for its own ARP."""
    packet = trail.first
    if packet.arp is not None:
        return host in (topology.node_with(packet.arp.sender), topology.node_with(packet.arp.target))
    flow = packet.flow or (packet.icmp.quoted if packet.icmp else None)
    return flow is not None and any(topology.node_with(address) == host for address, _ in flow.ends)


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
    has_come = topology.node_at(last.point) == host
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


def _merged(evidence: ProbeEvidence, pieces: Sequence[tuple[EvidenceClaim, dict[str, Any]]]) -> EvidenceClaim | None:
    """The pieces that held, as one claim; None when none did, or not together."""
    said = {key: value for claim, piece in pieces if _holds(claim, evidence) for key, value in piece.items()}
    if not said:
        return None
    whole = EvidenceClaim(probe=pieces[0][0].probe, packet=pieces[0][0].packet, **said)
    return whole if _holds(whole, evidence) else None


def _holds(claim: EvidenceClaim, evidence: ProbeEvidence) -> bool:
    return judge_evidence(claim, evidence).outcome == "held"
