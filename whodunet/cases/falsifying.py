"""Whether what a scenario claims can fail, tried on the record of one play.

A claim about packets that holds as well when its packets say something else proves nothing, and a scenario whose
claims hold as well without its fault is not about it. So the decisive field of the packets is changed; and each phase
is judged by what its probes left once the next fault was out. Either has to break something.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Final

from whodunet.cases.claims import EvidenceShown, FaultInPlace, claims_of
from whodunet.cases.findings import Witness, worst
from whodunet.cases.judging import judge, judge_evidence
from whodunet.evidence.facts import named_sender
from whodunet.evidence.packets import Icmp, kinds
from whodunet.evidence.trails import trails_of

if TYPE_CHECKING:
    from whodunet.cases.recording import Recording
    from whodunet.cases.scenario import EvidenceClaim
    from whodunet.evidence.packets import CapturedPacket
    from whodunet.evidence.probe_evidence import ProbeEvidence

_SEGMENTS: Final = (
    ("S", b""),
    ("S.", b""),
    ("R.", b""),
    ("F.", b""),
    (".", b""),
    ("P.", b"SSH-2.0-OpenSSH"),
)  # flags, data
# Type and code. Source: RFC 792; RFC 1812, 5.2.7.1; RFC 4443, section 3
_ICMP_ERRORS: Final = (*((3, code) for code in range(16)), (11, 0), (12, 0))
_ICMPV6_ERRORS: Final = (*((1, code) for code in range(8)), (2, 0), (3, 0), (4, 0))


@dataclass(frozen=True)
class Unfalsified:
    """A change after which a claim held all the same, or of which nobody knows."""

    claim: str  # its id; of a fault left out the phase
    change: str
    why: str

    def __str__(self) -> str:
        return f"{self.claim}: {self.why} with {self.change}"


def unfalsified(recording: Recording) -> tuple[Unfalsified, ...]:
    """What was changed in a record that held, and did not make it fail; none for a scenario that can fail."""
    return (*_of_faults_left_out(recording), *_of_packets(recording))


def _of_faults_left_out(recording: Recording) -> Iterator[Unfalsified]:
    """Each phase before the last one, judged by what its probes left once the next fault was out."""
    for phase, following in pairwise(recording.scenario.answer.phases):
        evidence = {**recording.evidence, phase: recording.evidence.get(following, {})}
        judged = judge(recording.scenario, recording.run, evidence)
        of_phase = (each for each in judged if each.claim.phase == phase and not isinstance(each.claim, FaultInPlace))
        outcome = worst(each.outcome for each in of_phase)
        if outcome != "broken":
            yield Unfalsified(phase, "its fault left out", _told(outcome))


def _of_packets(recording: Recording) -> Iterator[Unfalsified]:
    for claim in claims_of(recording.scenario):
        evidence = recording.evidence.get(claim.phase, {}) if claim.phase is not None else {}
        if isinstance(claim, EvidenceShown) and claim.claim.probe in evidence:
            yield from _of_claim(claim.id, claim.claim, evidence[claim.claim.probe], recording)


def _of_claim(name: str, claim: EvidenceClaim, evidence: ProbeEvidence, recording: Recording) -> Iterator[Unfalsified]:
    witness = Witness.of(claim.packet, claim.sender, evidence)
    sample = next(_samples(claim, evidence, recording), None)
    for said in claim.says:
        tried = False
        for mutation in said.mutations(witness, sample):
            tried = True
            # What the baseline's packets waited for a processor would excuse an answer that comes too soon.
            trails = trails_of(mutation.packets, evidence.topology)
            changed = replace(evidence, trails=trails, baseline_waited_ms=None)
            outcome = worst(each.outcome for each in judge_evidence(claim, changed))
            if outcome != "broken":
                yield Unfalsified(name, mutation.what, _told(outcome))
        if not tried:
            yield Unfalsified(name, " and ".join(said.words()), "no packet of this record can break it")


def _samples(claim: EvidenceClaim, evidence: ProbeEvidence, recording: Recording) -> Iterator[CapturedPacket]:
    """Packets of a claim's kind as if the probe had seen them: its own, another's, or made of one of its own."""
    others = [other for probes in recording.evidence.values() for other in probes.values()]
    seen = chain(*(other.packets for other in others))
    for packet in chain(evidence.packets, _imitations(evidence), seen, *map(_imitations, others)):
        bears = claim.sender in (None, named_sender(packet, recording.topology))
        if bears and claim.packet in kinds(packet):
            yield replace(packet, time_ns=evidence.packets[0].time_ns) if evidence.packets else packet


def _imitations(evidence: ProbeEvidence) -> Iterator[CapturedPacket]:
    """A probe's first packet, and its first about a name, as others that they might have been."""
    firsts: dict[bool, CapturedPacket] = {}
    for packet in evidence.packets:
        if packet.ip is not None and packet.flow is not None:
            firsts.setdefault(packet.dns is None, packet)
    for packet in firsts.values():
        assert packet.ip is not None
        back = replace(packet.ip, source=packet.ip.destination, destination=packet.ip.source)
        for ip in (packet.ip, back):
            if packet.tcp is not None:
                for flags, data in _SEGMENTS:
                    tcp = replace(packet.tcp, flags=flags, payload=data, payload_bytes=len(data))
                    yield replace(packet, ip=ip, tcp=tcp)
            if packet.dns is not None:
                yield from (
                    replace(packet, ip=ip, dns=replace(packet.dns, is_answer=True, rcode=rcode)) for rcode in range(6)
                )
            as_icmp = replace(packet, ip=ip, tcp=None, udp=None, dns=None)
            errors = _ICMP_ERRORS if ip.version == 4 else _ICMPV6_ERRORS
            yield from (replace(as_icmp, icmp=Icmp(kind, code, quoted=packet.flow)) for kind, code in errors)


def _told(outcome: str) -> str:
    return "held" if outcome == "held" else "could not be measured"
