"""A probe in brief: what came of it, and the packets that explain that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from whodunet.evidence.facts import AnswerGap
from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.probe_evidence import ProbeEvidence
from whodunet.evidence.symptoms import SymptomReading
from whodunet.evidence.topology import Family


@dataclass(frozen=True)
class ProbeOutcome:
    """What a probe showed, and how long it took."""

    reading: SymptomReading
    duration_ms: float
    is_killed: bool  # at its deadline


@dataclass(frozen=True)
class NoPackets:
    """None of its own was seen."""


@dataclass(frozen=True)
class SamePackets:
    """The same kinds of packets as another probe's, lost or delivered at the same places."""


@dataclass(frozen=True)
class NamesAlone:
    """Nothing left the host but questions about names, and about link addresses."""

    host: str
    family: Family
    questions: int  # about names
    answers: int  # to them


@dataclass(frozen=True)
class Answered:
    """A packet came back."""

    gap: AnswerGap


@dataclass(frozen=True)
class NothingMore:
    """Nothing came back after a packet, and nothing is known to be missing."""

    asked: CapturedPacket


@dataclass(frozen=True)
class Lost:
    """A packet did not arrive."""

    packet: CapturedPacket  # where it was last seen
    is_asked: bool  # it is what got no answer; else it was sent to the host


PacketsInBrief: TypeAlias = NoPackets | SamePackets | NamesAlone | Answered | NothingMore | Lost


@dataclass(frozen=True)
class Brief:
    """What is told of a probe in one line."""

    probe: str
    outcome: ProbeOutcome
    packets: PacketsInBrief


def outcome_of(evidence: ProbeEvidence) -> ProbeOutcome:
    """What a probe showed."""
    observation = evidence.observation
    return ProbeOutcome(evidence.reading, observation.duration_ms, observation.exit_status is None)


def brief_of(probe: str, evidence: ProbeEvidence, beside: ProbeEvidence | None = None) -> Brief:
    """A probe in brief.

    Args:
        beside: of the probe that is told in full; where the packets are the same they are not told again.
    """
    return Brief(probe, outcome_of(evidence), _packets(evidence, beside))


def _packets(evidence: ProbeEvidence, beside: ProbeEvidence | None) -> PacketsInBrief:
    if beside is not None and beside.trails and evidence.has_same_packets_as(beside):
        return SamePackets()
    if not evidence.trails:
        return NoPackets()
    explained = evidence.explanation
    if explained is None:
        messages = [trail.first.dns for trail in evidence.trails if trail.first.dns is not None]
        answers = sum(message.is_answer for message in messages)
        return NamesAlone(evidence.observation.host, evidence.topology.family, len(messages) - answers, answers)
    if explained.answer is not None:
        return Answered(evidence.gap(explained.asked, explained.answer))
    asked, missing = explained.asked, explained.missing
    if missing is None:
        return NothingMore(asked)
    return Lost(missing.last, is_asked=missing.first is asked)
