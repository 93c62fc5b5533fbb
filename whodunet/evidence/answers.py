"""Answers: which packet another one answers, by what had reached its sender and by the numbers in both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from whodunet.evidence.packets import SEQUENCE_SPACE, CapturedPacket
from whodunet.evidence.topology import Topology
from whodunet.evidence.trails import Trail


def answered(answer: Trail, others: Iterable[Trail], topology: Topology) -> Trail | None:
    """The packet that another one answers, of several copies the last; None when none of them can be it.

    It went the other way in the same conversation, and had reached the node that the answer comes from when that was
    sent: what was still under way then, as the client's latest ACK is when a RST comes in, cannot have caused it.
    """
    before = [
        other for other in others if _is_answerable(other, answer) and _had_reached_sender(other, answer, topology)
    ]
    fitting = [other for other in before if _fits(answer.first, other.first)]
    return max(fitting or before, key=lambda other: other.first.time_ns, default=None)


def _is_answerable(other: Trail, answer: Trail) -> bool:
    """True for what went the other way in the conversation, that of the quoted packet where an ICMP error came."""
    asked, came = other.first, answer.first
    if asked.ip is None or came.ip is None or asked.time_ns > came.time_ns:
        return False
    conversation = came.icmp.quoted if came.icmp is not None and came.icmp.quoted is not None else came.flow
    return asked.flow is not None and asked.flow == conversation and asked.ip.source == came.ip.destination


def _had_reached_sender(other: Trail, answer: Trail, topology: Topology) -> bool:
    sender = topology.node_at(answer.first.point)
    there = (seen for seen in other.sightings if sender is not None and topology.node_at(seen.point) == sender)
    return any(seen.time_ns <= answer.first.time_ns for seen in there)


def _fits(answer: CapturedPacket, asked: CapturedPacket) -> bool:
    """True when the numbers in both say that the one answers the other."""
    if answer.tcp is not None and asked.tcp is not None:
        return _segments_fit(answer, asked)
    if answer.dns is not None and asked.dns is not None:
        return answer.dns.id == asked.dns.id
    if answer.icmp is not None and asked.icmp is not None and answer.icmp.quoted is None:
        return answer.icmp.sequence == asked.icmp.sequence
    return True


def _segments_fit(answer: CapturedPacket, asked: CapturedPacket) -> bool:
    """True when a segment acknowledges all of another, which takes up numbers; or is the RST that it called for.

    Source: RFC 9293, section 3.10.7.1: a RST without ACK has as its number the acknowledgement number of the segment
    that it answers.
    """
    assert answer.tcp is not None
    assert asked.tcp is not None
    if "." in answer.tcp.flags:
        return asked.tcp.end != asked.tcp.seq and answer.tcp.ack == asked.tcp.end
    return "." in asked.tcp.flags and answer.tcp.seq == asked.tcp.ack


def acknowledges(answer: CapturedPacket, asked: CapturedPacket) -> bool:
    """True when a RST answers a segment of no connection as the standard has it.

    Source: RFC 9293, section 3.10.7.1: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>; a SYN counts as one.
    """
    if answer.tcp is None or asked.tcp is None or answer.flow != asked.flow:
        return False
    return answer.tcp.seq == 0 and answer.tcp.ack == (asked.tcp.seq + 1) % SEQUENCE_SPACE


def unanswered(sent: Sequence[Trail], received: Sequence[CapturedPacket]) -> Trail | None:
    """The last data of a host that the other side did not acknowledge; None when all of it was.

    Args:
        sent: the host's packets of one connection.
        received: those that came back at the host.
    """
    acks = [packet.tcp.ack for packet in received if packet.tcp is not None and "." in packet.tcp.flags]
    lacking = (trail for trail in sent if _is_data(trail) and not any(_covers(ack, trail) for ack in acks))
    return max(lacking, key=lambda trail: trail.first.time_ns, default=None)


def _is_data(trail: Trail) -> bool:
    return trail.first.tcp is not None and trail.first.tcp.payload_bytes > 0


def _covers(ack: int, trail: Trail) -> bool:
    """Source: RFC 9293, section 3.4: numbers are compared around their end."""
    assert trail.first.tcp is not None
    return (ack - trail.first.tcp.end) % SEQUENCE_SPACE < SEQUENCE_SPACE // 2
