"""What the packets of one probe show at its own host's interfaces: what its program's words are about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from whodunet.evidence.packets import CapturedPacket, Flow, kinds
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.topology import Topology

SEQUENCE_SPACE = 2**32
NAME_ERROR, NO_ERROR = 3, 0  # Source: RFC 1035, section 4.1.1, RCODE


@dataclass(frozen=True)
class Connection:
    """One TCP connection, as the probe's host saw it."""

    stood: bool = False  # this host acknowledged the SYN-ACK (or, of a connection from outside, sent one)
    refused: bool = False  # a RST or an ICMP port unreachable answered the SYN
    unreachable: bool = False  # another ICMP error answered the SYN
    received_bytes: int = 0  # payload from the other side
    reset: bool = False  # once it stood, a RST came before this host had closed
    closed: bool = False  # once it stood, the other side closed first

    @property
    def symptom(self) -> Symptom:
        """What its packets alone say."""
        if not self.stood:
            if self.refused:
                return Symptom.REFUSED
            return Symptom.UNREACHABLE if self.unreachable else Symptom.TIMED_OUT
        if self.reset:
            return Symptom.RESET
        if self.received_bytes:
            return Symptom.CONNECTED
        return Symptom.CLOSED if self.closed else Symptom.STALLED


@dataclass(frozen=True)
class Traffic:
    """What a probe sent and what came back; how neighbours find each other does not count."""

    connections: tuple[Connection, ...] = ()  # in the order in which they began
    lookups: tuple[int | None, ...] = ()  # response code of each DNS query; None: no answer
    sent: bool = False  # anything left the host, of a probe that does more than look names up: besides those lookups
    answered: bool = False  # to that, something came back that is neither a RST nor an ICMP error
    errors: bool = False  # an ICMP error came

    @property
    def stood(self) -> bool:
        """True when a connection stood."""
        return any(connection.stood for connection in self.connections)

    @property
    def all_stood(self) -> bool:
        """True when there were connections, and all of them stood."""
        return self.stood and all(connection.stood for connection in self.connections)

    @property
    def refused(self) -> bool:
        """True when a connection was refused, or an ICMP error came that may have been about one."""
        return self.errors or any(connection.refused for connection in self.connections)

    @property
    def names_found(self) -> bool:
        """True when no lookup of a name failed, or was needed."""
        return all(code == NO_ERROR for code in self.lookups)

    @property
    def symptom(self) -> Symptom | None:
        """What the packets alone say: of the last connection, or where none was tried, of the name and the rest."""
        if self.connections:
            return self.connections[-1].symptom
        if NAME_ERROR in self.lookups:
            return Symptom.NAME_NOT_FOUND
        if self.lookups and NO_ERROR not in self.lookups:
            return Symptom.NO_RESOLVER
        if self.sent and not self.answered:
            return Symptom.UNREACHABLE if self.errors else Symptom.TIMED_OUT
        return None


def traffic_of(
    host: str, packets: Sequence[CapturedPacket], topology: Topology, blind: Collection[str] = ()
) -> Traffic | None:
    """What a probe's packets show at its host's interfaces.

    Args:
        packets: the probe's own, in the order of time (`trails.packets_of`).
        blind: capture points whose record is not whole.

    Returns:
        None when the record of one of the host's interfaces is not whole: what is missing there proves nothing.
    """
    points = {name for name, interface in topology.interfaces.items() if interface.node == host}
    if not points.isdisjoint(blind):
        return None
    here = [packet for packet in packets if packet.point in points and packet.neighbour is None and not packet.is_outer]
    talk = [packet for packet in here if packet.dns is None] or here
    return Traffic(
        connections=_connections(here),
        lookups=_lookups(here),
        sent=any(packet.direction == "out" for packet in talk),
        answered=any(_is_an_answer(packet) for packet in talk),
        errors=any(packet.direction == "in" and _is_error(packet) for packet in here),
    )


def _is_an_answer(packet: CapturedPacket) -> bool:
    return packet.direction == "in" and packet.flow is not None and "RST" not in kinds(packet)


def _is_error(packet: CapturedPacket) -> bool:
    """An error that ends an attempt; "fragmentation needed" only makes it smaller."""
    is_error = packet.icmp is not None and packet.icmp.quoted is not None
    return is_error and "ICMP fragmentation needed" not in kinds(packet)


def _connections(packets: Iterable[CapturedPacket]) -> tuple[Connection, ...]:
    """Each connection that began with a SYN; ports used again are another one, whose SYN has another number."""
    tracked: list[_Tracked] = []
    latest: dict[Flow, _Tracked] = {}
    for packet in packets:
        flow = packet.flow or (packet.icmp.quoted if packet.icmp and _is_error(packet) else None)
        if flow is None:
            continue
        if packet.tcp is not None and "SYN" in kinds(packet):
            known = latest.get(flow)
            if known is None or known.initial != packet.tcp.seq:
                latest[flow] = _Tracked(packet.tcp.seq)
                tracked.append(latest[flow])
        if flow in latest:
            latest[flow].see(packet)
    return tuple(each.connection for each in tracked)


@dataclass
class _Tracked:
    """A connection while its packets are read."""

    initial: int  # sequence number of the SYN
    connection: Connection = Connection()
    is_answered: bool = False  # a SYN-ACK came
    ended_here: bool = False  # this host has sent FIN or RST

    def see(self, packet: CapturedPacket) -> None:
        """Takes the next packet in."""
        self.connection = self._after(packet)
        self.is_answered = self.is_answered or (packet.direction == "in" and "SYN-ACK" in kinds(packet))
        here_ends = packet.direction == "out" and bool({"FIN", "RST"} & kinds(packet))
        self.ended_here = self.ended_here or here_ends

    def _after(self, packet: CapturedPacket) -> Connection:
        seen, kind = self.connection, kinds(packet)
        if packet.direction == "out":
            return replace(seen, stood=seen.stood or self._stands_by(packet))
        if "SYN-ACK" in kind:
            return seen
        if not seen.stood:
            return self._answered(packet)
        if packet.tcp is None:
            return seen  # an ICMP error about a connection that stands is a hint, and ends nothing: RFC 1122, 4.2.3.9
        return replace(
            seen,
            received_bytes=seen.received_bytes + packet.tcp.payload_bytes,
            reset=seen.reset or ("RST" in kind and not self.ended_here),
            closed=seen.closed or ("FIN" in kind and not self.ended_here),
        )

    def _stands_by(self, packet: CapturedPacket) -> bool:
        """True for what a host sends in a connection alone; a SYN-ACK that came may be filtered on the host itself.

        Source: RFC 9293, section 3.10.7.3: who gets the SYN-ACK is in ESTABLISHED and sends an ACK.
        """
        kind = kinds(packet)
        if "SYN-ACK" in kind:
            return True
        return self.is_answered and packet.tcp is not None and "." in packet.tcp.flags and "RST" not in kind

    def _answered(self, packet: CapturedPacket) -> Connection:
        if packet.icmp is not None:
            if "ICMP port unreachable" in kinds(packet):
                return replace(self.connection, refused=True)
            return replace(self.connection, unreachable=True)
        # A client ignores a RST that does not acknowledge its SYN: RFC 9293, section 3.10.7.3
        refuses = packet.tcp is not None and packet.tcp.ack == (self.initial + 1) % SEQUENCE_SPACE
        return replace(self.connection, refused=True) if refuses and "RST" in kinds(packet) else self.connection


def _lookups(packets: Iterable[CapturedPacket]) -> tuple[int | None, ...]:
    """The response code of each DNS query that left; a query that is repeated is one."""
    codes: dict[tuple[int, str], int | None] = {}
    for packet in packets:
        if packet.dns is None:
            continue
        key = (packet.dns.id, packet.dns.qname.lower())
        if packet.dns.is_answer and packet.direction == "in" and key in codes:
            codes[key] = packet.dns.rcode
        elif not packet.dns.is_answer and packet.direction == "out":
            codes.setdefault(key, None)
    return tuple(codes.values())
