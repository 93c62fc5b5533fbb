"""Which packets explain a symptom: what the probe's host sent, and what came back about it or did not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from whodunet.evidence.answers import answered, unanswered
from whodunet.evidence.facts import named_sender
from whodunet.evidence.packets import CapturedPacket, Flow, PacketKind
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.topology import Topology
from whodunet.evidence.trails import Trail

# Which packet explains a symptom, the likeliest first; a RST where none is named. Where a program was served, the
# connection's end explains nothing.
_SERVED: Final = (Symptom.CONNECTED, Symptom.DENIED, Symptom.NOT_TRUSTED, Symptom.NOT_CONNECTED)
_ENDINGS: Final[Mapping[Symptom, tuple[PacketKind, ...]]] = {
    **dict.fromkeys(_SERVED, ()),
    Symptom.CLOSED: ("FIN", "RST"),
    Symptom.REFUSED: ("RST", "ICMP port unreachable"),
    Symptom.UNREACHABLE: ("ICMP unreachable", "ICMP time exceeded"),
}


@dataclass(frozen=True)
class Explanation:
    """A packet of a connection, as the probe's own host sent it, and the packet that came back about it."""

    asked: CapturedPacket
    answer: CapturedPacket | None
    handshake: CapturedPacket | None = None  # the SYN-ACK, where another packet is the answer
    missing: Trail | None = None  # without an answer: the packet that did not arrive, or got none
    closer: str | None = None  # where the answer is a FIN: who sent the connection's first
    is_acknowledged: bool = False  # without an answer: TCP had it, and what was to come after that did not
    is_ended_here: bool = False  # without an answer: the host ended the connection, and that was answered

    @property
    def needs_no_answer(self) -> bool:
        """True where what was sent takes up none of TCP's numbers, as an ACK does not, and so is not acknowledged."""
        return self.asked.tcp is not None and self.asked.tcp.end == self.asked.tcp.seq

    @property
    def has_another_sender(self) -> bool:
        """True when the handshake came with another TTL than the answer: from farther away, or from nearer."""
        ips = [packet.ip for packet in (self.handshake, self.answer) if packet is not None]
        return len({ip.ttl for ip in ips if ip is not None}) > 1


def explanation_of(
    symptom: Symptom, host: str, trails: Sequence[Trail], topology: Topology, has_arrived: Callable[[Trail], bool]
) -> Explanation | None:
    """The packet of the host's last connection that explains a symptom, and what it answers.

    For closed the FIN, for reset and refused the RST, for stalled and timed out the last that got no answer, else the
    first that came back. None when nothing but ARP and DNS left the host. Connections before the last only prepared it,
    as those to single sign-on do. A host without one: its first packet.

    Args:
        trails: of all the probe's packets, in the order of time.
        has_arrived: whether a packet came to whom it was for.
    """
    sent = [trail for trail in trails if _is_sent(trail, host, topology)]
    flows = {trail.first.flow: trail for trail in reversed(sent) if trail.first.tcp is not None}  # its first packet
    opener = max(flows.values(), key=lambda trail: trail.first.time_ns, default=next(iter(sent), None))
    if opener is None or opener.first.flow is None:
        return None
    about = [trail for trail in trails if _is_about(trail.first, opener.first.flow)]
    others = [trail for trail in about if not _is_sent(trail, host, topology)]
    came = [
        (trail, seen)
        for trail in others
        for seen in trail.sightings
        if seen.direction == "in" and topology.node_at(seen.point) == host
    ]
    own = [trail for trail in about if _is_sent(trail, host, topology)]
    came.sort(key=lambda pair: pair[1].time_ns)
    return _Talk(opener, own, came, others, host, topology, has_arrived).explaining(symptom)


def _is_sent(trail: Trail, host: str, topology: Topology) -> bool:
    is_of_host = topology.node_at(trail.first.point) == host and trail.first.direction == "out"
    is_aside = trail.first.dns is not None or trail.first.is_outer
    return is_of_host and trail.first.flow is not None and not is_aside


def _is_about(packet: CapturedPacket, flow: Flow) -> bool:
    return flow in (packet.flow, packet.icmp and packet.icmp.quoted)


@dataclass(frozen=True)
class _Talk:
    """One connection of a host, or its datagrams to one other."""

    opener: Trail
    sent: Sequence[Trail]
    came: Sequence[tuple[Trail, CapturedPacket]]  # each with its sighting at the host
    others: Sequence[Trail]  # what others sent, to the host or in its name, whether it came or not
    host: str
    topology: Topology
    has_arrived: Callable[[Trail], bool]

    def explaining(self, symptom: Symptom) -> Explanation:
        """The packets that explain a symptom."""
        silence = self._silence(symptom) if symptom in (Symptom.STALLED, Symptom.TIMED_OUT) else None
        if silence is not None:
            return silence
        ending = self._ending(symptom)
        if ending is None:
            return self._answered(self.came[0]) if self.came else self._unanswered(self.opener)
        return self._answered(ending)

    def _ending(self, symptom: Symptom) -> tuple[Trail, CapturedPacket] | None:
        """What ended the connection; nothing did where the program was content."""
        wanted = _ENDINGS.get(symptom, ("RST",))
        return next((pair for kind in wanted for pair in self.came if kind in pair[0].kinds), None)

    def _answered(self, pair: tuple[Trail, CapturedPacket]) -> Explanation:
        trail, answer = pair
        asked = answered(trail, self.sent, self.topology) or self.opener
        handshake = next((seen for each, seen in self.came if "SYN-ACK" in each.kinds and each is not trail), None)
        fins = sorted((t for t in (*self.sent, *self.others) if "FIN" in t.kinds), key=lambda t: t.first.time_ns)
        closer = self._name(fins[0]) if "FIN" in trail.kinds else None
        return Explanation(asked.first, answer, handshake, closer=closer)

    def _unanswered(self, trail: Trail) -> Explanation:
        return Explanation(trail.first, None, missing=trail)

    def _silence(self, symptom: Symptom) -> Explanation | None:
        """The last packet that got no answer, or that was sent to the host and did not come; None when all went on.

        The program waited until the host ended the connection: what went on after that explains nothing.
        """
        ends_ns = (trail.first.time_ns for trail in self.sent if not {"FIN", "RST"}.isdisjoint(trail.kinds))
        end_ns = min(ends_ns, default=None)
        sent = [trail for trail in self.sent if end_ns is None or trail.first.time_ns < end_ns] or self.sent
        here = {id(trail) for trail, _ in self.came}
        lost = [
            trail
            for trail in self.others
            if self._is_meant(trail) and id(trail) not in here and (end_ns is None or trail.first.time_ns < end_ns)
        ]
        lacking = unanswered(sent, [seen for _, seen in self.came]) if self.came else self.opener
        if lacking is not None and not (lost and self.has_arrived(lacking)):
            return self._unanswered(lacking)
        if lacking is None and not lost and (self.opener.first.tcp is None or symptom is Symptom.TIMED_OUT):
            return None  # its answer came, as far as this host's interface
        went_on = end_ns is not None and any(seen.time_ns > end_ns for _, seen in self.came)
        asked = (lacking or sent[-1]).first
        missing = lost[0] if lost else None
        return Explanation(asked, None, missing=missing, is_acknowledged=lacking is None, is_ended_here=went_on)

    def _is_meant(self, trail: Trail) -> bool:
        """True for what was sent to the host itself, and not in its name to the other end."""
        return trail.first.ip is not None and self.topology.node_with(trail.first.ip.destination) == self.host

    def _name(self, trail: Trail) -> str:
        source = trail.first.ip.source if trail.first.ip else "?"
        return named_sender(trail.first, self.topology) or source
