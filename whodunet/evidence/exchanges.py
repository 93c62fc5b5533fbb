"""Exchanges: what a packet is part of, and when that began; ports that are used again are told apart.

An exchange is a TCP connection, or a datagram or ping with the answers to it. With it go the ICMP errors that quote it
and the fragments of its packets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeAlias

from whodunet.evidence.packets import SEQUENCE_SPACE, CapturedPacket, Flow, kinds

_End: TypeAlias = tuple[str, int]  # address and port
_BEHIND = SEQUENCE_SPACE // 2  # Source: RFC 9293, section 3.4: farther than this, a number is before and not after


@dataclass
class _Connection:
    """A TCP connection, told from others of the same ports by its initial sequence numbers."""

    began_ns: int
    opener: _End
    isn: int | None  # None: it was not seen to begin
    answering_isn: int | None = None

    def distance(self, packet: CapturedPacket) -> int:
        """How far the packet's numbers are from where this connection began; 0 when they do not tell."""
        tcp = packet.tcp
        if tcp is None or self.isn is None:
            return _BEHIND
        if _source(packet) == self.opener:
            return (tcp.seq - self.isn) % SEQUENCE_SPACE
        if "." in tcp.flags:
            return (tcp.ack - self.isn) % SEQUENCE_SPACE
        return 0 if self.answering_isn is None else (tcp.seq - self.answering_isn) % SEQUENCE_SPACE


class Exchanges:
    """The exchanges of a whole capture, and its packets in the order of time."""

    def __init__(self, packets: Iterable[CapturedPacket]) -> None:
        """Reads the packets of all capture points."""
        self.packets = sorted(packets, key=attrgetter("time_ns"))
        self._connections: dict[Flow, list[_Connection]] = defaultdict(list)
        self._questions: dict[Flow, list[CapturedPacket]] = defaultdict(list)  # each where it was first seen
        self._first_fragments: dict[object, list[CapturedPacket]] = defaultdict(list)
        seen_at: dict[object, set[str]] = defaultdict(set)  # of the latest copy of each datagram
        for packet in self.packets:
            flow = packet.flow
            if flow is None:
                continue
            if packet.ip is not None and packet.ip.more_fragments:
                self._first_fragments[_datagram(packet)].append(packet)
            if packet.tcp is not None:
                self._note_segment(self._connections[flow], packet)
            else:
                self._note_datagram(self._questions[flow], packet, seen_at[packet.identity])

    def _note_segment(self, connections: list[_Connection], packet: CapturedPacket) -> None:
        assert packet.tcp is not None
        found = kinds(packet)
        if "SYN" in found and packet.tcp.seq not in {each.isn for each in connections}:
            connections.append(_Connection(packet.time_ns, _source(packet), packet.tcp.seq))
        elif not connections:
            connections.append(_Connection(packet.time_ns, _source(packet), None))
        elif "SYN-ACK" in found:
            self._connection(connections, packet).answering_isn = packet.tcp.seq

    def _note_datagram(self, questions: list[CapturedPacket], packet: CapturedPacket, seen_at: set[str]) -> None:
        """Whoever spoke first asks. A datagram that is back where it was is sent again, and not the same one."""
        if packet.point in seen_at:
            seen_at.clear()
        if not seen_at and (not questions or _source(packet) == _source(questions[0])):
            questions.append(packet)
        seen_at.add(packet.point)

    def began_ns(self, packet: CapturedPacket) -> int | None:
        """When the exchange that a packet is part of began; None when it is part of none that is known.

        Args:
            packet: as it was where it was first seen.
        """
        if packet.neighbour is not None or packet.openvpn is not None:
            return packet.time_ns  # a tunnel outlasts what goes through it
        if packet.icmp is not None and packet.icmp.quoted is not None:
            return self._latest_ns(packet.icmp.quoted, packet.time_ns)
        if packet.ip is not None and packet.ip.fragment_offset > 0:
            parts = self._first_fragments[_datagram(packet)]
            first = min(parts, key=lambda part: abs(part.time_ns - packet.time_ns), default=None)
            return None if first is None else self.began_ns(first)
        if packet.flow is None:
            return packet.time_ns if kinds(packet) else None  # an error about what has no ports goes by its time
        if packet.tcp is not None:
            return self._connection(self._connections[packet.flow], packet).began_ns
        return self._question(self._questions[packet.flow], packet).time_ns

    def _latest_ns(self, flow: Flow, time_ns: int) -> int | None:
        begins = [each.began_ns for each in self._connections[flow]] + [each.time_ns for each in self._questions[flow]]
        return max((begin for begin in begins if begin <= time_ns), default=None)

    def _connection(self, connections: list[_Connection], packet: CapturedPacket) -> _Connection:
        """The connection that its numbers fit best, for what is late of one may come after the next has begun."""
        begun = [each for each in connections if each.began_ns <= packet.time_ns]
        return min(begun or connections, key=lambda each: (each.distance(packet), -each.began_ns))

    def _question(self, questions: list[CapturedPacket], packet: CapturedPacket) -> CapturedPacket:
        """What a datagram answers: the last that was asked before it, with its own number where there is one."""
        if _source(packet) == _source(questions[0]):
            return packet
        before = [each for each in questions if each.time_ns <= packet.time_ns]
        return next((each for each in reversed(before) if _number(each) == _number(packet)), before[-1])


def _source(packet: CapturedPacket) -> _End:
    assert packet.ip is not None
    assert packet.ports is not None
    return packet.ip.source, packet.ports[0]


def _datagram(packet: CapturedPacket) -> object:
    """What all fragments of a datagram share. Source: RFC 791, section 3.2; RFC 8200, section 4.5."""
    assert packet.ip is not None
    return packet.ip.source, packet.ip.destination, packet.ip.protocol, packet.ip.id


def _number(packet: CapturedPacket) -> int | None:
    """The number that a question and its answer share: DNS's id, a ping's sequence number."""
    if packet.dns is not None:
        return packet.dns.id
    return packet.icmp.sequence if packet.icmp is not None else None
