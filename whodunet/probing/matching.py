"""Which of the packets that were heard is a shot as it left, and which answer it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from whodunet.diagnosis.probes import Answer, Shoot, ShotResult
from whodunet.evidence.packets import ECHO_REPLY, ECHO_REQUEST, SEQUENCE_SPACE, CapturedPacket

_LOOPBACK = "lo"
_AnswerKind = Literal["syn-ack", "rst", "icmp-error", "echo-reply", "datagram"]


@dataclass(frozen=True)
class Fired:
    """A shot that was fired, and what its answers are known by."""

    shoot: Shoot
    at_ns: int  # since the epoch
    source_port: int = 0  # of a SYN or datagram; of an echo its identifier
    number: int = 0  # sequence number of a SYN or echo
    error: str | None = None  # the name of the errno with which the system refused to send it


def results_of(fired: Sequence[Fired], packets: Sequence[CapturedPacket]) -> tuple[ShotResult, ...]:
    """What came of each shot.

    Args:
        fired: by time.
        packets: all that were heard, by time; those of other talk, too.
    """
    shots = [_Shot.of(each, packets) for each in fired]
    answers: list[list[Answer]] = [[] for _ in shots]
    for packet in packets:
        answered = [(number, kind) for number, shot in enumerate(shots) if (kind := shot.answer_kind(packet))]
        named = [each for each in answered if shots[each[0]].is_named_by(packet)]
        if answered:
            # What names none of them, as a RST with a number that nobody sent, answers the last before it.
            number, kind = (named or answered)[-1]
            answers[number].append(shots[number].answer(packet, kind))
    return tuple(shot.result(tuple(each)) for shot, each in zip(shots, answers, strict=True))


@dataclass(frozen=True)
class _Shot:
    fired: Fired
    copies: tuple[CapturedPacket, ...]  # itself, as interfaces saw it
    ports: frozenset[int]  # from which it came: what this machine translates bears another one outside

    @classmethod
    def of(cls, fired: Fired, packets: Sequence[CapturedPacket]) -> _Shot:
        copies = tuple(packet for packet in packets if _is_shot(fired, packet))
        return cls(fired, copies, frozenset({fired.source_port, *(copy.ports[0] for copy in copies if copy.ports)}))

    @property
    def leaving(self) -> CapturedPacket | None:
        return next((copy for copy in self.copies if copy.direction == "out" and copy.point != _LOOPBACK), None)

    @property
    def sent(self) -> CapturedPacket | None:
        return self.leaving or next(iter(self.copies), None)

    @property
    def since_ns(self) -> int:
        return self.sent.time_ns if self.sent is not None else self.fired.at_ns

    def result(self, answers: tuple[Answer, ...]) -> ShotResult:
        return ShotResult(answers, self.leaving is not None, self.fired.error, self.sent)

    def answer_kind(self, packet: CapturedPacket) -> _AnswerKind | None:
        """What kind of answer to its flow the packet is; None: it is none."""
        if packet.direction == "out" or packet.ip is None or packet.time_ns < self.since_ns or packet in self.copies:
            return None
        kind = _kind(packet)
        if kind == "icmp-error":
            quoted = packet.icmp and packet.icmp.quoted
            return kind if quoted and any(port in self.ports for _, port in quoted.ends) else None
        fitting = {"syn": ("syn-ack", "rst"), "echo": ("echo-reply",), "datagram": ("datagram",)}
        is_to_shot = packet.ports is not None and packet.ports[1] in self.ports
        return kind if is_to_shot and kind in fitting[self.fired.shoot.kind] else None

    def is_named_by(self, packet: CapturedPacket) -> bool:
        """True where the packet says that it is about this one and no other of its flow."""
        if packet.tcp is not None:
            return self._is_acknowledged(packet)
        if packet.icmp is None:
            return False
        number = packet.icmp.sequence if packet.icmp.quoted is None else packet.icmp.quoted_number
        return number == self.fired.number

    def _is_acknowledged(self, packet: CapturedPacket) -> bool:
        expected = (self.fired.number + 1) % SEQUENCE_SPACE
        return packet.tcp is not None and "." in packet.tcp.flags and packet.tcp.ack == expected

    def answer(self, packet: CapturedPacket, kind: _AnswerKind) -> Answer:
        assert packet.ip is not None
        return Answer(
            kind,
            packet.ip.source,
            (packet.time_ns - self.since_ns) / 1e6,
            packet.ip.ttl,
            packet.ip.id,
            self._is_acknowledged(packet) if packet.tcp is not None else None,
            packet.tcp.window if packet.tcp is not None else None,
            (packet.icmp.type, packet.icmp.code) if kind == "icmp-error" and packet.icmp is not None else None,
            (packet.icmp.next_hop_mtu or None) if packet.icmp is not None else None,
            packet,
        )


def _is_shot(fired: Fired, packet: CapturedPacket) -> bool:
    """A SYN is told by its number, which is nobody else's, for this machine may have translated its ends."""
    if fired.shoot.kind == "syn":
        tcp = packet.tcp
        return tcp is not None and tcp.seq == fired.number and "S" in tcp.flags and "." not in tcp.flags
    if fired.shoot.kind == "echo":
        icmp = packet.icmp
        is_request = packet.ip is not None and icmp is not None and icmp.type == ECHO_REQUEST.get(packet.ip.protocol)
        return is_request and icmp is not None and (icmp.identifier, icmp.sequence) == (fired.source_port, fired.number)
    return packet.udp is not None and packet.ports == (fired.source_port, fired.shoot.port)


def _kind(packet: CapturedPacket) -> _AnswerKind | None:
    if packet.icmp is not None and packet.icmp.quoted is not None:
        return "icmp-error"
    if packet.icmp is not None and packet.ip is not None:
        return "echo-reply" if packet.icmp.type == ECHO_REPLY.get(packet.ip.protocol) else None
    if packet.tcp is not None:
        return "rst" if "R" in packet.tcp.flags else "syn-ack" if "S" in packet.tcp.flags else None
    return "datagram" if packet.udp is not None else None
