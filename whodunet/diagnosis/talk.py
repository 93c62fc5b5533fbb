"""One connection that stood: what was said in it, and from how far away it was accepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from whodunet.diagnosis.probes import Answer, ConversationResult, Converse
from whodunet.diagnosis.refused import Location, nearer_than_destination
from whodunet.diagnosis.seen import Seen
from whodunet.diagnosis.verdict import Citation
from whodunet.evidence.packets import CapturedPacket, kinds

LONG_MS: Final = 5000.0
SERVICE_LOG: Final = ("the service's log on the destination at this minute",)


@dataclass(frozen=True)
class Talk:
    """One connection that stood, and what was said in it."""

    probe: Converse
    result: ConversationResult

    @property
    def sent(self) -> bytes:
        """The first that this end said."""
        out = [p.tcp.payload for p in self.result.packets if p.direction == "out" and p.tcp and p.tcp.payload]
        return out[0] if out else self.probe.payload

    @property
    def packets(self) -> Sequence[CapturedPacket]:
        """All of it, in the order of time; empty where packets cannot be seen."""
        return self.result.packets

    @property
    def accepted(self) -> CapturedPacket | None:
        """The SYN-ACK with which it stood."""
        return next((p for p in self.packets if p.direction == "in" and "SYN-ACK" in kinds(p)), None)

    @property
    def reset(self) -> CapturedPacket | None:
        """The RST of the other end."""
        return next((p for p in self.packets if p.direction == "in" and "RST" in kinds(p)), None)


def stood(seen: Seen) -> list[Talk]:
    """The connections to the target that stood."""
    return [
        Talk(probe, result)
        for probe, result in seen.conversations
        if (probe.address, probe.port) == (seen.address, seen.port) and result.connect_ms is not None
    ]


def nearer(seen: Seen, talk: Talk) -> Location | None:
    """Where the SYN-ACK came from, when that is nearer than the destination."""
    accepted = [answer for answer in seen.answers if answer.kind == "syn-ack"]
    if not accepted and talk.accepted is not None and talk.accepted.ip is not None:
        came = talk.result.connect_ms or 0.0
        accepted = [Answer("syn-ack", seen.address, came, ttl=talk.accepted.ip.ttl, packet=talk.accepted)]
    return nearer_than_destination(seen, accepted) if accepted else None


def baseline_of(seen: Seen) -> tuple[Citation, ...]:
    return (seen.baseline.citation,) if seen.baseline is not None else ()


def longest_silence_ms(talk: Talk) -> float | None:
    """The longest silence in the connection before its last exchange."""
    times = [p.time_ns for p in talk.packets]
    return max(((later - earlier) / 1e6 for earlier, later in pairwise(times)), default=None)
