"""What a verdict rests on, in sentences: the claims about packets that held, with the values that were measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from whodunet.cases.findings import answer_gaps
from whodunet.cases.scenario import AnswerTime, EvidenceClaim
from whodunet.evidence.facts import AnswerGap, distance, spoofed_sender
from whodunet.evidence.probe_evidence import ProbeEvidence
from whodunet.evidence.topology import Topology
from whodunet.evidence.trails import Trail
from whodunet.view.words.counts import listed, routers, times
from whodunet.view.words.packets import ttl_name


def evidence_sentence(claim: EvidenceClaim, evidence: ProbeEvidence) -> str:
    """What a claim that held says, with the values that were measured."""
    own = evidence.of(claim.packet, claim.sender)
    if not own:
        return (
            f"No {claim.packet} of {claim.probe} was seen at {listed(claim.not_seen_at, 'or') or 'any capture point'}."
        )
    where = " and ".join(_whereabouts(claim, own[0], evidence.topology))
    parts = [where] if where else []
    if claim.after is not None:
        gaps = sorted(answer_gaps(claim.after, own, evidence), key=lambda gap: gap.took_ms)
        parts += _timing(claim.after, gaps, "it came" if where else "came")
    if claim.not_seen_at:
        unseen = f"was not seen at {listed(claim.not_seen_at, 'or')}"
        parts.append(f"{listed(claim.not_seen_at)} saw nothing of it" if parts else unseen)
    for point in claim.at_least:
        seen = times(sum(trail.at(point) is not None for trail in own))
        parts.append(f"{point} saw it {seen}" if parts else f"was seen {seen} at {point}")
    for point, ttl in claim.ttl.items():
        passed, called = f"{routers(distance(ttl).routers)} passed it on", ttl_name(own[0].first)
        parts.append(
            f"its {called} at {point} was {ttl}: {passed}" if parts else f"had {called} {ttl} at {point}: {passed}"
        )
    return f"The {claim.packet} of {claim.probe} {'; '.join(parts) or 'was seen'}."


def _whereabouts(claim: EvidenceClaim, trail: Trail, topology: Topology) -> Iterator[str]:
    if claim.first_seen_at:
        forged = spoofed_sender(trail, topology)
        yield f"was first seen at {claim.first_seen_at}" + (f", in the name of {forged}" if forged else "")
    if claim.seen_at:
        yield f"was seen at {listed(claim.seen_at)}"
    if claim.last_seen_at:
        yield f"got as far as {claim.last_seen_at} and no further"


def _timing(wanted: AnswerTime, gaps: Sequence[AnswerGap], came: str) -> Iterator[str]:
    if gaps and gaps[0].baseline_rtt_ms:
        soonest = f", the soonest of {len(gaps)}" if len(gaps) > 1 else ""
        baseline = f"against a baseline round trip of {gaps[0].baseline_rtt_ms:.1f} ms"
        yield f"{came} {gaps[0].took_ms:.1f} ms after the {wanted.packet}{soonest}, {baseline}"
