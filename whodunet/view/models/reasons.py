"""What the packet that came back, or did not, tells of who sent it and where the other ended: one fact a value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from whodunet.evidence.explanation import Explanation
from whodunet.evidence.facts import AnswerGap, Distance, distance
from whodunet.evidence.packets import CapturedPacket, Ip
from whodunet.evidence.probe_evidence import ProbeEvidence
from whodunet.view.models.numbering import NumberedPacket, Numbering, numbering_of

Silence = Literal["unanswered", "acknowledged", "nothing due"]  # nothing due: what was sent last needs no answer


@dataclass(frozen=True)
class AnswerCame:
    """An answer, what it answers, and how soon it came."""

    answer: NumberedPacket
    asked: NumberedPacket
    gap: AnswerGap


@dataclass(frozen=True)
class ClosedBy:
    """Who sent the connection's first FIN."""

    closer: str


@dataclass(frozen=True)
class FromAfar:
    """How far away the answer's sender is, as its TTL tells."""

    answer: Ip
    distance: Distance


@dataclass(frozen=True)
class AnotherSender:
    """The handshake of the same connection, which came from farther away than the answer, or from nearer."""

    handshake: Ip


@dataclass(frozen=True)
class NothingCame:
    """No answer came to what was asked, at the capture point where it was asked."""

    asked: NumberedPacket
    silence: Silence
    is_ended_here: bool  # the host ended the connection at last


@dataclass(frozen=True)
class LastSeen:
    """Where the packet ended that did not arrive."""

    missing: NumberedPacket
    point: str
    is_asked: bool  # what was asked; else what was sent to the host
    carried_to: str | None = None  # where the datagram that carried it was last seen; None: it ended in none


Reason: TypeAlias = AnswerCame | ClosedBy | FromAfar | AnotherSender | NothingCame | LastSeen


def reasons_of(evidence: ProbeEvidence) -> tuple[Reason, ...]:
    """What an answer's time and TTL tell of its sender; without one, how far the packets came; nothing of no packet."""
    explained, numbering = evidence.explanation, numbering_of(evidence)
    if explained is None:
        return ()
    if explained.answer is None:
        return tuple(_of_silence(explained, evidence, numbering))
    return tuple(_of_answer(explained, explained.answer, evidence, numbering))


def _of_answer(
    explained: Explanation, answer: CapturedPacket, evidence: ProbeEvidence, numbering: Numbering
) -> Iterator[Reason]:
    yield AnswerCame(numbering.of(answer), numbering.of(explained.asked), evidence.gap(explained.asked, answer))
    if explained.closer is not None:
        yield ClosedBy(explained.closer)
    if answer.ip is not None:
        yield FromAfar(answer.ip, distance(answer.ip.ttl))
    handshake = explained.handshake
    if handshake is not None and handshake.ip is not None and explained.has_another_sender:
        yield AnotherSender(handshake.ip)


def _of_silence(explained: Explanation, evidence: ProbeEvidence, numbering: Numbering) -> Iterator[Reason]:
    silence: Silence = "acknowledged" if explained.is_acknowledged else "unanswered"
    yield NothingCame(
        numbering.of(explained.asked),
        "nothing due" if explained.needs_no_answer else silence,
        explained.is_ended_here,
    )
    if explained.missing is not None:
        first, last = explained.missing.first, explained.missing.last
        datagram = evidence.carriers.get(explained.missing)
        carried_to = datagram.last.point if datagram and datagram.last.time_ns > last.time_ns else None
        yield LastSeen(numbering.of(first), last.point, first is explained.asked, carried_to)
